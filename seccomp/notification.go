package seccomp

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Notification is a system call that SCMP_ACT_NOTIFY has stopped, seccomp_unotify(2).
type Notification struct {
	ID uint64
	// Pid is that of the thread in the pid namespace of the caller; 0 if it isn't there.
	Pid    uint32
	Number uint32
	// AuditArch is AUDIT_ARCH_* of the call.
	AuditArch uint32
	Args      [6]uint64
}

// The requests of ioctl(2) for a listener, and the size of its structs, linux/seccomp.h.
const (
	ioctlReceive  = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlSend     = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	ioctlSetFlags = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS, since Linux 6.6

	notificationSize = 80
	responseSize     = 24
	dataOffset       = 16

	flagContinue   = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	flagSyncWakeUp = 1 // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
)

// ErrGone is the error of a system call whose process has been killed, or has continued
// because of a signal.
var ErrGone = errors.New("the system call was interrupted")

// HurryListener makes the kernel switch to the process that waits as soon as it is answered,
// on the same CPU. Older kernels ignore it.
func HurryListener(listener int) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), ioctlSetFlags, flagSyncWakeUp)
}

// Receive waits for a system call. The error is ErrGone if it was interrupted in the meantime.
func Receive(listener int) (Notification, error) {
	var b [notificationSize]byte // which has to be zero
	if err := ioctl(listener, ioctlReceive, unsafe.Pointer(&b)); err != nil {
		return Notification{}, err
	}
	n := Notification{
		ID: binary.NativeEndian.Uint64(b[:]), Pid: binary.NativeEndian.Uint32(b[8:]),
		Number: binary.NativeEndian.Uint32(b[dataOffset:]), AuditArch: binary.NativeEndian.Uint32(b[dataOffset+offsetArch:]),
	}
	for i := range n.Args {
		n.Args[i] = binary.NativeEndian.Uint64(b[dataOffset+argsOffset+argSize*i:])
	}
	return n, nil
}

// Verdict is the answer to a notification. The zero value makes the call return 0 without
// being carried out.
type Verdict struct {
	// Continue lets the call be carried out. The process can change what its arguments point
	// to in the meantime: this is no decision about security.
	Continue bool
	// Errno is the error of a call that isn't carried out.
	Errno unix.Errno
}

// Answer answers a notification. The error is ErrGone if the call was interrupted.
func Answer(listener int, id uint64, v Verdict) error {
	var b [responseSize]byte
	binary.NativeEndian.PutUint64(b[:], id)
	if v.Continue {
		binary.NativeEndian.PutUint32(b[20:], flagContinue)
	} else {
		binary.NativeEndian.PutUint32(b[16:], uint32(-int32(v.Errno)))
	}
	return ioctl(listener, ioctlSend, unsafe.Pointer(&b))
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		case unix.ENOENT:
			return ErrGone
		default:
			return errno
		}
	}
}
