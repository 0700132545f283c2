// Package pidfd has what the runtime does with descriptors of processes,
// pidfd_open(2).
package pidfd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Open returns a close-on-exec pidfd of the process pid; ESRCH if there is none.
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

// Wait waits until a pidfd, or the end for reading of a pipe, becomes readable or is
// closed at its other end: until the process has ended. The timeout is in
// milliseconds, -1 for none. It reports whether that has happened.
func Wait(fd, timeout int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return n > 0
		}
	}
}

// Kill sends SIGKILL; a process that has ended already is not an error.
func Kill(fd int) { _ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) }
