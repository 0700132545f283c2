package compiler

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Syscall is a system call of an architecture.
type Syscall struct {
	Number uint32
	Name   string
}

// A request for the table of an architecture is three numbers: a magic, which differs from
// that of a Request, the version, and the token of the architecture.
const (
	tableMagic = 0x6c626174
	tableSize  = 12
)

func encodeTable(token uint32) []byte {
	b := binary.NativeEndian.AppendUint32(nil, tableMagic)
	b = binary.NativeEndian.AppendUint32(b, wireVersion)
	return binary.NativeEndian.AppendUint32(b, token)
}

// decodeTable is the reverse of encodeTable; ok is false for anything else.
func decodeTable(b []byte) (token uint32, ok bool) {
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	if len(b) != tableSize || word(0) != tableMagic || word(4) != wireVersion {
		return 0, false
	}
	return word(8), true
}

// appendSyscalls encodes the answer: for each system call its number, and its name, which
// ends with a NUL.
func appendSyscalls(b []byte, calls []Syscall) []byte {
	for _, c := range calls {
		b = binary.NativeEndian.AppendUint32(b, c.Number)
		b = append(append(b, c.Name...), 0)
	}
	return b
}

// readSyscalls is the reverse of appendSyscalls.
func readSyscalls(b []byte) (calls []Syscall, err error) {
	for len(b) > 0 {
		if len(b) < numberSize {
			return nil, errNoTable
		}
		number := binary.NativeEndian.Uint32(b)
		name, rest, ok := bytes.Cut(b[numberSize:], []byte{0})
		if !ok || len(name) == 0 {
			return nil, errNoTable
		}
		calls, b = append(calls, Syscall{number, string(name)}), rest
	}
	return calls, nil
}

var errNoTable = errors.New("the compiler's output is not a table of system calls")
