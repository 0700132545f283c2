package specconv

import (
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// Seccomp is a compiled filter with its flags, seccomp(2). With Notify, its listener is
// passed to the parent.
type Seccomp struct {
	Filter []byte
	Flags  uint64
	Notify bool
	// Allows reports whether the filter allows a system call with this number and these
	// first arguments.
	Allows func(number uintptr, args ...uint64) bool
}

// systemCall is a system call with its first arguments.
type systemCall struct {
	number uintptr
	args   []uint64
}

func callsOf(numbers ...uintptr) []systemCall {
	calls := make([]systemCall, len(numbers))
	for i, number := range numbers {
		calls[i].number = number
	}
	return calls
}

// callsToEnter returns the system calls of the steps from entering a pid namespace on.
func (b *builder) callsToEnter() []systemCall {
	calls := append(callsOf(unix.SYS_SETSID, unix.SYS_SENDMSG, unix.SYS_EXECVE),
		systemCall{unix.SYS_CLONE, []uint64{unix.CLONE_PARENT | uint64(unix.SIGCHLD)}})
	if b.hasLastLimit() {
		calls = append(calls, callsOf(unix.SYS_PRLIMIT64)...)
	}
	if b.process.Terminal {
		calls = append(calls, systemCall{unix.SYS_IOCTL, []uint64{0, unix.TIOCSCTTY}})
	}
	return calls
}

// callsToWait returns the system calls of a process that waits for `start`, and then
// executes the program.
func (b *builder) callsToWait() []systemCall {
	calls := callsOf(unix.SYS_SENDMSG, unix.SYS_RECVFROM, unix.SYS_EXECVE)
	if b.in.StartSocket {
		calls = append(calls, callsOf(unix.SYS_ACCEPT4, unix.SYS_SETSOCKOPT, unix.SYS_CLOSE, unix.SYS_RT_SIGACTION)...)
	}
	return calls
}

// needsPrivilege reports whether loading the filter requires CAP_SYS_ADMIN, which it does
// without no_new_privs.
func (b *builder) needsPrivilege() bool { return b.seccomp != nil && !b.process.NoNewPrivileges }

// passesFilter reports whether there is a filter that can be loaded before these system
// calls: it must allow them, and those that drop the privilege for loading it. One that
// notifies an agent would ask it about them.
func (b *builder) passesFilter(calls ...systemCall) bool {
	if b.seccomp == nil || b.seccomp.Notify || b.seccomp.Allows == nil {
		return false
	}
	if b.needsPrivilege() {
		calls = append(calls, callsOf(unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_PRCTL)...)
	}
	for _, c := range calls {
		if !b.seccomp.Allows(c.number, c.args...) {
			return false
		}
	}
	return true
}

func (b *builder) loadFilter() {
	if b.seccomp == nil {
		return
	}
	b.add(place.At("/linux/seccomp"), plan.Seccomp{Filter: b.seccomp.Filter, Flags: b.seccomp.Flags, Notify: b.seccomp.Notify})
}

// dropPrivilege plans to drop the capability that was kept for loading the filter.
func (b *builder) dropPrivilege() {
	if b.needsPrivilege() {
		b.add(place.At("/process/capabilities"), b.capabilities())
	}
}
