package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// inherited are descriptors that the caller of the command has left open for the
// process, from 3 on: those of a service manager, sd_listen_fds(3), and then those of
// --preserve-fds.
type inherited struct {
	files  []*os.File
	listen int
	names  string // LISTEN_FDNAMES
}

// claimInherited takes possession of the descriptors that the caller has left open. All
// that are asked for must be there, and none gets into a hook or a helper. The command's
// own descriptors are all close-on-exec, so that they aren't mistaken for the caller's.
func claimInherited(preserve int) (inherited, error) {
	var in inherited
	if preserve < 0 {
		return in, fmt.Errorf("--preserve-fds: %d is less than none", preserve)
	}
	in.listen = listenFDs()
	for i := range in.listen {
		if err := isInherited(3 + i); err != nil {
			return in, fmt.Errorf("LISTEN_FDS=%d: descriptor %d: %w", in.listen, 3+i, err)
		}
	}
	for i := range preserve {
		if err := isInherited(3 + in.listen + i); err != nil {
			return in, fmt.Errorf("unable to stat preserved-fd %d (of %d): %w", i, preserve, err)
		}
	}
	hideInherited()
	if in.listen > 0 {
		in.names = os.Getenv("LISTEN_FDNAMES")
		in.files = activation.Files(true)
	}
	for i := range preserve {
		fd := 3 + in.listen + i
		in.files = append(in.files, os.NewFile(uintptr(fd), "preserved "+strconv.Itoa(fd)))
	}
	return in, nil
}

// hideInherited keeps the descriptors that the caller has left open out of hooks. A
// kernel before 5.11 lacks the flag; there, hooks inherit them.
func hideInherited() { _ = unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) }

// isInherited reports as an error that a descriptor isn't open, or is the command's own.
func isInherited(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC != 0 {
		err = unix.EBADF
	}
	return err
}

// listenFDs returns the number of descriptors that a service manager has passed to this
// process.
func listenFDs() int {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if errors.Is(err, strconv.ErrRange) {
		return 1 << 30 // more than can be open
	}
	return max(n, 0)
}
