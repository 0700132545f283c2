// Package reap waits for children of the calling process.
package reap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Wait waits until the child pid has ended, reaps it, and returns its status, wait4(2).
func Wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR {
			return status, err
		}
	}
}

// Describe describes how a process has ended: "exit status 3" or "signal 9 (killed)".
func Describe(s unix.WaitStatus) string {
	if s.Signaled() {
		return fmt.Sprintf("signal %d (%s)", s.Signal(), s.Signal())
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}
