package seccomp

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/seccomp/compiler"
)

const (
	eperm  = uint32(unix.EPERM)
	enosys = uint32(unix.ENOSYS)
)

// The instructions of classic BPF in the prologue (bpf_common.h). The kernel's bitmap of
// system calls that are always allowed (since 5.11) is computed only for programs
// that use no others.
const (
	bpfLoad        = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfJumpEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfJumpGreater = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	bpfJumpAtLeast = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	bpfReturn      = 0x06 // BPF_RET | BPF_K

	// The others that libseccomp uses.
	bpfAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K
	bpfJump = 0x05 // BPF_JMP | BPF_JA

	offsetNumber = 0 // of struct seccomp_data
	offsetArch   = 4

	instructionSize = 8
	maxInstructions = 4096 // BPF_MAXINSNS
)

// numbers is a range of system call numbers, including both ends.
type numbers struct{ first, last uint32 }

// unknownTo returns the system call numbers of one architecture that are newer than
// the highest one that the profile names. Private numbers, which don't grow with the
// kernel, are never among them. Nor are, except for x32, those from 0x40000000 on:
// such a number is an x32 call in a filter without x32, which libseccomp's own check
// must see, or -1, by which a tracer skips a call.
func unknownTo(a compiler.Arch, highest uint32) []numbers {
	switch a.Token {
	case tokenX32:
		return []numbers{{highest + 1, x32Own - 1}, {x32OwnEnd + 1, x32NumberEnd}}
	case tokenARM:
		return []numbers{{highest + 1, armPrivate - 1}, {armOwnEnd + 1, numberLimit - 1}}
	}
	return []numbers{{highest + 1, numberLimit - 1}}
}

// auditArch returns the architecture as the kernel writes it into seccomp_data.
func auditArch(token uint32) uint32 {
	if token == tokenX32 {
		return tokenX8664
	}
	return token
}

// prologue returns the program in front of the compiled one. It returns ENOSYS for system
// calls that are newer than any the profile names; everything else reaches its end,
// where the compiled program begins.
//
// A libc that gets ENOSYS for a new system call uses the old one. If it gets EPERM
// instead, because the profile is older than the system call, it fails. The author
// of the profile can't have meant to deny a call that didn't exist.
//
// highest has, for each architecture, the highest number that the profile names, or
// -1 for none: then it is unknown how old the profile is, and the architecture has
// no prologue.
func prologue(archs []compiler.Arch, highest []int32) []byte {
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
		b = appendArchPrologue(b, auditArch(archs[i].Token), ranges)
	}
	return b
}

// appendArchPrologue appends the part for one architecture: load the architecture; if
// it is this one, load the number and return ENOSYS if a range contains it. The
// kernel accepts only forward jumps, and conditional ones of up to 255 instructions;
// the longest here skips 7.
func appendArchPrologue(b []byte, arch uint32, ranges []numbers) []byte {
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

// withPrologue returns the prologue and the compiled program as one, within the kernel's
// limit.
func withPrologue(l *lowered, p *compiler.Program) ([]byte, error) {
	program := p.BPF
	if l.prologue {
		program = append(prologue(l.request.Archs, p.Highest), program...)
	}
	if n := len(program) / instructionSize; n > maxInstructions {
		return nil, place.Errorf(place.At("/linux/seccomp"), "the profile compiles to %d BPF instructions; the kernel takes %d", n, maxInstructions)
	}
	return program, nil
}
