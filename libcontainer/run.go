package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/sdnotify"
)

// Run creates and starts a container. It returns when the program has been executed;
// see RunOptions.Attached for a container that reports its readiness. The caller closes
// the result. The container exists until it is deleted, also when its init has ended.
// After an error nothing of the container is left. Errors are those of Create and
// Container.Start.
func (r *Runtime) Run(ctx context.Context, o RunOptions) (*Process, error) {
	if err := o.logRefusals(ctx, r.warn); err != nil {
		return nil, err
	}
	if err := o.becomeSubreaper(); err != nil {
		return nil, err
	}
	c, err := r.create(ctx, o.CreateOptions, false)
	if err != nil {
		o.supervisor.close()
		return nil, err
	}
	notifier, err := c.proceed(ctx)
	if err != nil {
		err = c.undo(err)
		o.supervisor.close()
		return nil, err
	}
	c.dir.Unlock()
	c.tellListeners("create", c.pid)
	c.tellListeners("start", c.pid)
	p := c.process()
	p.reapAll, p.supervisor = o.Subreaper, o.supervisor
	if !o.Attached {
		err := c.awaitReady(ctx, notifier)
		notifier.Close()
		if err != nil {
			err = errors.Join(err, c.delete())
			if pidfd.Wait(p.pidfd, 0) { // Delete has killed it
				_, _ = reap.Wait(p.pid)
			}
			p.Close()
			return nil, err
		}
	} else if notifier != nil {
		p.relay(notifier)
	}
	return p, nil
}

func (o *RunOptions) becomeSubreaper() error {
	if !o.Subreaper {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}

// relay forwards the process's messages to the service manager until the process has
// ended.
func (p *Process) relay(notifier *sdnotify.Notifier) {
	process, err := p.duplicate() // which Close doesn't close
	if err != nil {
		p.container.runtime.warn(err.Error())
		notifier.Close()
		return
	}
	p.relayed = make(chan struct{})
	go func() {
		defer notifier.Close()
		defer unix.Close(process)
		notifier.Relay(process, p.relayed)
	}()
}

// proceed starts a container whose child still talks to this process. The notifier is
// nil if there is no service manager to inform.
func (c *creation) proceed(ctx context.Context) (*sdnotify.Notifier, error) {
	if !c.state.HasProcess {
		return nil, errNoProcess
	}
	notifier := c.openNotifier(c.options.NotifySocket)
	err := c.child.Go()
	if err == nil {
		err = c.begin(ctx, &c.child.Conversation)
	}
	if err != nil {
		notifier.Close()
		return nil, err
	}
	return notifier, nil
}
