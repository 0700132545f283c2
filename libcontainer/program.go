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
		return "it is neither a program nor a script with a #! line"
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
	line, _, _ = strings.Cut(line, "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "its #! line names no interpreter"
	}
	interpreter := fields[0]
	if strings.HasSuffix(line, "\r") {
		return "its #! line ends in a carriage return, which the kernel takes for a part of the interpreter's name"
	}
	if errno == unix.ENOENT && !existsInRoot(rootfs, interpreter) {
		return "the interpreter of its #! line, " + interpreter + ", isn't in the container"
	}
	return "the interpreter of its #! line is " + interpreter
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
	const machineAt = 18
	if len(head) < 64 {
		return "it is cut off"
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	if errno == unix.ENOEXEC {
		return "it is a program for " + machineName(order.Uint16(head[machineAt:])) + ", which this host isn't"
	}
	if loader := elfInterpreter(head, order); errno == unix.ENOENT && loader != "" && !existsInRoot(rootfs, loader) {
		return "its dynamic loader, " + path.Clean(loader) + ", isn't in the container"
	}
	return ""
}

// elfInterpreter finds PT_INTERP of a 64-bit file, elf(5).
func elfInterpreter(head []byte, order binary.ByteOrder) string {
	const is64, interp, headerSize = 2, 3, 56
	if head[4] != is64 {
		return ""
	}
	at, size, count := order.Uint64(head[32:]), uint64(order.Uint16(head[54:])), uint64(order.Uint16(head[56:]))
	for i := range count {
		h := at + i*size
		if size < headerSize || h > uint64(len(head)) || size > uint64(len(head))-h {
			return ""
		}
		if order.Uint32(head[h:]) != interp {
			continue
		}
		from, length := order.Uint64(head[h+8:]), order.Uint64(head[h+32:])
		if from > uint64(len(head)) || length > uint64(len(head))-from {
			return ""
		}
		return strings.TrimRight(string(head[from:from+length]), "\x00")
	}
	return ""
}
