package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/specconv"
)

// Stdio is what the standard streams of a process are: files of the caller, or a
// terminal, where process.terminal asks for one.
type Stdio struct {
	// In, Out and Err are inherited by the process; nil is /dev/null. They stay the
	// caller's. With a terminal they don't count.
	In, Out, Err *os.File
	// ConsoleSocket is the path of a listening unix socket that gets the terminal's
	// master.
	ConsoleSocket string
	// KeepTerminal: the terminal's master is Process.Terminal instead.
	KeepTerminal bool
	// Size is the size of the terminal that is kept, before the program sees it; nil
	// is process.consoleSize.
	Size *specs.Box
}

// streams are the open streams of a process on its way.
type streams struct {
	fds      [3]int
	null     int      // ours, -1 without need
	socket   int      // the child's end of the socket that the terminal's master is sent to
	receiver int      // our end of it, where the terminal is kept
	terminal *os.File // the master
}

// check reports whether the terminal can be had in the way in which it is asked for;
// p may be nil. The texts are runc's.
func (s *Stdio) check(p *specs.Process) error {
	terminal := p != nil && p.Terminal
	var err error
	switch {
	case terminal && s.ConsoleSocket == "" && !s.KeepTerminal:
		err = errors.New("cannot allocate tty if runnel will detach without setting console socket")
	case !terminal && s.ConsoleSocket != "":
		err = errors.New("cannot use console socket if runnel will not detach or allocate tty")
	case terminal && s.KeepTerminal && s.Size != nil:
		p.ConsoleSize = s.Size
	}
	return fault.Wrap("console", fault.InvalidArgument, err)
}

// open opens the streams of p, which may be nil, and adds what the child needs for a
// terminal to given. The caller closes the result, after an error too.
func (s *Stdio) open(p *specs.Process, given map[string]int) (*streams, error) {
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
	given[specconv.ConsoleFile] = open.socket
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

// inherited closes what only the child needs, which has it by now.
func (s *streams) inherited() {
	for _, fd := range []*int{&s.socket, &s.null} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// receive receives the terminal's master, which the child has sent by now.
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

// close closes everything but the terminal, which is closed unless keep.
func (s *streams) close(keep bool) {
	if s == nil {
		return
	}
	s.inherited()
	if s.receiver >= 0 {
		unix.Close(s.receiver)
		s.receiver = -1
	}
	if s.terminal != nil && !keep {
		s.terminal.Close()
	}
}
