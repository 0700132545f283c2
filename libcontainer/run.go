package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
)

// Run creates and starts a container. In the foreground it waits for the end of
// its process, gives its exit status, and deletes the container unless Keep.
func (r *Runtime) Run(o RunOptions) (int, error) {
	if o.Detach {
		return 0, r.runDetached(o)
	}
	streams := attached(o.ConsoleSocket)
	defer streams.close()
	if !o.NoSubreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return -1, fmt.Errorf("become a subreaper: %w", err)
		}
	}
	f := beginForeground()
	defer f.end()
	c, err := r.create(o.CreateOptions, streams, false)
	if err != nil {
		return -1, err
	}
	notifier, err := c.proceed()
	if err != nil {
		c.undo()
		return -1, err
	}
	defer notifier.close()
	relayed := make(chan struct{})
	if notifier != nil {
		go notifier.relay(c.pidfd, relayed)
	} else {
		close(relayed)
	}
	status, err := f.wait(c.state.Pid, c.pidfd, streams.terminal)
	<-relayed
	if !o.Keep {
		err = errors.Join(err, c.delete())
	}
	c.release()
	return status, err
}

func (r *Runtime) runDetached(o RunOptions) error {
	streams := inherited(o.ConsoleSocket)
	defer streams.close()
	c, err := r.create(o.CreateOptions, streams, false)
	if err != nil {
		return err
	}
	notifier, err := c.proceed()
	if err != nil {
		c.undo()
		return err
	}
	defer notifier.close()
	c.awaitReady(notifier)
	c.release()
	return nil
}

// proceed starts a container whose child still talks to us. The notifier is nil
// where no service manager wants to hear of the process.
func (c *creation) proceed() (*notifier, error) {
	if !c.state.HasProcess {
		return nil, errNoProcess
	}
	n := c.openNotifier()
	if err := c.begin(); err != nil {
		n.close()
		return nil, err
	}
	c.devices.Close()
	return n, nil
}

func (c *creation) begin() error {
	if err := c.child.Go(); err != nil {
		return err
	}
	if err := c.awaitProgram(&c.child.Conversation); err != nil {
		return err
	}
	return c.runPoststart(c.spec.Hooks)
}

// errNoProcess is the error of a start without a process: runtime.md#start.
const errNoProcess = stateError("cannot start a container without a process: process isn't set in config.json")

// awaitProgram hears what the child says between its start and its execve.
func (c *creation) awaitProgram(conversation *nsenter.Conversation) error {
	for {
		m, err := conversation.Next()
		if errors.Is(err, nsenter.ErrGone) {
			return nil
		}
		if err != nil {
			return err
		}
		switch m.Kind {
		case nsenter.Starting:
		case nsenter.Listener:
			if err := c.passListener(m); err != nil {
				return err
			}
			if err := conversation.Go(); !mayHaveGoneOn(err) {
				return err
			}
		case nsenter.Output:
			c.logOutput(m.Output)
		case nsenter.Failed:
			return c.explainLate(m.Failure)
		default:
			return fmt.Errorf("message %d of the child after its start", m.Kind)
		}
	}
}

// mayHaveGoneOn: a process whose agent answers the call by which it waits for us
// goes on by that.
func mayHaveGoneOn(err error) bool { return err == nil || errors.Is(err, unix.EPIPE) }

// passListener hands over what the agent of the container's process gets. A
// `start` hasn't read the config yet.
func (c *creation) passListener(m nsenter.Message) error {
	if c.spec.Linux == nil {
		spec, err := c.config()
		if err != nil {
			unix.Close(m.FD)
			return err
		}
		c.spec = spec
	}
	return c.handOverListener(specs.StateCreated, c.spec.Linux.Seccomp, c.state.Pid, m)
}

// runPoststart runs the hooks for a process that runs. The first that fails
// stops the container: runtime.md, lifecycle, step 9.
func (c *Container) runPoststart(hooks *specs.Hooks) error {
	if hooks == nil || len(hooks.Poststart) == 0 {
		return nil
	}
	return c.runtime.runHooks("poststart", hooks.Poststart, c.state.ociState(specs.StateRunning))
}

// explainLate is explain for a container that another command has planned.
func (c *creation) explainLate(f *nsenter.Failure) error {
	if c.plan == nil {
		p, err := c.replan()
		if err != nil {
			return fmt.Errorf("unable to start container process: %w (%v)", f.Errno, err)
		}
		c.plan = p
	}
	return c.explain(f)
}
