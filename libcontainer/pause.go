package libcontainer

import (
	"errors"
	"fmt"

	"github.com/runnel/runnel/libcontainer/explain"
)

// Pause freezes all processes of a running or created container.
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
	if err := m.Freeze(); err != nil {
		// A half-frozen container would be neither paused nor running.
		_ = m.Thaw()
		return fmt.Errorf("pause %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	return nil
}

// Resume thaws a paused container.
func (c *Container) Resume() error {
	m := c.manager()
	if m == nil {
		return ErrNotPaused
	}
	if frozen, err := m.Frozen(); err != nil || !frozen {
		return ErrNotPaused
	}
	if err := m.Thaw(); err != nil {
		return fmt.Errorf("resume %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	return nil
}
