// Package program finds out why execve(2) refuses, or will refuse, a program in a
// rootfs. It reads ELF headers, #! lines and binfmt_misc. The rootfs is hostile: all
// lookups stay within it.
package program

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Explain returns what the errno of an execve(2) of program in rootfs means, as far as
// the file's contents show it; otherwise "".
func Explain(rootfs, program string, errno unix.Errno) string {
	head := readHead(rootfs, program)
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		return explainScript(rootfs, string(head[2:]), errno)
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return explainELF(rootfs, head, errno)
	case errno == unix.ENOEXEC:
		return NotAProgram
	}
	return ""
}

// explainScript explains the errno of a script, whose first line after "#!" is line.
func explainScript(rootfs, line string, errno unix.Errno) string {
	interpreter, hasReturn := ScriptInterpreter(line)
	switch {
	case interpreter == "":
		return NoInterpreter
	case hasReturn:
		return ReturnInLine
	case errno == unix.ENOENT && !exists(rootfs, interpreter):
		return MissingInterpreter(interpreter)
	}
	return "the interpreter of its #! line is " + interpreter
}

// Explanations of what is wrong with a file.
const (
	NoInterpreter = "its #! line names no interpreter"
	ReturnInLine  = "its #! line ends in a carriage return, which the kernel takes for a part of the interpreter's name"
	NotAProgram   = "it is neither a program nor a script with a #! line"
)

// MissingInterpreter returns the explanation for a script whose interpreter isn't in
// the rootfs.
func MissingInterpreter(name string) string {
	return "the interpreter of its #! line, " + name + ", isn't in the container"
}

// MissingLoader returns the explanation for a program whose dynamic loader isn't in the
// rootfs.
func MissingLoader(name string) string {
	return "its dynamic loader, " + path.Clean(name) + ", isn't in the container"
}

// ForeignMachine returns the explanation for a program of another architecture.
func ForeignMachine(machine uint16) string {
	return "it is a program for " + machineName(machine) + ", which this host isn't"
}

// ScriptInterpreter returns the interpreter from line, the text after "#!", execve(2).
// hasReturn reports whether its name ends in a carriage return, as in files with line
// ends of Windows.
func ScriptInterpreter(line string) (name string, hasReturn bool) {
	line, _, _ = strings.Cut(line, "\n")
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) == 0 {
		return "", false
	}
	return fields[0], strings.HasSuffix(fields[0], "\r")
}

// machineName returns the name of an ELF machine, elf.h, if images are built for it,
// and otherwise its number.
func machineName(machine uint16) string {
	switch machine {
	case 3:
		return "386"
	case 8:
		return "mips"
	case 20, 21:
		return "ppc64"
	case 22:
		return "s390x"
	case 40:
		return "arm"
	case 62:
		return "amd64 (x86_64)"
	case 183:
		return "arm64 (aarch64)"
	case 243:
		return "riscv64"
	case 258:
		return "loong64"
	}
	return fmt.Sprintf("machine %d", machine)
}

// explainELF explains the errno of an ELF file with this beginning.
func explainELF(rootfs string, head []byte, errno unix.Errno) string {
	program, ok := ParseELF(head)
	switch {
	case !ok:
		return "it is cut off"
	case errno == unix.ENOEXEC:
		return ForeignMachine(program.Machine)
	case errno == unix.ENOENT && program.Loader != "" && !exists(rootfs, program.Loader):
		return MissingLoader(program.Loader)
	}
	return ""
}

// ELF holds the fields of an ELF header that execve(2) uses, elf(5).
type ELF struct {
	Machine   uint16 // e_machine, elf.h
	Is64      bool
	BigEndian bool
	Loader    string // the path of the dynamic loader; "" for a static program
}

// ParseELF parses the beginning of an ELF file, elf(5). ok is false if head is shorter
// than an ELF header.
func ParseELF(head []byte) (p ELF, ok bool) {
	const headerSize, machineAt = 64, 18
	if len(head) < headerSize {
		return p, false
	}
	p.Is64, p.BigEndian = head[4] == 2, head[5] == 2
	var order binary.ByteOrder = binary.LittleEndian
	if p.BigEndian {
		order = binary.BigEndian
	}
	p.Machine = order.Uint16(head[machineAt:])
	if p.Is64 {
		p.Loader = elfLoader(head, order, elfLayout{order.Uint64(head[32:]), 54, 56, 8, 32, 8})
	} else {
		p.Loader = elfLoader(head, order, elfLayout{uint64(order.Uint32(head[28:])), 42, 32, 4, 16, 4})
	}
	return p, true
}

// elfLayout holds the positions of fields that differ between 32-bit and 64-bit files,
// in bytes.
type elfLayout struct {
	table              uint64 // offset of the program headers
	sizeAt             int    // position of the size of a program header; their number follows
	least              uint64 // least size of a program header
	offsetAt, lengthAt uint64 // positions in a program header
	width              int    // size of an offset
}

// elfLoader returns the path in the program header PT_INTERP; "" if there is none
// within head.
func elfLoader(head []byte, order binary.ByteOrder, l elfLayout) string {
	const interp = 3
	size, count := uint64(order.Uint16(head[l.sizeAt:])), uint64(order.Uint16(head[l.sizeAt+2:]))
	number := func(at uint64) uint64 {
		if l.width == 8 {
			return order.Uint64(head[at:])
		}
		return uint64(order.Uint32(head[at:]))
	}
	for i := range count {
		h := l.table + i*size
		if size < l.least || h > uint64(len(head)) || size > uint64(len(head))-h {
			return ""
		}
		if order.Uint32(head[h:]) != interp {
			continue
		}
		from, length := number(h+l.offsetAt), number(h+l.lengthAt)
		if from > uint64(len(head)) || length > uint64(len(head))-from {
			return ""
		}
		return strings.TrimRight(string(head[from:from+length]), "\x00")
	}
	return ""
}

// RunsOn reports whether a kernel for the architecture arch, a GOARCH, runs the
// program. Support for 32-bit programs may be missing from a kernel nevertheless.
func (p ELF) RunsOn(arch string) bool {
	const i386, arm, x8664, aarch64, riscv = 3, 40, 62, 183, 243 // elf.h
	switch arch {
	case "amd64":
		return p.Machine == x8664 || p.Machine == i386
	case "arm64":
		return !p.BigEndian && (p.Machine == aarch64 || p.Machine == arm)
	case "riscv64":
		return p.Machine == riscv
	}
	return true
}
