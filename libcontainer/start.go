package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
)

const (
	errAlreadyRunning = stateError("cannot start an already running container")
	errHasStopped     = stateError("cannot start a container that has stopped")
)

// Start lets a created container run its process. It returns when the process
// has been executed, or with the reason why it couldn't be: then the container
// is stopped.
func (r *Runtime) Start(id string) error {
	if err := claimInherited(0); err != nil {
		return err
	}
	c, err := r.Open(id)
	if err != nil {
		return err
	}
	defer c.Close()
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch status {
	case CreatedS:
	case Stopped:
		return errHasStopped
	case Creating, Paused:
		return stateError(fmt.Sprintf("cannot start a container in the %s state", status))
	default:
		return errAlreadyRunning
	}
	if !c.state.HasProcess {
		return errNoProcess
	}
	return c.start()
}

func (c *Container) start() error {
	conversation, err := nsenter.DialStart(c.entry.dir, startName)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return c.lateStart()
	}
	if err != nil {
		return err
	}
	defer conversation.Close()
	notifier := c.openNotifier()
	defer notifier.close()
	if err := conversation.Go(); err != nil {
		return c.lateStart()
	}
	// Of several starts the container hears one; the others see the end.
	m, err := conversation.Next()
	if err != nil || m.Kind != nsenter.Starting {
		return c.lateStart()
	}
	if err := unix.Unlinkat(c.entry.dir, startName, 0); err != nil && err != unix.ENOENT {
		return fmt.Errorf("start %s: %w", c.entry.id, err)
	}
	if err := c.finishStart(conversation); err != nil {
		return err
	}
	c.awaitReady(notifier)
	return nil
}

// lateStart is the error when nothing waits any more.
func (c *Container) lateStart() error {
	if !c.isAlive() {
		return errHasStopped
	}
	_ = unix.Unlinkat(c.entry.dir, startName, 0)
	return errAlreadyRunning
}

// finishStart sees the container through to its program. The config is read
// only if something in it is needed for that.
func (c *Container) finishStart(conversation *nsenter.Conversation) error {
	half := &creation{Container: c, spec: &specs.Spec{}}
	if c.state.HasHooks {
		spec, err := c.config()
		if err != nil {
			return err
		}
		half.spec = spec
	}
	if err := half.awaitProgram(conversation); err != nil {
		// It may be the parent's half that went wrong.
		return errors.Join(err, c.stop())
	}
	if err := c.runPoststart(half.spec.Hooks); err != nil {
		return errors.Join(err, c.stop())
	}
	return nil
}
