package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Kill sends a signal to the container's init or, with all, to every process of the
// container. It returns ErrNotRunning if init has ended; with all it is no error if
// there are no processes. SIGKILL also ends a paused container, and all processes of
// one that shares the host's pid namespace, and a checkpoint of it.
func (c *Container) Kill(sig unix.Signal, all bool) error {
	c.runtime.debugf("kill %s: signal %d, pid %d, all processes: %t", c.dir.ID(), sig, c.state.Pid, all)
	if sig == unix.SIGKILL {
		c.killDumper()
	}
	if all {
		return c.killAll(sig)
	}
	pidfd, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) && c.state.HostPidNS && sig == unix.SIGKILL {
		// Other processes outlive an init that shares the host's pid namespace.
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
	c.runtime.debugf("kill %s: the signal is sent", c.dir.ID())
	return c.thawAfter(sig)
}

// thawAfter thaws a paused container that was sent SIGKILL, which doesn't reach a
// process that is frozen by a v1 freezer.
func (c *Container) thawAfter(sig unix.Signal) error {
	m := c.manager()
	if sig != unix.SIGKILL || m == nil {
		return nil
	}
	return m.ThawKilled()
}

// killAll sends a signal to all processes of the container's cgroup; without a cgroup, to
// its init.
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
	c.runtime.debugf("kill %s: signal %d is sent to all processes of cgroup %v", c.dir.ID(), sig, c.state.Cgroup.Paths)
	return nil
}
