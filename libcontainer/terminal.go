package libcontainer

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
)

// terminal is a container's terminal while the runtime is in the foreground:
// what is typed goes in, what the container prints comes out.
type terminal struct {
	master *os.File
	// saved is the setting of our own terminal, nil if stdin isn't one.
	saved  *unix.Termios
	output chan struct{} // closed when all output has been copied
}

func newTerminal(master int) *terminal {
	return &terminal{master: os.NewFile(uintptr(master), "terminal"), output: make(chan struct{})}
}

// attach puts our terminal into raw mode, so that Ctrl-C and the like reach the
// container, and starts to copy.
func (t *terminal) attach() {
	if saved, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		t.saved = saved
		raw := *saved
		makeRaw(&raw)
		_ = unix.IoctlSetTermios(0, unix.TCSETS, &raw)
		t.resize()
	}
	go copyAll(int(t.master.Fd()), 0, nil)
	go copyAll(1, int(t.master.Fd()), t.output)
}

// makeRaw is cfmakeraw(3).
func makeRaw(t *unix.Termios) {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

// copyAll copies until the source ends or the target is gone. The container's
// side of a pty that nobody has open reads as EIO: that is its end.
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

// resize gives the size of our terminal to the container's.
func (t *terminal) resize() {
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		_ = unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, size)
	}
}

// drain waits for the rest of the output of a container that has ended.
func (t *terminal) drain() { <-t.output }

func (t *terminal) close() {
	if t.saved != nil {
		_ = unix.IoctlSetTermios(0, unix.TCSETS, t.saved)
		t.saved = nil
	}
	t.master.Close()
}
