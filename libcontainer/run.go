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

// Run creates and starts a container. It returns when its process runs. After an error
// nothing of the container is left. The caller closes the result; the container stays
// until it is deleted.
func (r *Runtime) Run(ctx context.Context, o RunOptions) (*Process, error) {
	if o.Subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("become a subreaper: %w", err)
		}
	}
	c, err := r.create(ctx, o.CreateOptions, false)
	if err != nil {
		return nil, err
	}
	notifier, err := c.proceed(ctx)
	if err != nil {
		c.undo()
		return nil, err
	}
	p := c.process()
	p.reapAll = o.Subreaper
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

// relay passes on what the process says to the service manager, until it ends.
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
// nil where no service manager wants to hear of the process.
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
