package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

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
	// ownsContainer makes Close close the container, too.
	ownsContainer bool
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

// Shell returns the status as a shell reports it in $?: the exit status, or 128 plus
// the number of the signal.
func (s ExitStatus) Shell() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

// Wait waits until the process has ended, reaps it, and returns its status. If ctx is
// done first, Wait returns the error of ctx; the process keeps running, and Wait may be
// called again. Once Wait has returned a status it must not be called again. Only one
// goroutine may wait at a time.
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

// Close closes the process's descriptors: its pidfd, its Terminal, and for a process of
// Create or Run its Container. The process keeps running.
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
