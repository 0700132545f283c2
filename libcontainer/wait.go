package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/state"
)

// Exit describes how the container's init has ended.
type Exit struct {
	ExitStatus
	// OOMKills is the number of the container's processes that the kernel has killed
	// because of a lack of memory; -1 if it isn't known.
	OOMKills int
	// Finished is the time at which the end was noticed; zero if nobody has.
	Finished time.Time
	// Failure is View.Failure: the program was never executed.
	Failure string
}

// OOMKilled reports whether init was killed, and the kernel has killed processes of the
// container because of a lack of memory.
func (x *Exit) OOMKilled() bool { return x.Signal == unix.SIGKILL && x.OOMKills > 0 }

// ErrExitUnknown is returned by Wait if init has ended and its status can't be found out
// any more: it was reaped before Wait was called, or before Linux 6.15 at the same moment,
// by a process that hasn't called RecordExit.
var ErrExitUnknown = errors.New("its exit status is unknown: nobody who waited for it has recorded it")

// Wait waits until the container's init has ended, and returns how. The calling process
// need not be its parent. The result is recorded, so that View and later calls return the
// same, until the container is deleted. If ctx is done first, the error is that of ctx;
// otherwise it is ErrExitUnknown, or a fault.State for a container that is being created.
func (c *Container) Wait(ctx context.Context) (*Exit, error) {
	if c.state.Pid == 0 {
		return nil, fault.State("cannot wait for a container in the creating state")
	}
	process, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) {
		return c.pastExit()
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(process)
	w := exitWatch{process: process, manager: c.manager(), kills: -1}
	if err := w.run(ctx); err != nil {
		return nil, fmt.Errorf("wait for %s: %w", c.ID(), err)
	}
	finished := time.Now()
	c.runtime.debugf("wait %s: pid %d has ended", c.ID(), c.state.Pid)
	if err := c.reload(); err != nil { // for the failure that a start has saved
		c.runtime.warn(err.Error())
	}
	status, ok := c.exitStatus(process)
	if !ok {
		return c.pastExit() // others may have recorded it
	}
	return c.recordExit(&state.Exit{Status: status, OOMKills: w.kills, Finished: finished})
}

// exitWatch waits for the end of a process. It counts OOM kills as they happen, because
// others may remove the cgroup as soon as the process has ended.
type exitWatch struct {
	process int
	manager cgroups.Manager // nil if the container has no cgroup
	kills   int             // -1 if unknown
}

func (w *exitWatch) run(ctx context.Context) error {
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	fds := []unix.PollFd{{Fd: int32(w.process), Events: unix.POLLIN}, cancelled.PollFd()}
	var oom cgroups.OOMWatch
	if w.manager != nil {
		if oom, err = w.manager.WatchOOM(); err == nil {
			defer oom.Close()
			fds = append(fds, oom.Poll())
		}
		w.count()
	}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return fmt.Errorf("poll: %w", err)
		}
		if len(fds) > 2 && fds[2].Revents != 0 {
			if _, err := oom.Happened(); err != nil {
				fds = fds[:2] // the cgroup is gone
			}
			w.count()
		}
		switch {
		case fds[0].Revents != 0:
			w.count()
			return nil
		case fds[1].Revents != 0:
			return ctx.Err()
		}
	}
}

// count keeps the last number if the cgroup is gone.
func (w *exitWatch) count() {
	if w.manager == nil {
		return
	}
	if n, err := w.manager.OOMKills(); err == nil {
		w.kills = int(n)
	}
}

// reapTimeout is the time, in milliseconds, in which the parent of an init that has ended is
// expected to reap it, if this process may not read the status before that.
const reapTimeout = 500

// exitStatus returns the status of an init that has ended: from procfs until its parent reaps
// it, from the pidfd after that.
func (c *Container) exitStatus(process int) (unix.WaitStatus, bool) {
	if status, ok := pidfd.ExitStatus(process); ok {
		return status, true
	}
	if status, ok := procfs.ExitStatus(c.state.Pid, c.state.StartTime); ok {
		return status, true
	}
	pidfd.WaitReaped(process, reapTimeout)
	return pidfd.ExitStatus(process)
}

// pastExit returns the record of an init that has ended. If its parent hasn't reaped it yet,
// the status can still be read.
func (c *Container) pastExit() (*Exit, error) {
	c.runtime.debugf("wait %s: pid %d had ended before", c.ID(), c.state.Pid)
	x, err := c.exit()
	if x != nil || err != nil {
		return x, err
	}
	status, ok := procfs.ExitStatus(c.state.Pid, c.state.StartTime)
	if !ok {
		return nil, fmt.Errorf("container %s has ended, and %w", c.ID(), ErrExitUnknown)
	}
	w := exitWatch{manager: c.manager(), kills: -1}
	w.count()
	return c.recordExit(&state.Exit{Status: status, OOMKills: w.kills, Finished: time.Now()})
}

// RecordExit records how the container's init has ended. It is for the process that has
// reaped it, which is usually the only one that knows.
func (c *Container) RecordExit(status ExitStatus) error {
	encoded := unix.WaitStatus(status.Signal)
	if status.Signal == 0 {
		encoded = unix.WaitStatus(status.Code << 8)
	}
	w := exitWatch{manager: c.manager(), kills: -1}
	w.count()
	_, err := c.recordExit(&state.Exit{Status: encoded, OOMKills: w.kills, Finished: time.Now()})
	return err
}

// recordExit saves a record. Another one may be there already; then that one counts. It is
// no error if the container was deleted meanwhile.
func (c *Container) recordExit(x *state.Exit) (*Exit, error) {
	err := c.dir.SaveExit(x)
	if errors.Is(err, fs.ErrNotExist) {
		return c.exitOf(x), nil
	}
	if err != nil {
		c.runtime.warn(err.Error())
		return c.exitOf(x), nil
	}
	if saved, err := c.dir.LoadExit(); saved != nil && err == nil {
		x = saved
	}
	return c.exitOf(x), nil
}

// exit returns how the container's init has ended, as far as it is recorded; nil if it isn't.
func (c *Container) exit() (*Exit, error) {
	x, err := c.dir.LoadExit()
	switch {
	case err != nil:
		return nil, err
	case x != nil:
		return c.exitOf(x), nil
	case c.state.Failure != "":
		return &Exit{ExitStatus: ExitStatus{Code: notExecuted}, OOMKills: -1, Failure: c.state.Failure}, nil
	}
	return nil, nil
}

// notExecuted is the exit status of a process that can't execute its program.
const notExecuted = 255

func (c *Container) exitOf(x *state.Exit) *Exit {
	return &Exit{ExitStatus: exitStatusOf(x.Status), OOMKills: x.OOMKills, Finished: x.Finished, Failure: c.state.Failure}
}
