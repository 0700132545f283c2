package libcontainer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// diagnose looks at a program that execve(2) has refused and says what its
// errno means, as far as the file in the rootfs shows it; "" if it doesn't.
func diagnose(rootfs, program string, errno unix.Errno) string {
	head := readHead(rootfs, program)
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		return diagnoseScript(rootfs, string(head[2:]), errno)
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return diagnoseELF(rootfs, head, errno)
	case errno == unix.ENOEXEC:
		return notAProgram
	}
	return ""
}

// headSize is enough for a #! line and for the program headers of an ELF file.
const headSize = 4096

// readHead reads the beginning of a file of the rootfs. The file is the image's:
// it is looked up inside of the rootfs, and only a regular one is read.
func readHead(rootfs, name string) []byte {
	fd, err := openInRoot(rootfs, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	return headOf(fd)
}

func headOf(fd int) []byte {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	head := make([]byte, headSize)
	n, err := unix.Read(fd, head)
	if err != nil || n < 0 {
		return nil
	}
	return head[:n]
}

// openInRoot opens a path as a process with chroot(2) to root would.
func openInRoot(root, name string, flags uint64) (int, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return unix.Openat2(dir, name, &unix.OpenHow{
		Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

func existsInRoot(rootfs, name string) bool {
	fd, err := openInRoot(rootfs, name, unix.O_PATH)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

func diagnoseScript(rootfs, line string, errno unix.Errno) string {
	interpreter, hasReturn := scriptInterpreter(line)
	switch {
	case interpreter == "":
		return noInterpreter
	case hasReturn:
		return returnInLine
	case errno == unix.ENOENT && !existsInRoot(rootfs, interpreter):
		return missingInterpreter(interpreter)
	}
	return "the interpreter of its #! line is " + interpreter
}

const (
	noInterpreter = "its #! line names no interpreter"
	returnInLine  = "its #! line ends in a carriage return, which the kernel takes for a part of the interpreter's name"
	notAProgram   = "it is neither a program nor a script with a #! line"
)

func missingInterpreter(name string) string {
	return "the interpreter of its #! line, " + name + ", isn't in the container"
}

func missingLoader(name string) string {
	return "its dynamic loader, " + path.Clean(name) + ", isn't in the container"
}

func foreignMachine(machine uint16) string {
	return "it is a program for " + machineName(machine) + ", which this host isn't"
}

// scriptInterpreter reads what follows "#!", execve(2). hasReturn: the name ends
// with the end of a line as Windows has it.
func scriptInterpreter(line string) (name string, hasReturn bool) {
	line, _, _ = strings.Cut(line, "\n")
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) == 0 {
		return "", false
	}
	return fields[0], strings.HasSuffix(fields[0], "\r")
}

// machineName names the ELF machines that images are built for, elf.h.
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

func diagnoseELF(rootfs string, head []byte, errno unix.Errno) string {
	program, ok := parseELF(head)
	switch {
	case !ok:
		return "it is cut off"
	case errno == unix.ENOEXEC:
		return foreignMachine(program.machine)
	case errno == unix.ENOENT && program.loader != "" && !existsInRoot(rootfs, program.loader):
		return missingLoader(program.loader)
	}
	return ""
}

// elfProgram is what execve(2) decides by.
type elfProgram struct {
	machine uint16
	is64    bool
	big     bool   // its byte order
	loader  string // "" of a static program
}

// parseELF reads the beginning of an ELF file, elf(5); ok is false if it is shorter
// than its header.
func parseELF(head []byte) (p elfProgram, ok bool) {
	const headerSize, machineAt = 64, 18
	if len(head) < headerSize {
		return p, false
	}
	p.is64, p.big = head[4] == 2, head[5] == 2
	var order binary.ByteOrder = binary.LittleEndian
	if p.big {
		order = binary.BigEndian
	}
	p.machine = order.Uint16(head[machineAt:])
	if p.is64 {
		p.loader = elfLoader(head, order, elfLayout{order.Uint64(head[32:]), 54, 56, 8, 32, 8})
	} else {
		p.loader = elfLoader(head, order, elfLayout{uint64(order.Uint32(head[28:])), 42, 32, 4, 16, 4})
	}
	return p, true
}

// elfLayout says where the fields are that differ between 32 and 64 bits.
type elfLayout struct {
	table              uint64 // of program headers
	sizeAt             int    // of their size, followed by their number
	least              uint64 // size of one
	offsetAt, lengthAt uint64 // in one
	width              int    // of an offset
}

// elfLoader finds PT_INTERP.
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
