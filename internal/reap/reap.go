// Package reap waits for children of this process.
package reap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Wait collects the child pid and returns how it ended, wait4(2).
func Wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR {
			return status, err
		}
	}
}

// Describe returns how a process ended in words: "exit status 3", "signal 9 (killed)".
func Describe(s unix.WaitStatus) string {
	if s.Signaled() {
		return fmt.Sprintf("signal %d (%s)", s.Signal(), s.Signal())
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}
