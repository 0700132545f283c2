package devices

import (
	"bytes"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures below are the parts of union bpf_attr, one for each command
// of bpf(2), as far as they are used here.

type loadAttr struct {
	kind, count    uint32
	instructions   uint64
	license        uint64
	logLevel       uint32
	logSize        uint32
	log            uint64
	version, flags uint32
	name           [16]byte
}

type attachAttr struct {
	target, program, kind, flags, replace uint32
}

type queryAttr struct {
	target, kind, queryFlags, attachFlags uint32
	ids                                   uint64
	count                                 uint32
	_                                     uint32
}

type byIDAttr struct {
	id, next, flags uint32
}

type infoAttr struct {
	fd, size uint32
	info     uint64
}

// programInfo is the beginning of struct bpf_prog_info, up to the name.
type programInfo struct {
	_    [64]byte
	name [16]byte
}

func bpf(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN, unix.EINTR: // the verifier stops at signals
			continue
		}
		return -1, errno
	}
}

// address pins what p points to, so that the number stays its address until the
// pinner is released.
func address[T any](pin *runtime.Pinner, p *T) uint64 {
	pin.Pin(p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

// loadProgram loads encoded instructions and returns a close-on-exec descriptor
// of the program.
func loadProgram(code []byte, name string) (int, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	license := []byte("Apache-2.0\x00")
	attr := &loadAttr{
		kind:         unix.BPF_PROG_TYPE_CGROUP_DEVICE,
		count:        uint32(len(code) / 8),
		instructions: address(&pin, &code[0]),
		license:      address(&pin, &license[0]),
	}
	copy(attr.name[:15], name)
	return bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
}

func attach(attr *attachAttr) error {
	_, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
	return err
}

// attached returns the ids of the device programs attached directly to a cgroup.
func attached(cgroup int) ([]uint32, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	ids := make([]uint32, 64) // the kernel's maximum, BPF_CGROUP_MAX_PROGS
	attr := &queryAttr{
		target: uint32(cgroup), kind: unix.BPF_CGROUP_DEVICE,
		ids: address(&pin, &ids[0]), count: uint32(len(ids)),
	}
	_, err := bpf(unix.BPF_PROG_QUERY, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
	if err != nil {
		return nil, err
	}
	return ids[:attr.count], nil
}

func programByID(id uint32) (int, error) {
	attr := &byIDAttr{id: id}
	return bpf(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
}

func nameOf(fd int) (string, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	info := &programInfo{}
	attr := &infoAttr{fd: uint32(fd), size: uint32(unsafe.Sizeof(*info)), info: address(&pin, info)}
	_, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(attr), unsafe.Sizeof(*attr))
	name, _, _ := bytes.Cut(info.name[:], []byte{0})
	return string(name), err
}
