package compiler

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// The answer to a Request between processes: with exit status 0 the highest numbers, the
// number of unknown names, their indexes, and then the program on standard output, with exit
// status 1 a failure on standard error, as three numbers (stage, index, errno or 0) and a
// text.
const (
	exitFailure     = 1
	exitBroken      = 2 // the answer couldn't be read or written
	failureSize     = 12
	instructionSize = 8 // of a struct sock_filter
	numberSize      = 4
)

func encodeProgram(p *Program) []byte {
	b := make([]byte, 0, numberSize*(len(p.Highest)+1+len(p.Unknown))+len(p.BPF))
	for _, h := range p.Highest {
		b = binary.NativeEndian.AppendUint32(b, uint32(h))
	}
	b = binary.NativeEndian.AppendUint32(b, uint32(len(p.Unknown)))
	for _, u := range p.Unknown {
		b = binary.NativeEndian.AppendUint32(b, uint32(u))
	}
	return append(b, p.BPF...)
}

// readProgram is the reverse of encodeProgram.
func readProgram(answer []byte, archs int) (*Program, error) {
	p := new(Program)
	rest, ok := answer, false
	if p.Highest, rest, ok = readNumbers(rest, archs); ok {
		var count []int32
		if count, rest, ok = readNumbers(rest, 1); ok {
			p.Unknown, rest, ok = readNumbers(rest, int(count[0]))
		}
	}
	if !ok || len(rest) == 0 || len(rest)%instructionSize != 0 {
		return nil, fmt.Errorf("the compiler's output of %d bytes is not a program", len(answer))
	}
	p.BPF = rest
	return p, nil
}

// readNumbers returns the first count numbers, nil for none, and what follows them.
func readNumbers(b []byte, count int) (numbers []int32, rest []byte, ok bool) {
	if count < 0 || count > len(b)/numberSize {
		return nil, nil, false
	}
	for i := range count {
		numbers = append(numbers, int32(binary.NativeEndian.Uint32(b[numberSize*i:])))
	}
	return numbers, b[numberSize*count:], true
}

func writeFailure(w io.Writer, f *Failure) error {
	var errno syscall.Errno
	errors.As(f.Err, &errno)
	b := binary.NativeEndian.AppendUint32(nil, uint32(f.Stage))
	b = binary.NativeEndian.AppendUint32(b, uint32(f.Index))
	b = binary.NativeEndian.AppendUint32(b, uint32(errno))
	_, err := w.Write(append(b, f.Err.Error()...))
	return err
}

// readFailure is the reverse of writeFailure. ok is false if answer is something
// else, such as the last words of a Go program that panics.
func readFailure(answer []byte) (f *Failure, ok bool) {
	if len(answer) < failureSize {
		return nil, false
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(answer[4*i:]) }
	f = &Failure{Stage: Stage(word(0)), Index: int(word(1))}
	if f.Stage < StageRequest || f.Stage > StageExport {
		return nil, false
	}
	if errno := word(2); errno != 0 {
		f.Err = syscall.Errno(errno)
	} else {
		f.Err = errors.New(string(answer[failureSize:]))
	}
	return f, true
}
