package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	eperm  = uint32(unix.EPERM)
	enosys = uint32(unix.ENOSYS)
)

// The instructions of classic BPF that the stub is made of (bpf_common.h). The
// kernel's bitmap of syscalls that are always allowed (since 5.11) is computed
// only for programs that keep to these.
const (
	bpfLoad        = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfJumpEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfJumpGreater = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	bpfJumpAtLeast = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	bpfReturn      = 0x06 // BPF_RET | BPF_K

	// What libseccomp uses besides.
	bpfAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K
	bpfJump = 0x05 // BPF_JMP | BPF_JA

	offsetNumber = 0 // of struct seccomp_data
	offsetArch   = 4

	instructionSize = 8
	maxInstructions = 4096 // BPF_MAXINSNS
)

// numbers is a range of syscall numbers, both ends in it.
type numbers struct{ first, last uint32 }

// unknownTo gives the syscall numbers of one architecture that are newer than the
// highest one that the profile names. Private numbers, which don't grow with the
// kernel, are never among them, nor is anything from 0x40000000 on but for x32:
// that is an x32 call in a filter without x32, which libseccomp's own check must
// see, or -1, by which a tracer skips a call.
func unknownTo(a Arch, highest uint32) []numbers {
	switch a.Token {
	case tokenX32:
		return []numbers{{highest + 1, x32Own - 1}, {x32OwnEnd + 1, x32NumberEnd}}
	case tokenARM:
		return []numbers{{highest + 1, armPrivate - 1}, {armOwnEnd + 1, numberLimit - 1}}
	}
	return []numbers{{highest + 1, numberLimit - 1}}
}

// auditArch is the architecture as the kernel puts it into seccomp_data.
func auditArch(token uint32) uint32 {
	if token == tokenX32 {
		return tokenX8664
	}
	return token
}

// stub returns the program to be put before the compiled one. It answers ENOSYS to
// syscalls that are newer than any the profile names and lets everything else fall
// through to its end.
//
// Why: a libc that finds a new syscall missing (ENOSYS) uses the old one; if it is
// told EPERM instead, because the profile is older than the syscall, it gives up.
// The author of the profile can't have meant to deny what he couldn't know.
//
// highest has, for each architecture, the highest number that the profile names,
// or -1 for none: then nothing can be told about what its author knew, and the
// architecture has no stub.
func stub(archs []Arch, highest []int32) []byte {
	var b []byte
	done := make([]bool, len(archs))
	for i := range archs {
		if done[i] {
			continue
		}
		var ranges []numbers
		for j := i; j < len(archs); j++ {
			if auditArch(archs[j].Token) != auditArch(archs[i].Token) {
				continue
			}
			done[j] = true
			if highest[j] >= 0 {
				ranges = append(ranges, unknownTo(archs[j], uint32(highest[j]))...)
			}
		}
		b = appendArchStub(b, auditArch(archs[i].Token), ranges)
	}
	return b
}

// appendArchStub appends the part for one architecture: load the architecture; if
// it is this one, load the number and answer ENOSYS if a range has it. The kernel
// only takes jumps forward, of up to 255 instructions where they are conditional;
// the greatest here is 7.
func appendArchStub(b []byte, arch uint32, ranges []numbers) []byte {
	const perRange = 3
	if len(ranges) == 0 {
		return b
	}
	b = instruction(b, bpfLoad, 0, 0, offsetArch)
	b = instruction(b, bpfJumpEqual, 0, uint8(1+perRange*len(ranges)), arch)
	b = instruction(b, bpfLoad, 0, 0, offsetNumber)
	for _, r := range ranges {
		b = instruction(b, bpfJumpAtLeast, 0, 2, r.first)
		b = instruction(b, bpfJumpGreater, 1, 0, r.last)
		b = instruction(b, bpfReturn, 0, 0, actErrno|enosys)
	}
	return b
}

func instruction(b []byte, code uint16, ifTrue, ifFalse uint8, k uint32) []byte {
	b = binary.NativeEndian.AppendUint16(b, code)
	b = append(b, ifTrue, ifFalse)
	return binary.NativeEndian.AppendUint32(b, k)
}

// withStub puts the stub before the compiled program and checks the kernel's limit.
func withStub(r *Request, highest []int32, compiled []byte) ([]byte, error) {
	program := compiled
	if r.Stub {
		program = append(stub(r.Archs, highest), compiled...)
	}
	if n := len(program) / instructionSize; n > maxInstructions {
		return nil, fmt.Errorf("the profile compiles to %d BPF instructions; the kernel takes %d", n, maxInstructions)
	}
	return program, nil
}
