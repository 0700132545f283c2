package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// dialStream connects to a listening unix stream socket. If path is too long for a
// socket address, it connects through a descriptor of its directory.
func dialStream(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	name := path
	if len(path) >= 108 {
		dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			unix.Close(fd)
			return -1, &os.PathError{Op: "connect", Path: path, Err: err}
		}
		defer unix.Close(dir)
		name = fmt.Sprintf("/proc/self/fd/%d/%s", dir, filepath.Base(path))
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		unix.Close(fd)
		return -1, &os.PathError{Op: "connect", Path: path, Err: err}
	}
	return fd, nil
}

// receiveFD receives one descriptor from a unix socket.
func receiveFD(socket int) (int, error) {
	var buf [4096]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(socket, buf[:], oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	if n == 0 {
		return -1, errors.New("nothing was sent")
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) == 0 {
		return -1, errors.New("no descriptor was sent")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1, errors.New("no descriptor was sent")
	}
	return fds[0], nil
}

// sendPidfd sends a pidfd to the client that listens at path, together with a word that
// says which process it refers to.
func sendPidfd(path, word string, pidfd int) error {
	socket, err := dialStream(path)
	if err != nil {
		return fmt.Errorf("pidfd socket: %w", err)
	}
	defer unix.Close(socket)
	if err := unix.Sendmsg(socket, []byte(word), unix.UnixRights(pidfd), nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("pidfd socket %s: %w", path, err)
	}
	return nil
}
