package specconv

import (
	"errors"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// ExecInput is what the plan of a further process in a running container is made
// from. Spec is the container's, Process one in which ValidateProcess has found
// no error.
type ExecInput struct {
	Spec         *specs.Spec
	Process      *specs.Process
	Host         *Host
	NoNewKeyring bool
	PreserveFDs  int
	Env          []string
	Seccomp      *Seccomp
	// InCgroup and CgroupFiles are as in Input.
	InCgroup    bool
	CgroupFiles []string
	// Rootfs is where the container's mounts are, if they are the host's.
	Rootfs string
	// Allows tells what Seccomp lets a process do: the number and first arguments
	// of a system call. It may be nil without Seccomp.
	Allows func(number uintptr, args ...uint64) bool
}

// Exec plans a process that joins a container. Its namespaces are those of the
// container's init, which the file "process", a pidfd, refers to.
func Exec(in ExecInput) (*plan.Plan, error) {
	if in.Process == nil {
		return nil, errors.New("process property must not be empty")
	}
	b := &builder{
		spec: in.Spec, process: in.Process, host: in.Host, in: Input{Rootfs: in.Rootfs},
		ns: namespacesOf(in.Spec, in.Host), seccomp: in.Seccomp,
		plan: &plan.Plan{PreserveFDs: in.PreserveFDs, Steps: make([]plan.Step, 0, 40)},
	}
	b.setEnvironment(in.Env)

	outside := b.settlesOutside()
	filtered := outside && b.passesFilter(in.Allows)
	if b.needsPrivilege() && !filtered {
		outside = false
	}

	b.enterCgroup(in.CgroupFiles)
	b.oomScore()
	b.raiseHardLimits()
	b.joinContainer()
	if !outside {
		b.appear(false)
	}
	b.keyring(in.NoNewKeyring)
	b.labels()
	if !in.InCgroup {
		b.add("", plan.Checkpoint{Point: plan.CheckpointNamespaces})
	}
	b.affinity()
	b.console(plan.Console{Foreign: outside})
	b.umask()
	b.settle()
	if filtered {
		b.filter()
		b.dropPrivilege()
	}
	if outside {
		b.appear(b.process.Terminal)
	}
	b.add("", plan.Created{})
	if !filtered {
		b.filter()
	}
	b.execute()
	return b.plan, nil
}

// joinContainer enters all namespaces that the container doesn't share with the
// runtime. What of it are created and what joined ones makes no difference now.
func (b *builder) joinContainer() {
	flags := b.ns.created | b.ns.joined
	// Before the processes of the container can see this one (CVE-2016-9962).
	b.add("", plan.SetUndumpable{})
	if b.process.ApparmorProfile != "" || b.process.SelinuxLabel != "" {
		// The container's own /proc can't be trusted (CVE-2019-16884).
		b.add("", plan.Proc{})
	}
	b.given(processFile)
	join := plan.JoinProcess{File: processFile, Flags: flags}
	if !b.ownsMounts() {
		join.Root = b.in.Rootfs
	}
	b.add("linux.namespaces", join)
	if flags&unix.CLONE_NEWUSER != 0 && isRootMapped(b.spec.Linux) {
		b.add("", plan.BecomeRoot{})
	}
}

// appear makes the process one of the container's pid namespace.
func (b *builder) appear(terminal bool) {
	if b.ns.has(unix.CLONE_NEWPID | unix.CLONE_NEWTIME) {
		b.add("", plan.Fork{})
	}
	b.add("", plan.Session{Terminal: terminal})
}

// settlesOutside tells whether the process becomes what it is to be before it
// appears in the container's pid namespace. A process there with CAP_SYS_PTRACE
// could get hold of it, concealed or not, unless a user namespace is between the
// two: it must have nothing by then that the container hasn't. A scheduler that
// isn't inherited, and an agent that learns the pid, need a process that is there;
// a limit of processes could be too low for one more.
func (b *builder) settlesOutside() bool {
	if b.ns.has(unix.CLONE_NEWUSER) || !b.ns.has(unix.CLONE_NEWPID) {
		return false
	}
	if s := b.process.Scheduler; s != nil &&
		(s.Policy == specs.SchedDeadline || slices.Contains(s.Flags, specs.SchedFlagResetOnFork)) {
		return false
	}
	for i := range b.process.Rlimits {
		if b.process.Rlimits[i].Type == "RLIMIT_NPROC" && b.process.User.UID != 0 {
			return false
		}
	}
	return b.seccomp == nil || !b.seccomp.Notify
}

// needsPrivilege: without no_new_privs only CAP_SYS_ADMIN may load a filter.
func (b *builder) needsPrivilege() bool { return b.seccomp != nil && !b.process.NoNewPrivileges }

// passesFilter tells whether the filter allows what is left to do after it, when
// it is loaded before the process appears.
func (b *builder) passesFilter(allows func(number uintptr, args ...uint64) bool) bool {
	if b.seccomp == nil || allows == nil {
		return false
	}
	calls := []uintptr{unix.SYS_SETSID, unix.SYS_SENDMSG, unix.SYS_EXECVE}
	if b.needsPrivilege() {
		calls = append(calls, unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_PRCTL)
	}
	if b.process.Terminal && !allows(unix.SYS_IOCTL, 0, unix.TIOCSCTTY) {
		return false
	}
	for _, number := range calls {
		if !allows(number) {
			return false
		}
	}
	return allows(unix.SYS_CLONE, unix.CLONE_PARENT|uint64(unix.SIGCHLD))
}

// dropPrivilege ends what was kept for the filter.
func (b *builder) dropPrivilege() {
	if b.needsPrivilege() {
		b.add("process.capabilities", b.capabilities())
	}
}

// affinity resets what was inherited from the caller, unless the config says
// what is to be inherited: the initial affinity is set before the clone, and
// stays, as far as the cgroup lets it, without a final one.
func (b *builder) affinity() {
	var a specs.CPUAffinity
	if b.process.ExecCPUAffinity != nil {
		a = *b.process.ExecCPUAffinity
	}
	final, _ := ParseList(a.Final)
	initial, _ := ParseList(a.Initial)
	switch {
	case len(final) > 0:
		b.add("process.execCPUAffinity.final", plan.Affinity{Mask: final})
	case len(initial) == 0:
		b.add("", plan.Affinity{})
	}
}
