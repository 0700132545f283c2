package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

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

// Wait waits for the end of the process and collects it; it may be called once. When
// ctx is done first, the error is that of ctx, the process goes on, and Wait may be
// called again.
func (p *Process) Wait(ctx context.Context) (ExitStatus, error) {
	if ctx.Done() != nil {
		ended := make(chan error, 1)
		go func() {
			for {
				err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
				if err != unix.EINTR {
					ended <- err
					return
				}
			}
		}()
		select {
		case <-ctx.Done():
			return ExitStatus{}, ctx.Err()
		case err := <-ended:
			if err != nil {
				return ExitStatus{}, os.NewSyscallError("waitid", err)
			}
		}
	}
	status, err := p.reap()
	if err != nil {
		return ExitStatus{}, os.NewSyscallError("wait4", err)
	}
	if p.relayed != nil {
		<-p.relayed
	}
	if status.Signaled() {
		return ExitStatus{Code: -1, Signal: status.Signal()}, nil
	}
	return ExitStatus{Code: status.ExitStatus()}, nil
}

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

// Close releases what the handle holds. The process goes on.
func (p *Process) Close() {
	if p.terminal != nil {
		p.terminal.Close()
	}
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
		p.pidfd = -1
	}
	if p.ownsContainer {
		p.container.Close()
	}
}
