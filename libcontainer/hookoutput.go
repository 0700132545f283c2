package libcontainer

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// keptOutput is how many bytes are kept of the beginning of what a hook prints, and
// again of the end. The rest is read, so that the hook isn't held up, and dropped.
const keptOutput = 4096

// pipeSize is what a pipe holds at most by itself, pipe(7).
const pipeSize = 65536

// hookOutput is the end for reading of a pipe to a hook, and what came through it.
type hookOutput struct {
	fd         int // -1 after its end
	head, tail []byte
	dropped    bool
}

// open makes the pipe and gives the end for the hook. Only ours doesn't block.
func (o *hookOutput) open() (writer int, err error) {
	var fds [2]int
	if err = unix.Pipe2(fds[:], unix.O_CLOEXEC); err == nil {
		err = unix.SetNonblock(fds[0], true)
	}
	if err != nil {
		return -1, fmt.Errorf("output of a hook: %w", err)
	}
	o.fd = fds[0]
	return fds[1], nil
}

func (o *hookOutput) close() {
	if o.fd >= 0 {
		unix.Close(o.fd)
		o.fd = -1
	}
}

// read takes what is there, at most a few pages, and tells how much that was.
func (o *hookOutput) read() int {
	var buf [8192]byte
	n, err := unix.Read(o.fd, buf[:])
	if n > 0 {
		o.keep(buf[:n])
		return n
	}
	if err != unix.EAGAIN && err != unix.EINTR {
		o.close() // the end: nobody is left who could write
	}
	return 0
}

// drain reads what the hook has left in the pipe. A process that goes on printing
// isn't followed for ever.
func (o *hookOutput) drain() {
	for got := 0; o.fd >= 0 && got < pipeSize; {
		n := o.read()
		if n == 0 {
			return
		}
		got += n
	}
}

func (o *hookOutput) keep(b []byte) {
	n := min(len(b), keptOutput-len(o.head))
	o.head = append(o.head, b[:n]...)
	o.tail = append(o.tail, b[n:]...)
	if extra := len(o.tail) - keptOutput; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
		o.dropped = true
	}
}

// cut stands for what is dropped. The child has the same (hook.c).
const cut = "\n[...]\n"

func (o *hookOutput) text() string {
	text := string(o.head)
	if o.dropped {
		text += cut
	}
	return printableOutput(text + string(o.tail))
}

// printableOutput replaces what a terminal might obey, and what isn't UTF-8, by
// question marks: a log may be read on one.
func printableOutput(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != unicode.ReplacementChar && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

// logOutput logs what a hook on the container's side has printed.
func (c *creation) logOutput(o *nsenter.HookOutput) {
	if c.runtime.Info == nil {
		return
	}
	if c.plan == nil {
		p, err := c.replan()
		if err != nil {
			c.runtime.warn(fmt.Sprintf("output of a hook: %v", err))
			return
		}
		c.plan = p
	}
	origin := ""
	if i, ok := findStep(c.plan, o.Step); ok {
		if hook, ok := c.plan.Steps[i].Op.(plan.Hook); ok {
			origin = c.plan.Steps[i].Origin + " " + hook.Path
		}
	}
	c.runtime.logHook(origin, printableOutput(o.Text))
}
