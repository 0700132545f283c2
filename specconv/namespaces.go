package specconv

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// isRelayed reports whether the process can't be the one that the first clone creates,
// but only a child of that: only a child enters a pid or time namespace, and a new user
// namespace must have its id maps before anything else is created in it.
func (b *builder) isRelayed() bool {
	return b.ns.Created&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0 ||
		b.ns.Joined&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0 ||
		b.ns.Joined&unix.CLONE_NEWPID != 0 && !b.outside
}

// The orders in which namespaces are joined. Root joins the user namespace last, since
// the others may belong to the host's; an ordinary user joins it first, since only that
// grants the privileges that joining the others requires. The mount namespace comes late
// because it changes the root directory.
var (
	joinAsRoot = [...]specs.LinuxNamespaceType{
		specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.PIDNamespace,
		specs.TimeNamespace, specs.CgroupNamespace, specs.MountNamespace, specs.UserNamespace,
	}
	joinRootless = [...]specs.LinuxNamespaceType{
		specs.UserNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace,
		specs.PIDNamespace, specs.TimeNamespace, specs.CgroupNamespace, specs.MountNamespace,
	}
)

// enterNamespaces plans everything until the process is in all its namespaces, as their
// root.
func (b *builder) enterNamespaces() {
	n := b.ns
	// The parent writes to the child's files in /proc, which belong to root while the
	// child is undumpable, so that a parent that isn't root may not.
	parentWrites := n.Created&unix.CLONE_NEWUSER != 0 || b.setsTimeOffsets()
	b.oomScore()
	if !b.isRelayed() {
		b.plan.CloneFlags = n.Created &^ unix.CLONE_NEWCGROUP
		b.addOwn(plan.Session{})
	}
	b.raiseHardLimits()
	if !parentWrites {
		b.addOwn(plan.SetUndumpable{})
	}
	b.joinNamespaces()
	if early := n.Created & (unix.CLONE_NEWUSER | unix.CLONE_NEWTIME); early != 0 {
		b.add(place.At("/linux/namespaces"), plan.Unshare{Flags: early})
	}
	// A cgroup namespace has the cgroup that it is created in as its root, and without
	// one the cgroup's directories may be mounted: the process must be in its own
	// cgroup by then.
	awaitsCgroup := !b.in.InCgroup && (n.Created&unix.CLONE_NEWCGROUP != 0 || len(b.in.Cgroups) > 0)
	if parentWrites || awaitsCgroup {
		b.addOwn(plan.Checkpoint{Point: plan.CheckpointMaps})
	}
	if parentWrites {
		b.addOwn(plan.SetUndumpable{})
	}
	if n.Has(unix.CLONE_NEWUSER) && isRootMapped(b.spec.Linux) {
		b.addOwn(plan.BecomeRoot{KeepGroups: b.keepsGroups()})
	}
	if b.isRelayed() {
		b.add(place.At("/linux/namespaces"), plan.Fork{Flags: n.Created &^ (unix.CLONE_NEWUSER | unix.CLONE_NEWTIME)})
		b.addOwn(plan.Session{})
	} else if n.Created&unix.CLONE_NEWCGROUP != 0 {
		b.add(place.At("/linux/namespaces"), plan.Unshare{Flags: unix.CLONE_NEWCGROUP})
	}
}

func (b *builder) setsTimeOffsets() bool {
	return b.ns.Created&unix.CLONE_NEWTIME != 0 && len(b.spec.Linux.TimeOffsets) > 0
}

func (b *builder) joinNamespaces() {
	if b.ns.Joined == 0 {
		return
	}
	if b.usesProc() || b.ns.Joined&unix.CLONE_NEWNS != 0 && b.asksParent() {
		// After joining, nothing that is reached by a path can be trusted.
		b.addOwn(plan.Proc{})
	}
	order := joinAsRoot[:]
	if b.host.EUID != 0 {
		order = joinRootless[:]
	}
	for _, name := range order {
		t, _ := words.Namespace(name)
		if b.ns.Joined&t.Flag == 0 {
			continue
		}
		file := b.namespaceFile(t)
		if t.Flag != unix.CLONE_NEWPID || !b.outside {
			b.add(file.Origin, plan.Join{File: file.Name, Type: t.Flag})
		}
	}
}

// namespaceFile adds the namespace that the config joins to the files that the parent
// opens.
func (b *builder) namespaceFile(t words.NamespaceType) plan.File {
	i := slices.IndexFunc(b.ns.List, func(n specs.LinuxNamespace) bool { return n.Type == t.Name })
	file := plan.File{
		Name: namespaceFileName(t.Name), Source: plan.Namespace, Path: b.ns.List[i].Path,
		NSType: t.Flag, Origin: config.NamespacePlace(i, t.Name),
	}
	b.plan.Files = append(b.plan.Files, file)
	return file
}

func namespaceFileName(name specs.LinuxNamespaceType) string { return "ns " + string(name) }

// joinPIDNamespace plans to join the pid namespace, which the process itself enters with
// its next fork.
func (b *builder) joinPIDNamespace() {
	name := namespaceFileName(specs.PIDNamespace)
	i := slices.IndexFunc(b.plan.Files, func(f plan.File) bool { return f.Name == name })
	b.add(b.plan.Files[i].Origin, plan.Join{File: name, Type: unix.CLONE_NEWPID})
}

// isRootMapped reports whether the user namespace has a root. One that is joined, and
// whose maps the config doesn't repeat, is assumed to have it.
func isRootMapped(linux *specs.Linux) bool {
	if len(linux.UIDMappings) == 0 && len(linux.GIDMappings) == 0 {
		return true
	}
	_, uid := config.HostID(linux.UIDMappings, 0)
	_, gid := config.HostID(linux.GIDMappings, 0)
	return uid && gid
}
