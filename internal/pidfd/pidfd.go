// Package pidfd has operations on file descriptors that refer to processes,
// pidfd_open(2).
package pidfd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Open returns a pidfd of the process pid, close-on-exec. The error matches ESRCH if
// there is no such process. The caller closes it.
func Open(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd of pid %d: %w", pid, err)
	}
	return fd, nil
}

// Inode returns the inode number of a pidfd. Since Linux 6.9 it identifies the
// process until the next boot; before, all pidfds have the same.
func Inode(fd int) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("stat a pidfd: %w", err)
	}
	return st.Ino, nil
}

// Wait waits until a pidfd becomes readable, which means that the process has ended, or
// until the read end of a pipe becomes readable or its other end is closed. The timeout
// is in milliseconds; -1 is none. Wait returns false at the timeout.
func Wait(fd, timeout int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return n > 0
		}
	}
}

// Kill sends SIGKILL to a process. It does nothing if the process has ended.
func Kill(fd int) { _ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) }
