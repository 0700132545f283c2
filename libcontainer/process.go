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

// Process is a process of a container that this process has started, by Create, Run or
// Exec, and so a child of this process. Close it when it is no longer needed, whether
// or not it has ended.
type Process struct {
	container *Container
	pid       int
	pidfd     int
	terminal  *os.File
	// relayed is closed when no message of the process to a service manager is on its
	// way any more; nil without one.
	relayed chan struct{}
	// reapAll: Wait collects all children, see RunOptions.Subreaper.
	reapAll bool
	// ownsContainer: Close closes the container, too.
	ownsContainer bool

	// handle is held for reading while pidfd is used, so that Close can't have the
	// kernel reuse its number meanwhile.
	handle sync.RWMutex
	// collect is held while the process is collected; status is nil before.
	collect sync.Mutex
	status  atomic.Pointer[ExitStatus]
}

// Container returns the container that the process is in. That of Create and Run is
// closed together with the process.
func (p *Process) Container() *Container { return p.container }

// Pid returns the process id in the pid namespace of this process.
func (p *Process) Pid() int { return p.pid }

// Terminal returns the master of the process's terminal, with Stdio.KeepTerminal and
// process.terminal; otherwise nil. Close closes it.
func (p *Process) Terminal() *os.File { return p.terminal }

// Signal sends a signal to the process, pidfd_send_signal(2). ErrNotRunning if it has
// ended.
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

// Resize sets the size of the terminal, in characters.
func (p *Process) Resize(rows, columns uint16) error {
	if p.terminal == nil {
		return errors.New("resize: the process has no terminal that was kept")
	}
	size := &unix.Winsize{Row: rows, Col: columns}
	if err := unix.IoctlSetWinsize(int(p.terminal.Fd()), unix.TIOCSWINSZ, size); err != nil {
		return fmt.Errorf("resize the terminal: %w", err)
	}
	return nil
}

// ExitStatus is how a process has ended.
type ExitStatus struct {
	// Code is the exit status, -1 if a signal has killed the process.
	Code int
	// Signal has killed the process; 0 if none has.
	Signal unix.Signal
}

// Shell returns the status as a shell has it: the exit status, or 128 plus the signal.
func (s ExitStatus) Shell() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

// Wait waits for the end of the process and collects it. It may be called more than once,
// by several goroutines, and after Close; each call returns the same. When ctx is done
// first, the error is that of ctx, and the process goes on.
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
	ended := ExitStatus{Code: status.ExitStatus()}
	if status.Signaled() {
		ended = ExitStatus{Code: -1, Signal: status.Signal()}
	}
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

// Close releases what the handle holds. The process goes on.
func (p *Process) Close() {
	if p.terminal != nil {
		p.terminal.Close()
	}
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
