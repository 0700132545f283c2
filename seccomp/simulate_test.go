package seccomp

import (
	"encoding/binary"
	"testing"
)

// call is struct seccomp_data.
type call struct {
	number uint32
	arch   uint32
	args   [6]uint64
}

// simulate runs a program on a call, for the architectures that this machine
// can't enter. It knows the instructions that the stub and libseccomp use.
func simulate(t *testing.T, program []byte, c call) uint32 {
	t.Helper()
	data := binary.NativeEndian.AppendUint32(nil, c.number)
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
			a = binary.NativeEndian.Uint32(data[k:])
		case 0x54: // BPF_ALU | BPF_AND | BPF_K
			a &= k
		case 0x05: // BPF_JMP | BPF_JA
			pc += int(k)
		case bpfJumpEqual:
			jump(a == k)
		case bpfJumpGreater:
			jump(a > k)
		case bpfJumpAtLeast:
			jump(a >= k)
		case bpfReturn:
			return k
		default:
			t.Fatalf("instruction %d: unknown code %#x", pc, code)
		}
	}
	t.Fatal("the program has no end")
	return 0
}
