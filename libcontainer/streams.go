package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/specconv"
)

// streams are the standard streams of a container's process: those of the
// runtime, or a terminal whose master goes to a socket or to ourselves.
type streams struct {
	stdio         [3]int
	consoleSocket string
	// foreground: we keep the terminal's master and copy.
	foreground bool
	socket     int // the child's end of the way that the master takes
	receiver   int // ours, in the foreground
	terminal   *terminal
}

// inherited are the runtime's own streams, for a process that outlives it.
func inherited(consoleSocket string) *streams {
	return &streams{stdio: [3]int{0, 1, 2}, consoleSocket: consoleSocket, socket: -1, receiver: -1}
}

// attached are those of a process that the runtime waits for.
func attached(consoleSocket string) *streams {
	s := inherited(consoleSocket)
	s.foreground = consoleSocket == ""
	return s
}

// check holds the process against the way in which its terminal is asked for; nil
// has none. The texts are runc's. In the foreground the terminal gets the size of
// ours before the program sees it.
func (s *streams) check(p *specs.Process) error {
	terminal := p != nil && p.Terminal
	if terminal && s.foreground {
		if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
			p.ConsoleSize = &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
		}
	}
	switch {
	case terminal && s.consoleSocket == "" && !s.foreground:
		return errors.New("cannot allocate tty if runnel will detach without setting console socket")
	case !terminal && s.consoleSocket != "":
		return errors.New("cannot use console socket if runnel will not detach or allocate tty")
	}
	return nil
}

func (s *streams) open(spec *specs.Spec, given map[string]int) error {
	return s.openTerminal(spec.Process != nil && spec.Process.Terminal, given)
}

// openTerminal makes the way that the terminal's master will take.
func (s *streams) openTerminal(terminal bool, given map[string]int) (err error) {
	if !terminal {
		return nil
	}
	if s.foreground {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("socket for the terminal: %w", err)
		}
		s.receiver, s.socket = pair[0], pair[1]
	} else if s.socket, err = dialStream(s.consoleSocket); err != nil {
		return fmt.Errorf("console socket: %w", err)
	}
	given[specconv.ConsoleFile] = s.socket
	return nil
}

// handedOver closes what only the child needs.
func (s *streams) handedOver() {
	if s.socket >= 0 {
		unix.Close(s.socket)
		s.socket = -1
	}
}

// created takes the terminal's master, which the child has sent by now.
func (s *streams) created() error {
	if s.receiver < 0 {
		return nil
	}
	master, err := receiveFD(s.receiver)
	if err != nil {
		return fmt.Errorf("receive the terminal: %w", err)
	}
	s.terminal = newTerminal(master)
	return nil
}

func (s *streams) close() {
	s.handedOver()
	if s.receiver >= 0 {
		unix.Close(s.receiver)
		s.receiver = -1
	}
	if s.terminal != nil {
		s.terminal.close()
	}
}

// dialStream connects to a listening unix stream socket. A path that doesn't
// fit into a socket address is reached through its directory.
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

// receiveFD takes one descriptor from a unix socket.
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

// sendPidfd gives a pidfd to the client that listens at path, with one word
// that says whose it is.
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

// writePidFile writes the pid so that a reader finds all of it or nothing.
func writePidFile(path string, pid int) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	fd, err := unix.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return &os.PathError{Op: "pid file", Path: temporary, Err: err}
	}
	_, err = unix.Write(fd, []byte(strconv.Itoa(pid)))
	err = errors.Join(err, unix.Close(fd))
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("pid file %s: %w", path, err)
	}
	return nil
}
