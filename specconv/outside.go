package specconv

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// In a pid namespace that has other processes, one with CAP_SYS_PTRACE can trace a process
// that enters it, even an undumpable one, unless a user namespace is between the two. So
// the process is prepared outside, where they don't see it, and by the time it enters has
// no privilege that the program lacks.

// preparesOutside reports whether a process of exec can be prepared outside. An agent that
// is told the pid needs a process that is inside.
func (b *builder) preparesOutside() bool {
	return b.ns.Has(unix.CLONE_NEWPID) && !b.ns.Has(unix.CLONE_NEWUSER) && b.inheritsScheduler() &&
		(b.seccomp == nil || !b.seccomp.Notify)
}

// createsOutside reports whether a container that joins a pid namespace can be prepared
// outside. A procfs for another pid namespace requires Linux 6.18.
func (b *builder) createsOutside() bool {
	return b.ns.Joined&unix.CLONE_NEWPID != 0 && !b.ns.Has(unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) &&
		b.inheritsScheduler() && (b.host.Kernel.AtLeast(6, 18) || !b.mountsProc())
}

// inheritsScheduler reports whether a fork inherits the scheduler of the process.
func (b *builder) inheritsScheduler() bool {
	if b.process == nil || b.process.Scheduler == nil {
		return true
	}
	s := b.process.Scheduler
	return s.Policy != specs.SchedDeadline && !slices.Contains(s.Flags, specs.SchedFlagResetOnFork)
}

func (b *builder) mountsProc() bool {
	return slices.ContainsFunc(b.spec.Mounts, func(m specs.Mount) bool { return m.Type == "proc" })
}

// enterPIDNamespace plans the fork after which the process is in the container's pid
// namespace, where its other processes see it.
func (b *builder) enterPIDNamespace(terminal bool) {
	if b.ns.Has(unix.CLONE_NEWPID | unix.CLONE_NEWTIME) {
		b.addOwn(plan.Fork{})
	}
	b.addOwn(plan.Session{Terminal: terminal})
}

// isLast reports whether a limit is set only after the process has entered its pid
// namespace: the limit of processes could be too low for the fork.
func (b *builder) isLast(r *specs.POSIXRlimit) bool {
	return b.outside && r.Type == "RLIMIT_NPROC" && b.process.User.UID != 0
}

func (b *builder) hasLastLimit() bool {
	return slices.ContainsFunc(b.process.Rlimits, func(r specs.POSIXRlimit) bool { return b.isLast(&r) })
}

// limitProcesses plans to set the limits that isLast reports.
func (b *builder) limitProcesses() {
	for i := range b.process.Rlimits {
		if r := &b.process.Rlimits[i]; b.isLast(r) {
			b.add(rlimitPlace(i), rlimitOp(r))
		}
	}
}
