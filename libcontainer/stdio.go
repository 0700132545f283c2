package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/specconv"
)

// Stdio describes the standard streams of a process: files of the caller, or a terminal
// if process.terminal is true in config.json.
type Stdio struct {
	// In, Out and Err are inherited by the process; nil is /dev/null. They remain the
	// caller's. They are ignored if the process has a terminal.
	In, Out, Err *os.File
	// ConsoleSocket is the path of a listening unix stream socket that receives the
	// master of the terminal, with SCM_RIGHTS. With process.terminal, either
	// ConsoleSocket or KeepTerminal is required; without, ConsoleSocket is an error.
	ConsoleSocket string
	// KeepTerminal makes the master of the terminal available as Process.Terminal, if
	// ConsoleSocket is "". Line feeds of the output then arrive without carriage returns.
	KeepTerminal bool
	// Size is the initial size of the terminal with KeepTerminal, in characters; nil is
	// process.consoleSize.
	Size *specs.Box
}

func (s *Stdio) keepsTerminal() bool { return s.KeepTerminal && s.ConsoleSocket == "" }

// streams are the open standard streams of a process that is being launched.
type streams struct {
	fds      [3]int
	null     int      // /dev/null, closed by us; -1 if it isn't needed
	socket   int      // the child's end of the socket that receives the terminal's master; -1 for none
	receiver int      // our end of it with KeepTerminal; -1 for none
	terminal *os.File // the terminal's master, once it is received
}

// check reports an error if s and the terminal setting of p contradict each other; p
// may be nil. It sets the size of the terminal in p. The texts are runc's.
func (s *Stdio) check(p *specs.Process) error {
	terminal := p != nil && p.Terminal
	var err error
	switch {
	case terminal && s.ConsoleSocket == "" && !s.KeepTerminal:
		err = place.Errorf(place.At("/process/terminal"), "cannot allocate tty if runnel will detach without setting console socket "+
			"(set process.terminal to false, or give --console-socket a socket at which somebody receives the terminal)")
	case !terminal && s.ConsoleSocket != "":
		err = errors.New("cannot use console socket if runnel will not detach or allocate tty")
	case terminal && s.KeepTerminal && s.Size != nil:
		p.ConsoleSize = s.Size
	}
	return fault.Wrap("console", fault.InvalidArgument, err)
}

// open opens the streams of p, which may be nil. If p has a terminal, it adds the
// socket that the child needs to provided. The caller closes the result, also if there
// is an error.
func (s *Stdio) open(p *specs.Process, provided map[string]int) (*streams, error) {
	open := &streams{null: -1, socket: -1, receiver: -1}
	for i, file := range []*os.File{s.In, s.Out, s.Err} {
		if file != nil {
			open.fds[i] = int(file.Fd())
			continue
		}
		if open.null < 0 {
			var err error
			if open.null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
				return open, fmt.Errorf("open /dev/null: %w", err)
			}
		}
		open.fds[i] = open.null
	}
	if p == nil || !p.Terminal {
		return open, nil
	}
	err := open.openTerminal(s.ConsoleSocket)
	provided[specconv.ConsoleFile] = open.socket
	return open, fault.Wrap("console", fault.InvalidArgument, err)
}

func (s *streams) openTerminal(consoleSocket string) (err error) {
	if consoleSocket != "" {
		if s.socket, err = dialStream(consoleSocket); err != nil {
			return fmt.Errorf("console socket: %w", err)
		}
		return nil
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket for the terminal: %w", err)
	}
	s.receiver, s.socket = pair[0], pair[1]
	return nil
}

// keys returns the names that a checkpoint has for the streams; nil if they are a terminal
// of the container.
func (s *streams) keys() []string {
	if s.socket >= 0 {
		return nil
	}
	keys := make([]string, len(s.fds))
	for i, fd := range s.fds {
		keys[i] = criu.StreamKey(fd)
	}
	return keys
}

// send sends the master of a terminal to who receives it.
func (s *streams) send(master int) error {
	if s.socket < 0 {
		return fault.Wrap("console", fault.InvalidArgument, errors.New("the checkpoint has a terminal, and process.terminal isn't set in config.json"))
	}
	if err := unix.Sendmsg(s.socket, []byte("/dev/ptmx"), unix.UnixRights(master), nil, unix.MSG_NOSIGNAL); err != nil {
		return fault.Wrap("console", fault.ProcessFailed, fmt.Errorf("send the terminal: %w", err))
	}
	return nil
}

// closeInherited closes the descriptors that only the child needs. It is called when the
// child has inherited them and runs.
func (s *streams) closeInherited() {
	for _, fd := range []*int{&s.socket, &s.null} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// receive receives the terminal's master with KeepTerminal. It is called when the child
// has sent it.
func (s *streams) receive() error {
	if s.receiver < 0 {
		return nil
	}
	master, err := receiveFD(s.receiver)
	if err != nil {
		return fault.Wrap("console", fault.ProcessFailed, fmt.Errorf("receive the terminal: %w", err))
	}
	s.terminal = os.NewFile(uintptr(master), "terminal")
	return nil
}

// close closes all descriptors of s. With keep it leaves the terminal open.
func (s *streams) close(keep bool) {
	if s == nil {
		return
	}
	s.closeInherited()
	if s.receiver >= 0 {
		unix.Close(s.receiver)
		s.receiver = -1
	}
	if s.terminal != nil && !keep {
		s.terminal.Close()
	}
}
