package specconv

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

type namespaceType struct {
	name     specs.LinuxNamespaceType
	flag     uint64
	file     string // in /proc/PID/ns
	optional bool   // a kernel may be built without it
}

// The namespace types by name.
var namespaceTypes = [...]namespaceType{
	{specs.CgroupNamespace, unix.CLONE_NEWCGROUP, "cgroup", true},
	{specs.IPCNamespace, unix.CLONE_NEWIPC, "ipc", false},
	{specs.MountNamespace, unix.CLONE_NEWNS, "mnt", false},
	{specs.NetworkNamespace, unix.CLONE_NEWNET, "net", false},
	{specs.PIDNamespace, unix.CLONE_NEWPID, "pid", false},
	{specs.TimeNamespace, unix.CLONE_NEWTIME, "time", true},
	{specs.UserNamespace, unix.CLONE_NEWUSER, "user", true},
	{specs.UTSNamespace, unix.CLONE_NEWUTS, "uts", false},
}

func namespaceOf(name specs.LinuxNamespaceType) (namespaceType, bool) {
	for _, t := range namespaceTypes {
		if t.name == name {
			return t, true
		}
	}
	return namespaceType{}, false
}

func hasNamespace(spec *specs.Spec, name specs.LinuxNamespaceType) bool {
	if spec.Linux == nil {
		return false
	}
	for i := range spec.Linux.Namespaces {
		if spec.Linux.Namespaces[i].Type == name {
			return true
		}
	}
	return false
}

// namespaceSet is what a config does with namespaces. One that is to be joined,
// but that the runtime is in already, is in neither set: nothing is private
// in it.
type namespaceSet struct {
	created, joined uint64
	list            []specs.LinuxNamespace
}

func namespacesOf(spec *specs.Spec, host *Host) namespaceSet {
	var n namespaceSet
	if spec.Linux == nil {
		return n
	}
	n.list = spec.Linux.Namespaces
	for i := range n.list {
		t, ok := namespaceOf(n.list[i].Type)
		switch {
		case !ok || t.flag&host.Own != 0:
		case n.list[i].Path == "":
			n.created |= t.flag
		default:
			n.joined |= t.flag
		}
	}
	return n
}

func (n namespaceSet) has(flag uint64) bool { return (n.created|n.joined)&flag != 0 }

// isRelayed tells whether the process can't be the one that the first clone
// makes: a pid or time namespace is entered only by a child, and a new user
// namespace must have its maps before anything else is made in it.
func (n namespaceSet) isRelayed() bool {
	return n.created&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0 ||
		n.joined&(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME|unix.CLONE_NEWPID) != 0
}

// The orders in which namespaces are joined. Root joins the user namespace last,
// since the others may belong to the host's; without privileges only the user
// namespace gives those that the others need. The mount namespace comes late
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

// enterNamespaces plans everything up to the point where the process is in all
// its namespaces, as their root.
func (b *builder) enterNamespaces() {
	n := b.ns
	// The parent writes to the child's files in /proc, which a concealed child
	// would deny to a parent that isn't root.
	parentWrites := n.created&unix.CLONE_NEWUSER != 0 || b.setsTimeOffsets()
	b.oomScore()
	if !n.isRelayed() {
		b.plan.CloneFlags = n.created &^ unix.CLONE_NEWCGROUP
		b.add("", plan.Session{})
	}
	b.raiseHardLimits()
	if !parentWrites {
		b.add("", plan.SetUndumpable{})
	}
	b.joinNamespaces()
	if early := n.created & (unix.CLONE_NEWUSER | unix.CLONE_NEWTIME); early != 0 {
		b.add("linux.namespaces", plan.Unshare{Flags: early})
	}
	// A cgroup namespace shows the cgroup it was made in as its root, and without
	// one the cgroup's directories may be mounted: the process must be in its own
	// by then.
	awaitsCgroup := !b.in.InCgroup && (n.created&unix.CLONE_NEWCGROUP != 0 || len(b.in.Cgroups) > 0)
	if parentWrites || awaitsCgroup {
		b.add("", plan.Checkpoint{Point: plan.CheckpointMaps})
	}
	if parentWrites {
		b.add("", plan.SetUndumpable{})
	}
	if n.has(unix.CLONE_NEWUSER) && isRootMapped(b.spec.Linux) {
		b.add("", plan.BecomeRoot{})
	}
	if n.isRelayed() {
		b.add("linux.namespaces", plan.Fork{Flags: n.created &^ (unix.CLONE_NEWUSER | unix.CLONE_NEWTIME)})
		b.add("", plan.Session{})
	} else if n.created&unix.CLONE_NEWCGROUP != 0 {
		b.add("linux.namespaces", plan.Unshare{Flags: unix.CLONE_NEWCGROUP})
	}
}

func (b *builder) setsTimeOffsets() bool {
	return b.ns.created&unix.CLONE_NEWTIME != 0 && len(b.spec.Linux.TimeOffsets) > 0
}

func (b *builder) joinNamespaces() {
	if b.ns.joined == 0 {
		return
	}
	if b.writesProc() {
		// Nothing reached by a path is trusted after joining.
		b.add("", plan.Proc{})
	}
	order := joinAsRoot[:]
	if b.host.EUID != 0 {
		order = joinRootless[:]
	}
	for _, name := range order {
		t, _ := namespaceOf(name)
		if b.ns.joined&t.flag == 0 {
			continue
		}
		for i := range b.ns.list {
			if b.ns.list[i].Type == name {
				b.join(i, t)
			}
		}
	}
}

func (b *builder) join(i int, t namespaceType) {
	origin := "linux.namespaces[" + strconv.Itoa(i) + "] " + string(t.name)
	file := plan.File{
		Name: "ns " + string(t.name), Source: plan.Namespace, Path: b.ns.list[i].Path,
		NSType: t.flag, Origin: origin,
	}
	b.plan.Files = append(b.plan.Files, file)
	b.add(origin, plan.Join{File: file.Name, Type: t.flag})
}

// isRootMapped tells whether the user namespace has a root. One that is joined
// without its maps in the config is taken to have it.
func isRootMapped(linux *specs.Linux) bool {
	if len(linux.UIDMappings) == 0 && len(linux.GIDMappings) == 0 {
		return true
	}
	return isMapped(linux.UIDMappings, 0) && isMapped(linux.GIDMappings, 0)
}

func isMapped(mappings []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range mappings {
		if id >= m.ContainerID && uint64(id) < uint64(m.ContainerID)+uint64(m.Size) {
			return true
		}
	}
	return false
}

// DeniesSetgroups tells whether the gid map of a new user namespace can be
// written only after setgroups(2) has been denied in it, user_namespaces(7):
// when an unprivileged runtime maps its own group and nothing else.
func DeniesSetgroups(spec *specs.Spec, host *Host) bool {
	return host.EUID != 0 && namespacesOf(spec, host).created&unix.CLONE_NEWUSER != 0 &&
		len(spec.Linux.GIDMappings) == 1 && spec.Linux.GIDMappings[0].Size == 1 &&
		spec.Linux.GIDMappings[0].HostID == host.EGID
}

func (c *checker) namespaces() {
	linux := c.spec.Linux
	var seen uint64
	for i := range linux.Namespaces {
		entry := &linux.Namespaces[i]
		at := "/linux/namespaces/" + strconv.Itoa(i)
		t, ok := namespaceOf(entry.Type)
		switch {
		case !ok:
			c.errorf(at+"/type", "unknown namespace type %q", entry.Type).Hint = "known are cgroup, ipc, mount, network, pid, time, user and uts"
			continue
		case seen&t.flag != 0:
			c.errorf(at, "malformed spec file: duplicated ns %q", string(entry.Type))
		case entry.Path != "" && !filepath.IsAbs(entry.Path):
			c.errorf(at+"/path", "namespace path %q is not absolute", entry.Path)
		case c.host.Missing&t.flag != 0:
			c.errorf(at, "%s namespaces aren't enabled in the kernel", t.name)
		}
		seen |= t.flag
	}
	c.mountNamespace()
	c.userNamespace()
	c.timeNamespace()
	c.nameSpaced()
}

// mountNamespace: one that is inherited is a must of the specification, and
// confines a container with chroot(2) only.
func (c *checker) mountNamespace() {
	const hint = `add {"type": "mount"} to linux.namespaces`
	switch {
	case c.ns.has(unix.CLONE_NEWNS):
	case c.ns.has(unix.CLONE_NEWUSER) || c.host.EUID != 0:
		c.errorf("/linux/namespaces", "containers without a mount namespace of their own are not supported in a user namespace").Hint = hint
	case len(c.spec.Linux.MaskedPaths)+len(c.spec.Linux.ReadonlyPaths) > 0:
		// They protect from a root user, whom chroot(2) doesn't hold.
		c.errorf("/linux/namespaces", "unable to restrict sys entries without a private MNT namespace").Hint = hint
	default:
		c.warnf("/linux/namespaces", "without a mount namespace of its own the container's mounts are the host's, and chroot(2) is what confines it").Hint = hint
	}
}

func (c *checker) userNamespace() {
	linux := c.spec.Linux
	mapped := len(linux.UIDMappings) > 0 || len(linux.GIDMappings) > 0
	created := c.ns.created&unix.CLONE_NEWUSER != 0
	switch {
	case c.host.EUID != 0 && !hasNamespace(c.spec, specs.UserNamespace):
		c.errorf("/linux/namespaces", "rootless container requires user namespaces").Hint = `"runnel spec --rootless" writes such a config`
	case created && c.host.EUID != 0 && len(linux.UIDMappings) == 0:
		c.errorf("/linux/uidMappings", "rootless containers requires at least one UID mapping")
	case created && c.host.EUID != 0 && len(linux.GIDMappings) == 0:
		c.errorf("/linux/gidMappings", "rootless containers requires at least one GID mapping")
	case created && !mapped:
		c.errorf("/linux/namespaces", "user namespaces enabled, but no namespace path to join nor mappings to apply specified")
	case created && len(linux.UIDMappings) == 0:
		c.errorf("/linux/uidMappings", "no uid mappings specified for the user namespace")
	case created && len(linux.GIDMappings) == 0:
		c.errorf("/linux/gidMappings", "no gid mappings specified for the user namespace")
	case mapped && !hasNamespace(c.spec, specs.UserNamespace):
		c.errorf("/linux/namespaces", "user namespace mappings specified, but user namespace isn't enabled in the config")
	}
	c.mappings("/linux/uidMappings", linux.UIDMappings)
	c.mappings("/linux/gidMappings", linux.GIDMappings)
}

// mappings checks what the kernel would refuse without saying why.
func (c *checker) mappings(at string, list []specs.LinuxIDMapping) {
	for i, m := range list {
		here := at + "/" + strconv.Itoa(i)
		if m.Size == 0 {
			c.errorf(here, "maps no ids: its size is 0")
		}
		if uint64(m.ContainerID)+uint64(m.Size) > 1<<32 || uint64(m.HostID)+uint64(m.Size) > 1<<32 {
			c.errorf(here, "maps ids beyond the last one, 4294967294")
		}
		for j, o := range list[:i] {
			if overlap(m.ContainerID, o.ContainerID, m.Size, o.Size) || overlap(m.HostID, o.HostID, m.Size, o.Size) {
				c.errorf(here, "overlaps with mapping %d", j)
				break
			}
		}
	}
}

func overlap(a, b, sizeA, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

func (c *checker) timeNamespace() {
	offsets := c.spec.Linux.TimeOffsets
	if len(offsets) == 0 {
		return
	}
	switch {
	case c.ns.joined&unix.CLONE_NEWTIME != 0:
		c.errorf("/linux/timeOffsets", "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one")
	case c.ns.created&unix.CLONE_NEWTIME == 0:
		c.errorf("/linux/timeOffsets", "time namespace offsets specified, but time namespace isn't enabled in the config")
	}
	for _, clock := range slices.Sorted(maps.Keys(offsets)) {
		offset := offsets[clock]
		if clock != "monotonic" && clock != "boottime" {
			c.errorf("/linux/timeOffsets/"+place.Escape(clock), "unknown clock %q", clock).Hint = "a time namespace has the clocks monotonic and boottime"
		}
		if offset.Nanosecs >= 1e9 {
			c.errorf("/linux/timeOffsets/"+place.Escape(clock)+"/nanosecs", "%d nanoseconds are a second or more", offset.Nanosecs)
		}
	}
}

// nameSpaced checks properties that must not be changed for the whole host.
func (c *checker) nameSpaced() {
	if c.spec.Hostname != "" && !c.ns.has(unix.CLONE_NEWUTS) {
		c.errorf("/hostname", "unable to set hostname without a private UTS namespace")
	}
	if c.spec.Domainname != "" && !c.ns.has(unix.CLONE_NEWUTS) {
		c.errorf("/domainname", "unable to set domainname without a private UTS namespace")
	}
	for _, n := range [...]struct{ at, name string }{{"/hostname", c.spec.Hostname}, {"/domainname", c.spec.Domainname}} {
		if len(n.name) > 64 {
			c.errorf(n.at, "%d bytes are longer than the 64 that the kernel takes", len(n.name))
		}
	}
}
