package specconv

import (
	"path"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

const defaultUmask = 0o022

// chownStreams plans to change the owner of the standard streams to the user of the
// process while that is possible: the root of a new user namespace can't change the
// owner of files of the host.
func (b *builder) chownStreams() {
	if b.process == nil || b.process.Terminal || b.ns.Created&unix.CLONE_NEWUSER == 0 || b.host.EUID != 0 {
		return
	}
	if uid, ok := config.HostID(b.spec.Linux.UIDMappings, b.process.User.UID); ok {
		b.add(place.At("/process/user"), plan.Stdio{UID: uid})
	}
}

func (b *builder) oomScore() {
	if b.process != nil && b.process.OOMScoreAdj != nil {
		b.add(place.At("/process/oomScoreAdj"), plan.OOMScoreAdj{Value: *b.process.OOMScoreAdj})
	}
}

// keyring plans a new session keyring, so that the process doesn't share the keys of the
// runtime's caller.
func (b *builder) keyring(skip bool) {
	if skip {
		return
	}
	if b.process != nil && b.process.SelinuxLabel != "" {
		b.add(place.At("/process/selinuxLabel"), plan.Label{Path: "attr/keycreate", Value: b.process.SelinuxLabel})
	}
	b.addOwn(plan.Keyring{})
}

func (b *builder) console(op plan.Console) {
	if b.process == nil || !b.process.Terminal {
		return
	}
	op.File, op.LineFeeds = ConsoleFile, b.in.LineFeeds
	if s := b.process.ConsoleSize; s != nil {
		op.Rows, op.Cols = uint16(s.Height), uint16(s.Width)
	}
	b.provide(ConsoleFile)
	b.add(place.At("/process/terminal"), op)
}

// labels plans to set the security context that takes effect with the next execve(2).
func (b *builder) labels() {
	if b.process == nil {
		return
	}
	if name := b.process.ApparmorProfile; name != "" {
		b.add(place.At("/process/apparmorProfile"), plan.Label{Path: "attr/apparmor/exec", Fallback: "attr/exec", Value: "exec " + name})
	}
	if label := b.process.SelinuxLabel; label != "" {
		b.add(place.At("/process/selinuxLabel"), plan.Label{Path: "attr/exec", Value: label})
	}
}

// usesProc reports whether a step after joining the namespaces uses procfs.
func (b *builder) usesProc() bool {
	if b.in.NoPivot {
		return true
	}
	if b.process != nil && (b.process.ApparmorProfile != "" || b.process.SelinuxLabel != "") {
		return true
	}
	return b.spec.Linux != nil && len(b.spec.Linux.Sysctl) > 0
}

func (b *builder) umask() {
	mask := uint32(defaultUmask)
	if b.process != nil && b.process.User.Umask != nil {
		mask = *b.process.User.Umask
	}
	b.addOwn(plan.Umask{Mask: mask})
}

// prepareProcess plans to set everything that the process has beside its namespaces and
// root, and to find the program. After it only `start` is missing.
func (b *builder) prepareProcess() {
	p := b.process
	restricted := b.ruleset()
	b.addOwn(plan.Stdio{UID: p.User.UID})
	b.scheduling()
	if b.looksUpHome {
		b.addOwn(plan.Home{UID: p.User.UID})
	}
	cwd := path.Clean(p.Cwd)
	b.add(place.At("/process/cwd"), plan.Chdir{Path: cwd, Early: true})
	b.resourceLimits()
	b.add(place.At("/process/user"), plan.Identity{
		UID: p.User.UID, GID: p.User.GID, Groups: p.User.AdditionalGids,
		SetGroups: !b.deniesGroups() && !b.keepsGroups(),
	})
	b.add(place.At("/process/cwd"), plan.Chdir{Path: cwd})
	if p.NoNewPrivileges {
		b.add(place.At("/process/noNewPrivileges"), plan.NoNewPrivileges{})
	}
	caps := b.capabilities()
	isPrivileged := restricted && !p.NoNewPrivileges
	if b.needsPrivilege() || isPrivileged {
		// It is neither inheritable nor ambient, so that it ends with the next execve(2)
		// if the filter doesn't allow to drop it.
		caps.Keep = capSysAdmin &^ caps.Effective
	}
	b.add(place.At("/process/capabilities"), caps)
	if restricted {
		b.addOwn(plan.LandlockRestrict{})
	}
	if isPrivileged && b.seccomp == nil {
		b.add(place.At("/process/capabilities"), b.capabilities())
	}
	b.add(place.At("/process/args/0"), plan.ResolveExec{Name: p.Args[0], Path: b.searchPath()})
}

func (b *builder) capabilities() plan.Capabilities {
	granted := config.GrantCapabilities(b.process.Capabilities, config.AvailableCapabilities(b.ns, b.host))
	return plan.Capabilities{
		Bounding: granted.Bounding, Effective: granted.Effective, Inheritable: granted.Inheritable,
		Permitted: granted.Permitted, Ambient: granted.Ambient,
	}
}

func (b *builder) execute() {
	b.add(place.At("/process/args/0"), plan.Exec{Args: b.process.Args, Env: b.fullEnv()})
}

// fullEnv returns the environment of the process; the child fills in a HOME at its end.
func (b *builder) fullEnv() []string {
	if !b.looksUpHome {
		return b.env
	}
	return append(b.env[:len(b.env):len(b.env)], "HOME=")
}

// keepsGroups reports whether the process keeps the supplementary groups of the caller.
func (b *builder) keepsGroups() bool {
	_, ok := b.spec.Annotations[words.KeepGroupsAnnotation]
	return ok
}

// deniesGroups reports whether setgroups(2) is denied: it is in a user namespace whose gid
// map an unprivileged process has written. One that is joined may be such a namespace;
// without groups to set nothing is missing, since BecomeRoot has dropped them.
func (b *builder) deniesGroups() bool {
	return config.GroupsDenied(b.spec, b.host) ||
		b.host.EUID != 0 && b.ns.Joined&unix.CLONE_NEWUSER != 0 && len(b.process.User.AdditionalGids) == 0
}
