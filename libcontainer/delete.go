package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
)

// killTimeout is how long, in milliseconds, a killed init may take to end.
const killTimeout = 10_000

// Delete removes a stopped container, one that waits for start, or, with force,
// any. Force also takes an absent container, and what is left of a create that
// was killed.
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

// Delete is Runtime.Delete for a container that is open.
func (c *Container) Delete(force bool) error {
	status, err := c.Status()
	if err != nil && !force {
		return err
	}
	switch status {
	case Stopped, Created:
	default:
		if !force {
			return fault.State(fmt.Sprintf("cannot delete container %s that is not stopped: %s", c.dir.ID(), status))
		}
	}
	return c.delete()
}

// deleteBroken removes a container whose state can't be read: nothing is known
// about it but its directory.
func (r *Runtime) deleteBroken(id string, force bool, cause error) error {
	if !force || errors.Is(cause, ErrInvalidID) {
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

// delete ends the container's processes and removes what the runtime has made
// for it, in an order that another delete can take up at any point.
func (c *Container) delete() error {
	if err := c.stop(); err != nil {
		return err
	}
	if m := c.manager(); m != nil {
		if err := m.Destroy(); err != nil {
			return fmt.Errorf("delete %s: %w", c.dir.ID(), err)
		}
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
	return c.dir.Remove()
}

// stop kills what still runs and waits for init's end.
func (c *Container) stop() error {
	process, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) && c.state.Pid != 0 && c.state.HostPidNS {
		// Its processes outlive an init that shares the host's pid namespace.
		return c.killAll(unix.SIGKILL)
	}
	if errors.Is(err, ErrNotRunning) {
		// The pid namespace has ended with its init. A child of a create that was
		// killed before the pid was saved ends by itself, when it next waits for
		// its parent. What else is in the cgroup may be another container's that
		// was given the same one.
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(process)
	if err := c.Kill(unix.SIGKILL, false); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	if !pidfd.Wait(process, killTimeout) {
		return fmt.Errorf("delete %s: init (pid %d) still runs %d s after SIGKILL", c.dir.ID(), c.state.Pid, killTimeout/1000)
	}
	return nil
}

// hooks are those of the config, nil if there are none.
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

// runPoststop runs all poststop hooks: one that fails doesn't keep the others
// from cleaning up (runtime.md, lifecycle, step 13).
func (c *Container) runPoststop(hooks []specs.Hook) {
	for i := range hooks {
		if err := c.runtime.hooks().Run(context.Background(), "poststop", i, &hooks[i], ociState(c.state, specs.StateStopped)); err != nil {
			c.runtime.warn(err.Error())
		}
	}
}
