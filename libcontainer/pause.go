package libcontainer

import (
	"errors"
	"fmt"

	"github.com/runnel/runnel/libcontainer/explain"
)

// Pause freezes all processes of a container that is created or running. It returns
// when all are frozen. The error matches ErrNotRunning if the container has another
// status. The container must have a cgroup.
func (c *Container) Pause() error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status != Running && status != Created {
		return fmt.Errorf("%w: cannot pause it in state %s", ErrNotRunning, status)
	}
	m := c.manager()
	if m == nil {
		return explain.Cgroup("cgroup", errors.New("the container has no cgroup of its own to freeze"))
	}
	if err := c.runtime.timed("freeze", m.Freeze); err != nil {
		// A container of which only some processes are frozen would be neither paused
		// nor running.
		_ = m.Thaw()
		return fmt.Errorf("pause %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	c.runtime.debugf("pause %s: cgroup %v is frozen", c.dir.ID(), c.state.Cgroup.Paths)
	c.tellListeners("pause", 0)
	return nil
}

// Resume thaws a paused container. It returns ErrNotPaused if the container isn't
// paused.
func (c *Container) Resume() error {
	m := c.manager()
	if m == nil {
		return ErrNotPaused
	}
	if frozen, err := m.Frozen(); err != nil || !frozen {
		return ErrNotPaused
	}
	if err := c.runtime.timed("thaw", m.Thaw); err != nil {
		return fmt.Errorf("resume %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	c.runtime.debugf("resume %s: cgroup %v is thawed", c.dir.ID(), c.state.Cgroup.Paths)
	c.tellListeners("resume", 0)
	return nil
}
