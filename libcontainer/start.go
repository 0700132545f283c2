package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

const (
	errAlreadyRunning = fault.State("cannot start an already running container")
	errHasStopped     = fault.State("cannot start a container that has stopped")
	// errNoProcess is returned for a container whose config has no process: runtime.md
	// "Start".
	errNoProcess = fault.State("cannot start a container without a process: process isn't set in config.json")
)

// Start makes the init of a created container execute its program, and runs the
// poststart hooks. It returns when the program has been executed. With a notifySocket,
// in the form of NOTIFY_SOCKET of sd_notify(3), it returns when the process has
// reported that it is ready, or has ended; "" is none.
//
// The error is a fault.State if the container isn't in status Created. If it matches
// ErrNotExecuted, the container has been started, in so far as its process has exited with
// status 255, as with runc, and the poststart hooks have run; View.Failure is the text of
// the error. After any other error the container is stopped, or deleted if a hook has
// failed. If ctx is done before the program runs, the error is that of ctx.
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
	if err := c.start(ctx, notifySocket); err != nil {
		return err
	}
	c.tellListeners("start", c.state.Pid)
	return nil
}

func (c *Container) start(ctx context.Context, notifySocket string) error {
	conversation, err := c.dialStart()
	if err != nil {
		return err
	}
	notifier := c.openNotifier(notifySocket)
	defer notifier.Close()
	if conversation, err = c.tellToStart(ctx, conversation); err != nil {
		return err
	}
	defer conversation.Close()
	c.runtime.debugf("start %s: pid %d continues", c.dir.ID(), c.state.Pid)
	if err := unix.Unlinkat(c.dir.FD(), state.StartName, 0); err != nil && err != unix.ENOENT {
		return fmt.Errorf("start %s: %w", c.dir.ID(), err)
	}
	err = c.finishStart(ctx, conversation)
	switch {
	case errors.Is(err, ErrNotExecuted):
		return err
	case err != nil:
		return errors.Join(err, c.endStart(err))
	}
	return c.awaitReady(ctx, notifier)
}

// dialStart connects to the container's init, which waits to be started.
func (c *Container) dialStart() (*nsenter.Conversation, error) {
	conversation, err := nsenter.DialStart(c.dir.FD(), state.StartName)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return nil, c.tooLate()
	}
	return conversation, err
}

// startTries is how often a start stands still for so long between two of its system calls
// that the container's init doesn't wait for it, before it gives up.
const startTries = 10

// tellToStart tells the container's init to start, and returns the conversation, which may
// be a new one. The init answers only one of several concurrent starts. For the others the
// conversation ends, and then nobody listens any more. If the init still does, it hasn't
// waited for this start.
func (c *Container) tellToStart(ctx context.Context, conversation *nsenter.Conversation) (*nsenter.Conversation, error) {
	var err error
	for range startTries {
		if err = conversation.Go(); err == nil {
			if err := await(ctx, conversation); err != nil {
				conversation.Close()
				return nil, errors.Join(err, c.stop())
			}
			var m nsenter.Message
			if m, err = conversation.Next(); err == nil && m.Kind == nsenter.Starting {
				return conversation, nil
			}
		}
		conversation.Close()
		var dialled error
		if conversation, dialled = c.dialStart(); dialled != nil {
			return nil, dialled
		}
	}
	conversation.Close()
	return nil, fmt.Errorf("start %s: %w", c.dir.ID(), err)
}

// endStart ends a container whose start has failed. After a hook the container is
// destroyed, and the poststop hooks run: runtime.md, lifecycle, steps 7 and 9. After
// another failure it is stopped.
func (c *Container) endStart(failure error) error {
	if fault.DetailsOf(failure).Code == fault.HookFailed {
		return c.Delete(true)
	}
	return c.stop()
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

// tooLate returns the error for a container that no longer waits to be started.
func (c *Container) tooLate() error {
	if !c.isAlive() {
		return errHasStopped
	}
	_ = unix.Unlinkat(c.dir.FD(), state.StartName, 0)
	return errAlreadyRunning
}

// finishStart answers the container's init until its program runs. It reads the config
// only if the config has hooks.
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
// runs the poststart hooks. It stops at the first hook that fails; the caller then
// stops the container: runtime.md, lifecycle, step 9.
//
// In start, a program that can't be executed is one that has ended at once.
func (l *launch) begin(ctx context.Context, conversation *nsenter.Conversation) error {
	d := dialogue{status: specs.StateCreated, gone: l.vanished}
	end := l.runtime.span("the child executes the program")
	failure := l.converse(ctx, conversation, d)
	end(failure)
	status := specs.StateRunning
	switch {
	case failure == nil:
		l.runtime.debugf("start %s: the program runs", l.dir.ID())
	case l.child == nil && errors.Is(failure, ErrNotExecuted):
		l.keepFailure(failure)
		status = specs.StateStopped
	default:
		return failure
	}
	err := l.runPoststart(ctx, status)
	if err != nil && failure != nil {
		l.runtime.warn(failure.Error())
	}
	return cmp.Or(err, failure)
}

// runPoststart runs the poststart hooks, which are told the status.
func (l *launch) runPoststart(ctx context.Context, status specs.ContainerState) error {
	if l.spec.Hooks == nil {
		return nil
	}
	return l.runtime.hooks().RunAll(ctx, "poststart", l.spec.Hooks.Poststart, ociState(l.state, status))
}

// lastWords is the time, in milliseconds, in which a process that can't execute its program
// writes a line and ends, unless nobody reads its standard error.
const lastWords = 1000

// keepFailure keeps in the state why the container's process can't execute its program,
// and waits for its end.
func (c *Container) keepFailure(failure error) {
	c.dir.Lock() // against a delete
	defer c.dir.Unlock()
	err := c.reload()
	c.state.Failure = failure.Error()
	if err == nil {
		err = c.dir.Save(c.state)
	}
	if err != nil && !c.dir.IsRemoved() {
		c.runtime.warn(err.Error())
	}
	if process, err := c.state.OpenProcess(); err == nil {
		pidfd.Wait(process, lastWords)
		unix.Close(process)
	}
}

// openNotifier opens the socket to which the container's process sends its
// notifications; nil if the container has no directory for one, or if there is no
// manager. An error is only logged, because the process can run without.
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

// awaitReady waits until the process has reported that it is ready, or has ended. It
// returns the error of ctx; other errors are logged.
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
