package pidfd

import "golang.org/x/sys/unix"

// ExitStatus returns the status of wait(2) of a process that has ended and that its parent
// has reaped. It is false before that, and before Linux 6.15. The pidfd must have been
// opened before the process was reaped.
func ExitStatus(fd int) (unix.WaitStatus, bool) {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	if err := unix.IoctlPidfdInfo(fd, &info); err != nil || info.Mask&unix.PIDFD_INFO_EXIT == 0 {
		return 0, false
	}
	return unix.WaitStatus(info.Exit_code), true
}

// WaitReaped waits until the process has been reaped, at most for the timeout in
// milliseconds. Before Linux 6.15 it can't know that, and waits for the whole time.
func WaitReaped(fd, timeout int) {
	fds := []unix.PollFd{{Fd: int32(fd)}} // POLLHUP is always reported
	for {
		if _, err := unix.Poll(fds, timeout); err != unix.EINTR {
			return
		}
	}
}
