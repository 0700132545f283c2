package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
)

// foreground stands in for a process that the command waits for: signals that the
// command gets are passed on, the terminal is copied.
type foreground struct {
	signals chan os.Signal
	ignored []os.Signal // by who has started the command, as nohup(1) does
}

// beginForeground starts to catch signals before there is anybody to send them to, so
// that none is lost, and none ends the command half-way through.
//
// To catch one costs about 20 µs, all of them more than to create a container: these are
// those that end a process and that people and supervisors send. The others follow when
// the process has lived for a while.
func beginForeground() *foreground {
	f := &foreground{signals: make(chan os.Signal, 64)}
	for _, s := range [...]os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT} {
		if signal.Ignored(s) {
			f.ignored = append(f.ignored, s)
		}
	}
	signal.Notify(f.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	return f
}

// restOfSignals is how long a process lives before the rarer signals are caught.
const restOfSignals = 20 * time.Millisecond

// end stops catching signals.
func (f *foreground) end() { signal.Stop(f.signals) }

// launch returns the process that start starts. A signal that would end it ends the start
// instead, because something in the container may make that wait without end. Signals
// that come too late for that, and others, are kept for the process.
func (f *foreground) launch(start func(context.Context) (*libcontainer.Process, error)) (*libcontainer.Process, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	started, watched := make(chan struct{}), make(chan struct{})
	var kept []os.Signal
	go func() {
		defer close(watched)
		for {
			select {
			case s := <-f.signals:
				kept = append(kept, s)
				if f.ends(s) {
					cancel(fmt.Errorf("interrupted by %s", unix.SignalName(s.(syscall.Signal))))
				}
			case <-started:
				return
			}
		}
	}()
	p, err := start(ctx)
	close(started)
	<-watched
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	cancel(nil)
	for _, s := range kept {
		f.signals <- s
	}
	return p, err
}

// ends reports whether a signal would end a process that does nothing about it.
func (f *foreground) ends(s os.Signal) bool {
	switch s {
	case unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT:
		return !slices.Contains(f.ignored, s)
	}
	return false
}

// wait waits for the process and returns its exit status.
func (f *foreground) wait(p *libcontainer.Process) (libcontainer.ExitStatus, error) {
	var t *terminal
	if p.Terminal() != nil {
		signal.Notify(f.signals, unix.SIGWINCH)
		t = attachTerminal(p)
		defer t.detach()
	}
	go f.forward(p, t)
	rest := time.AfterFunc(restOfSignals, func() { signal.Notify(f.signals) })
	defer rest.Stop()
	status, err := p.Wait(context.Background())
	if err == nil && t != nil {
		t.drain()
	}
	return status, err
}

// forward passes signals on. SIGCHLD is for the command, SIGURG for the Go scheduler,
// and SIGWINCH is about the command's terminal.
func (f *foreground) forward(p *libcontainer.Process, t *terminal) {
	for s := range f.signals {
		sig, ok := s.(syscall.Signal)
		switch {
		case !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGPIPE:
		case sig == unix.SIGWINCH:
			if t != nil {
				t.resize()
			}
		default:
			_ = p.Signal(sig)
		}
	}
}
