package libcontainer

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/seccomp"
)

// senderTimeout is the time, in milliseconds, to wait for a process that has nothing left
// to do but to exit.
const senderTimeout = 10_000

// passListener sends the seccomp notify descriptor of the process, which came with m,
// to the agent that the profile names. The sender of m is a helper process that was
// forked for this message alone. passListener returns when it has ended: otherwise the
// process would execute its program with a child that the program doesn't know.
func (l *launch) passListener(status specs.ContainerState, m nsenter.Message) error {
	defer unix.Close(m.FD)
	if l.spec.Linux == nil { // in start, which hasn't read the config yet
		spec, err := l.config()
		if err != nil {
			return err
		}
		l.spec = spec
	}
	profile := l.spec.Linux.Seccomp
	at := place.At("/linux/seccomp/listenerPath")
	if profile == nil || profile.ListenerPath == "" {
		err := place.Wrap(at, errors.New("required for a profile with SCMP_ACT_NOTIFY"))
		return fault.Wrap("seccomp", fault.ConfigInvalid, err)
	}
	err := seccomp.HandOver(profile.ListenerPath, &specs.ContainerProcessState{
		Version: specs.Version, Pid: l.pid, Metadata: profile.ListenerMetadata,
		State: ociState(l.state, status),
	}, m.FD)
	if err != nil {
		return &fault.Fault{Err: err, Code: fault.ProcessFailed, Step: "seccomp", Field: at.Pointer}
	}
	sender, err := unix.PidfdOpen(m.Pid, 0)
	if err != nil { // it has ended
		return nil
	}
	pidfd.Wait(sender, senderTimeout)
	unix.Close(sender)
	return nil
}
