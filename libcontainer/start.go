package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

const (
	errAlreadyRunning = fault.State("cannot start an already running container")
	errHasStopped     = fault.State("cannot start a container that has stopped")
	// errNoProcess is the error of a start without a process: runtime.md "Start".
	errNoProcess = fault.State("cannot start a container without a process: process isn't set in config.json")
)

// Start lets a created container run its process. It returns when the process has been
// executed, or with the reason why it couldn't be: then the container is stopped. With
// a notifySocket, in the form of NOTIFY_SOCKET of sd_notify(3), it returns when the
// process says that it is ready; "" is none. When ctx is done before the program runs, the container
// is killed.
func (c *Container) Start(ctx context.Context, notifySocket string) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch status {
	case Created:
	case Stopped:
		return errHasStopped
	case Creating, Paused:
		return fault.State(fmt.Sprintf("cannot start a container in the %s state", status))
	default:
		return errAlreadyRunning
	}
	if !c.state.HasProcess {
		return errNoProcess
	}
	return c.start(ctx, notifySocket)
}

func (c *Container) start(ctx context.Context, notifySocket string) error {
	conversation, err := nsenter.DialStart(c.dir.FD(), state.StartName)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return c.lateStart()
	}
	if err != nil {
		return err
	}
	defer conversation.Close()
	notifier := c.openNotifier(notifySocket)
	defer notifier.Close()
	if err := conversation.Go(); err != nil {
		return c.lateStart()
	}
	if err := await(ctx, conversation); err != nil {
		return errors.Join(err, c.stop())
	}
	// Of several starts the container hears one; the others see the end.
	m, err := conversation.Next()
	if err != nil || m.Kind != nsenter.Starting {
		return c.lateStart()
	}
	if err := unix.Unlinkat(c.dir.FD(), state.StartName, 0); err != nil && err != unix.ENOENT {
		return fmt.Errorf("start %s: %w", c.dir.ID(), err)
	}
	if err := c.finishStart(ctx, conversation); err != nil {
		return errors.Join(err, c.stop())
	}
	return c.awaitReady(ctx, notifier)
}

// await waits for a message, or until ctx is done.
func await(ctx context.Context, conversation *nsenter.Conversation) error {
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	cancelled.Wait(conversation.FD())
	return ctx.Err()
}

// lateStart returns the error for a container that no longer waits.
func (c *Container) lateStart() error {
	if !c.isAlive() {
		return errHasStopped
	}
	_ = unix.Unlinkat(c.dir.FD(), state.StartName, 0)
	return errAlreadyRunning
}

// finishStart answers the container until its program runs. The config is read only if
// something in it is needed for that.
func (c *Container) finishStart(ctx context.Context, conversation *nsenter.Conversation) error {
	l := &launch{Container: c, spec: &specs.Spec{}, plan: &plan.Plan{Steps: lateSteps(c.state.Late)}, pid: c.state.Pid, pidfd: -1}
	if c.state.HasHooks {
		spec, err := c.config()
		if err != nil {
			return err
		}
		l.spec = spec
	}
	return l.begin(ctx, conversation)
}

// begin answers a child that has been told to start until its program runs, and then
// runs the poststart hooks. The first that fails stops the container: runtime.md,
// lifecycle, step 9.
func (l *launch) begin(ctx context.Context, conversation *nsenter.Conversation) error {
	d := dialogue{status: specs.StateCreated, gone: func() error { return nil }}
	if err := l.converse(ctx, conversation, d); err != nil {
		return err
	}
	if l.spec.Hooks == nil || len(l.spec.Hooks.Poststart) == 0 {
		return nil
	}
	return l.runtime.hooks().RunAll(ctx, "poststart", l.spec.Hooks.Poststart, ociState(l.state, specs.StateRunning))
}

// openNotifier opens the socket that the container's process sends to; nil where nobody
// would hear it. That is no reason not to run the process.
func (c *Container) openNotifier(manager string) *sdnotify.Notifier {
	if !c.state.Notify || manager == "" {
		return nil
	}
	n, err := sdnotify.Open(c.dir, manager)
	if err != nil {
		c.runtime.warn(err.Error())
	}
	return n
}

// awaitReady waits until the process says that it is ready, or ends. The error is only
// that of ctx.
func (c *Container) awaitReady(ctx context.Context, n *sdnotify.Notifier) error {
	if n == nil {
		return nil
	}
	process, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err == nil {
		defer unix.Close(process)
		err = n.UntilReady(ctx, c.state.Pid, process)
	}
	if err != nil && ctx.Err() == nil {
		c.runtime.warn(err.Error())
	}
	return ctx.Err()
}
