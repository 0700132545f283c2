package devices

import (
	"encoding/binary"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Instruction is one instruction of the kernel's BPF machine, see
// Documentation/bpf/standardization/instruction-set.rst.
type Instruction struct {
	Op       uint8
	Dst, Src uint8
	Off      int16
	Imm      int32
}

// The operations that the programs consist of. All but the loads and the
// exit work on 32 bits.
const (
	opLoad  = 0x61 // dst = *(u32 *)(src + off)
	opMove  = 0xb4 // dst = imm
	opCopy  = 0xbc // dst = src
	opAnd   = 0x54 // dst &= imm
	opShift = 0x74 // dst >>= imm
	opGoto  = 0x05 // skip off
	opUnset = 0x46 // skip off if dst & imm
	opNot   = 0x56 // skip off if dst != imm
	opExit  = 0x95 // return r0
)

// What the registers hold.
const (
	rResult  = 0
	rContext = 1 // struct bpf_cgroup_dev_ctx
	rKind    = 2
	rWanted  = 3 // the part of the request that no rule has allowed yet
	rMajor   = 4
	rMinor   = 5
)

// Types of device, BPF_DEVCG_DEV_*.
const (
	kindBlock = 1
	kindChar  = 2
)

// Program compiles the rules of a config to a program of type
// BPF_PROG_TYPE_CGROUP_DEVICE.
func Program(list []specs.LinuxDeviceCgroup, defaults bool) ([]Instruction, error) {
	rules, problems := parse(list, defaults)
	if len(problems) > 0 {
		return nil, problems.First()
	}
	p := []Instruction{
		// The first word has the access in its upper half, the type in the lower.
		{Op: opLoad, Dst: rKind, Src: rContext, Off: 0},
		{Op: opCopy, Dst: rWanted, Src: rKind},
		{Op: opShift, Dst: rWanted, Imm: 16},
		{Op: opAnd, Dst: rKind, Imm: 0xffff},
		{Op: opLoad, Dst: rMajor, Src: rContext, Off: 4},
		{Op: opLoad, Dst: rMinor, Src: rContext, Off: 8},
	}
	// The last rule that covers a request decides, so it is tested first.
	for i := len(rules) - 1; i >= 0; i-- {
		p = append(p, rules[i].instructions()...)
	}
	return p, nil
}

// instructions returns the test of one rule. It ends the program if the rule
// decides the request, and otherwise falls through to the next. The rule that
// decides every request is always the program's last.
func (r rule) instructions() []Instruction {
	settle := []Instruction{{Op: opMove, Dst: rResult}, {Op: opExit}}
	if r.allow {
		settle[0].Imm = 1
	}
	if r.isAll() {
		return settle
	}
	var p []Instruction
	if r.kind == 'b' {
		p = append(p, Instruction{Op: opNot, Dst: rKind, Imm: kindBlock})
	} else {
		p = append(p, Instruction{Op: opNot, Dst: rKind, Imm: kindChar})
	}
	if r.major != wildcard {
		p = append(p, Instruction{Op: opNot, Dst: rMajor, Imm: int32(uint32(r.major))})
	}
	if r.minor != wildcard {
		p = append(p, Instruction{Op: opNot, Dst: rMinor, Imm: int32(uint32(r.minor))})
	}
	switch {
	case r.access == everything:
	case r.allow:
		p = append(p,
			Instruction{Op: opAnd, Dst: rWanted, Imm: int32(everything &^ r.access)},
			Instruction{Op: opNot, Dst: rWanted, Imm: 0})
	default:
		p = append(p,
			Instruction{Op: opUnset, Dst: rWanted, Imm: int32(r.access), Off: 1},
			Instruction{Op: opGoto})
	}
	p = append(p, settle...)
	for i := range p {
		// A jump without an offset skips the rest of the rule.
		if p[i].Off == 0 && (p[i].Op == opNot || p[i].Op == opGoto) {
			p[i].Off = int16(len(p) - i - 1)
		}
	}
	return p
}

// String returns the instruction in the syntax of the kernel's verifier.
func (i Instruction) String() string {
	switch i.Op {
	case opLoad:
		return fmt.Sprintf("w%d = *(u32 *)(r%d +%d)", i.Dst, i.Src, i.Off)
	case opMove:
		return fmt.Sprintf("w%d = %d", i.Dst, i.Imm)
	case opCopy:
		return fmt.Sprintf("w%d = w%d", i.Dst, i.Src)
	case opAnd:
		return fmt.Sprintf("w%d &= %#x", i.Dst, i.Imm)
	case opShift:
		return fmt.Sprintf("w%d >>= %d", i.Dst, i.Imm)
	case opGoto:
		return fmt.Sprintf("goto +%d", i.Off)
	case opUnset:
		return fmt.Sprintf("if w%d & %#x goto +%d", i.Dst, i.Imm, i.Off)
	case opNot:
		return fmt.Sprintf("if w%d != %d goto +%d", i.Dst, i.Imm, i.Off)
	case opExit:
		return "exit"
	}
	return fmt.Sprintf("unknown operation %#x", i.Op)
}

// encode returns the instructions as struct bpf_insn.
func encode(program []Instruction) []byte {
	b := make([]byte, 0, 8*len(program))
	for _, i := range program {
		registers := i.Dst | i.Src<<4
		if nativeIsBig() {
			registers = i.Dst<<4 | i.Src
		}
		b = append(b, i.Op, registers)
		b = binary.NativeEndian.AppendUint16(b, uint16(i.Off))
		b = binary.NativeEndian.AppendUint32(b, uint32(i.Imm))
	}
	return b
}

// nativeIsBig reports whether the machine stores the high byte first: there
// the two halves of the register byte are swapped too.
func nativeIsBig() bool {
	return binary.NativeEndian.Uint16([]byte{1, 0}) != 1
}
