package libcontainer

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// claimInherited takes possession of the descriptors that the caller has left
// open: `preserve` of them, after those of a service manager, must be there, and
// none gets into a hook or helper. The child is given those that it is to have.
//
// Our own descriptors are all close-on-exec, so that they don't pass for the
// caller's.
func claimInherited(preserve int) error {
	if preserve < 0 {
		return fmt.Errorf("--preserve-fds: %d is less than none", preserve)
	}
	first := 3 + listenFDs()
	for i := range preserve {
		flags, err := unix.FcntlInt(uintptr(first+i), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF
		}
		if err != nil {
			return fmt.Errorf("unable to stat preserved-fd %d (of %d): %w", i, preserve, err)
		}
	}
	// A kernel before 5.11 hasn't the flag; there, hooks see what the caller left.
	_ = unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	return nil
}

// listenFDs is the number of descriptors that a service manager has given to
// us, sd_listen_fds(3).
func listenFDs() int {
	if os.Getenv("LISTEN_FDS") == "" || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
