package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
)

// killTimeout is how long, in milliseconds, a killed init may take to end.
const killTimeout = 10_000

// Delete removes a stopped container, one that waits for start, or, with force,
// any. Force also takes an absent container, and what is left of a create that
// was killed.
func (r *Runtime) Delete(id string, force bool) error {
	if err := claimInherited(0); err != nil {
		return err
	}
	c, err := r.Open(id)
	if errors.Is(err, ErrNotExist) && force {
		return nil
	}
	if err != nil {
		return r.deleteBroken(id, force, err)
	}
	defer c.Close()
	status, err := c.Status()
	if err != nil && !force {
		return err
	}
	switch status {
	case Stopped, CreatedS:
	default:
		if !force {
			return stateError(fmt.Sprintf("cannot delete container %s that is not stopped: %s", id, status))
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
	e, err := openEntry(r.Root, id)
	if err != nil {
		return cause
	}
	defer e.close()
	r.warn(fmt.Sprintf("%v; only its state directory is removed", cause))
	return e.remove()
}

// delete ends the container's processes and removes what the runtime has made
// for it, in an order that another delete can take up at any point.
func (c *Container) delete() error {
	if err := c.stop(); err != nil {
		return err
	}
	if m := c.manager(); m != nil {
		if err := m.Destroy(); err != nil {
			return fmt.Errorf("delete %s: %w", c.entry.id, err)
		}
	}
	if err := errors.Join(c.state.removeMounts(), hostResctrl.remove(c.state.IntelRdt)); err != nil {
		return fmt.Errorf("delete %s: %w", c.entry.id, err)
	}
	hooks, err := c.hooks()
	if err != nil {
		c.runtime.warn(fmt.Sprintf("poststop hooks of %s: %v", c.entry.id, err))
	}
	if hooks != nil {
		c.runPoststop(hooks.Poststop)
	}
	return c.entry.remove()
}

// stop kills what still runs and waits for init's end.
func (c *Container) stop() error {
	process, err := c.state.openProcess()
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
		return fmt.Errorf("delete %s: init (pid %d) still runs %d s after SIGKILL", c.entry.id, c.state.Pid, killTimeout/1000)
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
		if err := c.runtime.runHook("poststop", i, &hooks[i], c.state.ociState(specs.StateStopped)); err != nil {
			c.runtime.warn(err.Error())
		}
	}
}
