package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Kill sends a signal to the container's init, or, with all, to every process
// of it. ErrNotRunning if there is none; with all that is fine.
func (c *Container) Kill(sig unix.Signal, all bool) error {
	if all {
		return c.killAll(sig)
	}
	pidfd, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) && c.state.HostPidNS && sig == unix.SIGKILL {
		// Its init is gone, but not what shares the host's pid namespace.
		return c.killAll(sig)
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	err = unix.PidfdSendSignal(pidfd, sig, nil, 0)
	if err == unix.ESRCH {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send signal %d to pid %d: %w", sig, c.state.Pid, err)
	}
	if sig == unix.SIGKILL && c.state.HostPidNS {
		return c.killAll(sig)
	}
	return c.thawAfter(sig)
}

// thawAfter lets a paused container die: SIGKILL doesn't reach a process that a
// v1 freezer holds.
func (c *Container) thawAfter(sig unix.Signal) error {
	m := c.manager()
	if sig != unix.SIGKILL || m == nil {
		return nil
	}
	frozen, err := m.Frozen()
	if err != nil || !frozen {
		return nil
	}
	return m.Thaw()
}

func (c *Container) killAll(sig unix.Signal) error {
	m := c.manager()
	if m == nil {
		pidfd, err := c.state.OpenProcess()
		if err != nil {
			return nil
		}
		defer unix.Close(pidfd)
		return unix.PidfdSendSignal(pidfd, sig, nil, 0)
	}
	err := m.Kill(sig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("send signal %d to all processes of %s: %w", sig, c.dir.ID(), err)
	}
	return nil
}
