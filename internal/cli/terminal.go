package cli

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer"
)

// terminal is a process's terminal while the command waits: what is typed goes in, what
// the process prints comes out.
type terminal struct {
	process *libcontainer.Process
	saved   *unix.Termios // the setting of the command's terminal; nil if stdin isn't one
	output  chan struct{} // closed when all output has been copied
}

// keepTerminal lets the command copy the terminal of a process that it waits for, unless a
// console socket gets it.
func keepTerminal(o *libcontainer.Stdio) {
	o.KeepTerminal = o.ConsoleSocket == ""
	o.Size = terminalSize()
}

// terminalSize returns the size of the command's terminal; nil if stdin isn't one.
func terminalSize() *specs.Box {
	size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
}

// attachTerminal puts the command's terminal into raw mode, so that Ctrl-C and the like
// reach the process, and starts to copy.
func attachTerminal(p *libcontainer.Process) *terminal {
	t := &terminal{process: p, output: make(chan struct{})}
	if saved, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		t.saved = saved
		raw := *saved
		makeRaw(&raw)
		_ = unix.IoctlSetTermios(0, unix.TCSETS, &raw)
		t.resize()
	}
	master := int(p.Terminal().Fd())
	go copyAll(master, 0, nil)
	go copyAll(1, master, t.output)
	return t
}

// makeRaw is cfmakeraw(3), except that output is still processed: the line feeds of the
// process's terminal get their carriage returns here, or none if the output is a file.
func makeRaw(t *unix.Termios) {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

// copyAll copies until the source ends or the target is gone. The container's side of a
// pty that nobody has open reads as EIO: that is its end.
func copyAll(to, from int, done chan<- struct{}) {
	buf := make([]byte, 32*1024)
	for {
		n, err := unix.Read(from, buf)
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil || n <= 0 || rawio.WriteAll(to, buf[:n]) != nil {
			break
		}
	}
	if done != nil {
		close(done)
	}
}

// resize gives the process's terminal the size of the command's.
func (t *terminal) resize() {
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		_ = t.process.Resize(size.Row, size.Col)
	}
}

// drain waits for the rest of the output of a process that has ended.
func (t *terminal) drain() { <-t.output }

// detach restores the setting of the command's terminal.
func (t *terminal) detach() {
	if t.saved != nil {
		_ = unix.IoctlSetTermios(0, unix.TCSETS, t.saved)
	}
}
