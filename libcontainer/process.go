package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/reap"
)

// Process is a process in a container that the calling process has started with Create,
// Run or Exec, and so a child of the calling process. Signal and Resize may be called
// while Wait waits. The caller must call Close when no other method runs, whether or
// not the process has ended.
type Process struct {
	container *Container
	pid       int
	pidfd     int
	terminal  *os.File
	// relayed is closed when the last message of the process to the service manager has
	// been forwarded; nil if there is no service manager.
	relayed chan struct{}
	// reapAll makes Wait reap all children, RunOptions.Subreaper.
	reapAll bool
	// supervisor is the container's seccomp agent; nil unless this process is that.
	supervisor *supervisor
	// ownsContainer makes Close close the container, too.
	ownsContainer bool

	// handle is held for reading while pidfd is used, so that Close can't have the
	// kernel reuse its number meanwhile.
	handle sync.RWMutex
	// collect is held while the process is collected; status is nil before.
	collect sync.Mutex
	status  atomic.Pointer[ExitStatus]
}

// Container returns the container that the process is in. The container of a process of
// Create or Run is closed together with the process.
func (p *Process) Container() *Container { return p.container }

// Pid returns the process's pid in the pid namespace of the calling process.
func (p *Process) Pid() int { return p.pid }

// Terminal returns the master of the process's terminal, if there is one and
// Stdio.KeepTerminal was set; otherwise nil. Process.Close closes it.
func (p *Process) Terminal() *os.File { return p.terminal }

// Signal sends a signal to the process, pidfd_send_signal(2). It returns ErrNotRunning
// if the process has ended.
func (p *Process) Signal(sig unix.Signal) error {
	p.handle.RLock()
	defer p.handle.RUnlock()
	if p.pidfd < 0 {
		return fmt.Errorf("send signal %d to pid %d: %w", sig, p.pid, os.ErrClosed)
	}
	err := unix.PidfdSendSignal(p.pidfd, sig, nil, 0)
	if err == unix.ESRCH {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send signal %d to pid %d: %w", sig, p.pid, err)
	}
	return nil
}

// Resize sets the size of the terminal, in characters, TIOCSWINSZ in ioctl_tty(2). The
// process must have a Terminal.
func (p *Process) Resize(rows, columns uint16) error {
	if p.terminal == nil {
		return errors.New("resize: the process has no terminal, or KeepTerminal wasn't set")
	}
	size := &unix.Winsize{Row: rows, Col: columns}
	if err := unix.IoctlSetWinsize(int(p.terminal.Fd()), unix.TIOCSWINSZ, size); err != nil {
		return fmt.Errorf("resize the terminal: %w", err)
	}
	return nil
}

// ExitStatus describes how a process has ended.
type ExitStatus struct {
	// Code is the exit status; -1 if the process was killed by a signal.
	Code int
	// Signal is the signal that killed the process; 0 if it exited.
	Signal unix.Signal
}

// exitStatusOf converts the status of wait(2).
func exitStatusOf(status unix.WaitStatus) ExitStatus {
	if status.Signaled() {
		return ExitStatus{Code: -1, Signal: status.Signal()}
	}
	return ExitStatus{Code: status.ExitStatus()}
}

// Shell returns the status as a shell reports it in $?: the exit status, or 128 plus
// the number of the signal.
func (s ExitStatus) Shell() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

// Wait waits until the process has ended, reaps it, and returns its status. It may be
// called more than once, by several goroutines, and after Close; each call returns the
// same. If ctx is done first, Wait returns the error of ctx, and the process keeps running.
func (p *Process) Wait(ctx context.Context) (ExitStatus, error) {
	if err := p.awaitEnd(ctx); err != nil {
		return ExitStatus{}, err
	}
	p.collect.Lock()
	defer p.collect.Unlock()
	if status := p.status.Load(); status != nil {
		return *status, nil
	}
	status, err := p.reap()
	if err != nil {
		return ExitStatus{}, os.NewSyscallError("wait4", err)
	}
	if p.relayed != nil {
		<-p.relayed
	}
	ended := exitStatusOf(status)
	p.status.Store(&ended)
	return ended, nil
}

// awaitEnd waits for the end of the process, or until ctx is done. For a context that is
// never done there is nothing to wait for before the process is collected.
func (p *Process) awaitEnd(ctx context.Context) error {
	if ctx.Done() == nil || p.status.Load() != nil {
		return nil
	}
	fd, err := p.duplicate()
	if errors.Is(err, unix.ESRCH) { // collected by another call meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	cancelled.Wait(fd)
	if pidfd.Wait(fd, 0) {
		return nil
	}
	return ctx.Err()
}

// duplicate returns a pidfd of the process that is the caller's to close. After Close it
// opens one by the pid, which is the process's until that is collected.
func (p *Process) duplicate() (int, error) {
	p.handle.RLock()
	defer p.handle.RUnlock()
	if p.pidfd >= 0 {
		fd, err := unix.FcntlInt(uintptr(p.pidfd), unix.F_DUPFD_CLOEXEC, 0)
		return fd, os.NewSyscallError("fcntl", err)
	}
	return pidfd.Open(p.pid)
}

// Close closes the process's descriptors: its pidfd, its Terminal, and for a process of
// Create or Run its Container. The process keeps running.
func (p *Process) Close() {
	if p.terminal != nil {
		p.terminal.Close()
	}
	p.supervisor.close()
	p.handle.Lock()
	defer p.handle.Unlock()
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
		p.pidfd = -1
	}
	if p.ownsContainer {
		p.container.Close()
	}
}

// reap collects the process.
func (p *Process) reap() (unix.WaitStatus, error) {
	if !p.reapAll {
		return reap.Wait(p.pid)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err == unix.EINTR || err == nil && pid != p.pid {
			continue
		}
		return status, err
	}
}
