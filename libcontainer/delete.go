package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
)

const (
	// killTimeout is the time, in milliseconds, after which a killed init must have ended.
	killTimeout = 10_000
	// thawInterval is the time, in milliseconds, after which a killed init that hasn't ended
	// is thawed once more.
	thawInterval = 50
	// claimTimeout is the time in which a create ends whose child was killed, unless it is
	// stopped, or waits for a hook.
	claimTimeout = time.Second
)

// Delete removes a container that has stopped or that waits for Start, and runs its
// poststop hooks. With force it removes a container in any status, and kills its
// processes first; it also removes what is left of a create that was killed, and
// returns nil for an id that doesn't exist.
//
// The error matches ErrNotExist or ErrInvalidID, is a fault.State if the container
// runs, or that of a step. Delete may be called again after an error of a step. Errors
// of poststop hooks are only logged.
func (r *Runtime) Delete(id string, force bool) error {
	c, err := r.Open(id)
	if errors.Is(err, ErrNotExist) && force {
		return nil
	}
	if err != nil {
		return r.deleteBroken(id, force, err)
	}
	defer c.Close()
	return c.Delete(force)
}

// Delete does what Runtime.Delete does, for a container that is open.
func (c *Container) Delete(force bool) error {
	status, err := c.Status()
	if err != nil && !force {
		return err
	}
	if !force && status == Running && c.awaitKilled() {
		status = Stopped
	}
	switch status {
	case Stopped, Created:
	default:
		if !force {
			return fault.State(fmt.Sprintf("cannot delete container %s that is not stopped: %s", c.dir.ID(), status))
		}
	}
	err = c.claim(force)
	if errors.Is(err, ErrNotExist) && force {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.dir.Unlock()
	return c.delete()
}

// claim waits until no create and no other delete is at work on the container, and locks
// it. With force, it kills what a create has started, so that the create fails and removes
// the container. It doesn't wait for one that is stopped or hangs; that will find that its
// container is gone. The error is ErrNotExist if the container has been removed meanwhile.
func (c *Container) claim(force bool) error {
	end := time.Now().Add(claimTimeout)
	for pause := time.Millisecond; !c.dir.Lock(); pause *= 2 {
		if c.dir.IsRemoved() {
			return c.dir.NotExist()
		}
		if err := c.reload(); err != nil {
			return err
		}
		if force {
			if err := c.stop(); err != nil {
				return err
			}
		}
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		time.Sleep(min(pause, left))
	}
	if c.dir.IsRemoved() {
		return c.dir.NotExist()
	}
	if c.state.Pid != 0 {
		return nil
	}
	return c.reload()
}

// reload reads the state again, which a create changes until the container is complete.
func (c *Container) reload() error {
	s, err := c.dir.Load()
	if errors.Is(err, fs.ErrNotExist) { // it isn't recorded yet, or was removed just now
		return nil
	}
	if err == nil {
		c.state = s
	}
	return err
}

// endTimeout is the time, in milliseconds, in which a process that has been killed is
// expected to end on a busy machine.
const endTimeout = 2000

// awaitKilled waits for the end of an init that was killed a moment ago: a kill returns
// when the signal is sent. It reports whether the init has ended.
func (c *Container) awaitKilled() bool {
	process, err := c.state.OpenProcess()
	if err != nil {
		return errors.Is(err, ErrNotRunning)
	}
	defer unix.Close(process)
	if !procfs.IsKilled(c.state.Pid) {
		return pidfd.Wait(process, 0)
	}
	return pidfd.Wait(process, endTimeout)
}

// deleteBroken removes a container whose state makes no sense. Only its directory is
// known.
func (r *Runtime) deleteBroken(id string, force bool, cause error) error {
	// What a system call couldn't read now can be read later, and then says which processes
	// and cgroups are the container's.
	var errno unix.Errno
	if !force || errors.Is(cause, ErrInvalidID) || errors.As(cause, &errno) {
		return cause
	}
	e, err := state.Open(r.Root, id)
	if err != nil {
		return cause
	}
	defer e.Close()
	r.warn(fmt.Sprintf("%v; only its state directory is removed", cause))
	return e.Remove()
}

// delete kills the container's processes and removes what the runtime has created for
// it. After an error at any point another delete can continue.
func (c *Container) delete() error {
	c.runtime.debugf("delete %s: pid %d, state %s", c.dir.ID(), c.state.Pid, c.dir.Path())
	if err := c.runtime.timed("end the processes", c.stop); err != nil {
		return err
	}
	if m := c.manager(); m != nil {
		if err := c.runtime.timed("remove the cgroup", m.Destroy); err != nil {
			return fmt.Errorf("delete %s: %w", c.dir.ID(), err)
		}
		c.runtime.debugf("delete %s: cgroup %v is removed", c.dir.ID(), c.state.Cgroup.Paths)
	}
	if err := errors.Join(removeMounts(c.state), resctrl.Host.Remove(c.state.IntelRdt)); err != nil {
		return fmt.Errorf("delete %s: %w", c.dir.ID(), err)
	}
	hooks, err := c.hooks()
	if err != nil {
		c.runtime.warn(fmt.Sprintf("poststop hooks of %s: %v", c.dir.ID(), err))
	}
	if hooks != nil {
		c.runPoststop(hooks.Poststop)
	}
	err = c.dir.Remove()
	if err == nil {
		c.runtime.debugf("delete %s: state %s is removed", c.dir.ID(), c.dir.Path())
	}
	return err
}

// stop kills the container's processes and waits until init has ended.
func (c *Container) stop() error {
	if c.state.Restoring {
		// criu, which isn't below the container's init, and what it has restored so far.
		if err := c.killAll(unix.SIGKILL); err != nil {
			return err
		}
	}
	process, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) && c.state.Pid != 0 && c.state.HostPidNS {
		// Its processes outlive an init that shares the host's pid namespace.
		return c.killAll(unix.SIGKILL)
	}
	if c.state.Pid == 0 {
		if !nsenter.EndChildren(c.state.Mark(), killTimeout*time.Millisecond) {
			return fmt.Errorf("delete %s: its unfinished init still runs %d s after SIGKILL", c.dir.ID(), killTimeout/1000)
		}
		return nil
	}
	if errors.Is(err, ErrNotRunning) {
		// The kernel has killed all processes of the pid namespace with its init. Other
		// processes in the cgroup may belong to another container that was configured
		// to use the same one.
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(process)
	if err := c.Kill(unix.SIGKILL, false); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	if !c.awaitEnd(process) {
		return fmt.Errorf("delete %s: init (pid %d) still runs %d s after SIGKILL", c.dir.ID(), c.state.Pid, killTimeout/1000)
	}
	c.runtime.debugf("%s: pid %d has ended", c.dir.ID(), c.state.Pid)
	return nil
}

// awaitEnd waits for the end of an init that was sent SIGKILL, and reports whether it has
// ended. A pause that runs at the same time may have frozen it since.
func (c *Container) awaitEnd(process int) bool {
	for waited := 0; waited < killTimeout; waited += thawInterval {
		if pidfd.Wait(process, thawInterval) {
			return true
		}
		_ = c.thawAfter(unix.SIGKILL)
	}
	return false
}

// hooks returns the hooks of the config; nil if there are none.
func (c *Container) hooks() (*specs.Hooks, error) {
	if !c.state.HasHooks {
		return nil, nil
	}
	spec, err := c.config()
	if err != nil {
		return nil, err
	}
	return spec.Hooks, nil
}

// runPoststop runs all poststop hooks. One that fails doesn't keep the others from
// cleaning up: runtime.md, lifecycle, step 13.
func (c *Container) runPoststop(hooks []specs.Hook) {
	for i := range hooks {
		if err := c.runtime.hooks().Run(context.Background(), "poststop", i, &hooks[i], ociState(c.state, specs.StateStopped)); err != nil {
			c.runtime.warn(err.Error())
		}
	}
}
