package libcontainer

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// foreground waits for one of our children and stands in for it meanwhile:
// signals that the runtime gets are passed on, the terminal is copied.
type foreground struct {
	pidfd    int
	terminal *terminal
	signals  chan os.Signal
}

// beginForeground starts to catch signals before there is anybody to send them
// to, so that none is lost, and none ends the runtime half-way through.
//
// To catch one costs about 20 µs, all of them more than to make a container:
// these are those that end a process and that people and supervisors send. The
// others follow when the container has lived for a while.
func beginForeground() *foreground {
	f := &foreground{pidfd: -1, signals: make(chan os.Signal, 64)}
	signal.Notify(f.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	return f
}

// restOfSignals is how long a container lives before the rarer signals are
// caught.
const restOfSignals = 20 * time.Millisecond

// end gives the signals back.
func (f *foreground) end() { signal.Stop(f.signals) }

// wait waits for the child pid and gives its exit status as a shell would: 128
// plus the signal that killed it. It collects orphans that become ours.
func (f *foreground) wait(pid, pidfd int, t *terminal) (int, error) {
	f.pidfd, f.terminal = pidfd, t
	if t != nil {
		signal.Notify(f.signals, unix.SIGWINCH)
		t.attach()
	}
	go f.forward()
	rest := time.AfterFunc(restOfSignals, func() { signal.Notify(f.signals) })
	defer rest.Stop()
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(-1, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, os.NewSyscallError("wait4", err)
		}
		if got != pid || !(status.Exited() || status.Signaled()) {
			continue
		}
		if t != nil {
			t.drain()
		}
		if status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return status.ExitStatus(), nil
	}
}

// forward passes signals on. SIGCHLD is ours, SIGURG the Go scheduler's, and
// SIGWINCH is about our terminal.
func (f *foreground) forward() {
	for s := range f.signals {
		sig, ok := s.(syscall.Signal)
		switch {
		case !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGPIPE:
		case sig == unix.SIGWINCH:
			if f.terminal != nil {
				f.terminal.resize()
			}
		default:
			_ = unix.PidfdSendSignal(f.pidfd, sig, nil, 0)
		}
	}
}
