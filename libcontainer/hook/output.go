package hook

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// keptOutput is the number of bytes that are kept of the beginning of a hook's output,
// and of its end. The rest is read and dropped, so that the hook doesn't block.
const keptOutput = 4096

// pipeSize is the default capacity of a pipe, in bytes, pipe(7).
const pipeSize = 65536

// output is the read end of a pipe from a hook, and what was read from it.
type output struct {
	fd         int // -1 after the end of the output
	head, tail []byte
	dropped    bool
}

// open creates the pipe and returns its write end, for the hook. Only the read end is
// non-blocking.
func (o *output) open() (writer int, err error) {
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

func (o *output) close() {
	if o.fd >= 0 {
		unix.Close(o.fd)
		o.fd = -1
	}
}

// read reads what is available, at most a few pages, and returns its length.
func (o *output) read() int {
	var buf [8192]byte
	n, err := unix.Read(o.fd, buf[:])
	if n > 0 {
		o.keep(buf[:n])
		return n
	}
	if err != unix.EAGAIN && err != unix.EINTR {
		o.close() // end of file: there is no writer any more
	}
	return 0
}

// drain reads what the hook has left in the pipe. It stops after pipeSize bytes, in
// case another process keeps printing.
func (o *output) drain() {
	for got := 0; o.fd >= 0 && got < pipeSize; {
		n := o.read()
		if n == 0 {
			return
		}
		got += n
	}
}

// keep appends b to what is kept.
func (o *output) keep(b []byte) {
	n := min(len(b), keptOutput-len(o.head))
	o.head = append(o.head, b[:n]...)
	o.tail = append(o.tail, b[n:]...)
	if extra := len(o.tail) - keptOutput; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
		o.dropped = true
	}
}

// cut replaces what is dropped. The child uses the same text (hook.c).
const cut = "\n[...]\n"

// text returns what was kept, in printable form.
func (o *output) text() string {
	text := string(o.head)
	if o.dropped {
		text += cut
	}
	return Printable(text + string(o.tail))
}

// Printable replaces characters that a terminal might interpret, and invalid UTF-8, by
// question marks, because a log may be read on a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r != unicode.ReplacementChar && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}
