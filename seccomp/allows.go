package seccomp

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// call is struct seccomp_data.
type call struct {
	number uint32
	arch   uint32
	args   [6]uint64
}

// Allows reports whether the filter lets a process of the native architecture make
// a call with these first arguments; the others are 0.
func (f *Filter) Allows(number uintptr, args ...uint64) bool {
	arch, ok := findArch(nativeArch())
	if !ok {
		return false
	}
	c := call{number: uint32(number), arch: arch.token}
	copy(c.args[:], args)
	action, ok := c.actionOf(f.BPF, dataSize)
	return ok && (action == actAllow || action == actLog)
}

// CheckProgram returns an error for a filter that refuses execve(2) whatever its arguments
// are: no program can be started with it.
func (f *Filter) CheckProgram() error {
	arch, ok := findArch(nativeArch())
	if !ok {
		return nil
	}
	c := call{number: unix.SYS_EXECVE, arch: arch.token}
	result, ok := c.actionOf(f.BPF, argsOffset)
	if !ok { // it looks at the arguments
		return nil
	}
	denies := func(a action) bool { return a.denies && a.value == result&0xffff0000 }
	if !slices.ContainsFunc(actions[:], denies) {
		return nil
	}
	return place.Errorf(place.At("/linux/seccomp"), "the profile refuses execve, by which the program is started")
}

// The size of struct seccomp_data, and the offset of the arguments in it.
const (
	dataSize   = 64
	argsOffset = 16
)

// actionOf runs a program and returns its result. It knows the instructions that the
// prologue and libseccomp use; ok is false for another one, for one that reads more than
// the first size bytes of struct seccomp_data, or without a result.
func (c *call) actionOf(program []byte, size int) (action uint32, ok bool) {
	data := binary.NativeEndian.AppendUint32(make([]byte, 0, dataSize), c.number)
	data = binary.NativeEndian.AppendUint32(data, c.arch)
	data = binary.NativeEndian.AppendUint64(data, 0)
	for _, a := range c.args {
		data = binary.NativeEndian.AppendUint64(data, a)
	}
	var a uint32
	for pc := 0; pc < len(program)/instructionSize; pc++ {
		in := program[pc*instructionSize:]
		code, k := binary.NativeEndian.Uint16(in), binary.NativeEndian.Uint32(in[4:])
		jump := func(yes bool) {
			if yes {
				pc += int(in[2])
			} else {
				pc += int(in[3])
			}
		}
		switch code {
		case bpfLoad:
			if int(k)+4 > size {
				return 0, false
			}
			a = binary.NativeEndian.Uint32(data[k:])
		case bpfAnd:
			a &= k
		case bpfJump:
			pc += int(k)
		case bpfJumpEqual:
			jump(a == k)
		case bpfJumpGreater:
			jump(a > k)
		case bpfJumpAtLeast:
			jump(a >= k)
		case bpfReturn:
			return k, true
		default:
			return 0, false
		}
	}
	return 0, false
}
