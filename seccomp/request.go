package seccomp

import (
	"encoding/binary"
)

// The layout of compiler/wire.h.
const (
	wireMagic      = 0x70636e72
	wireVersion    = 1
	wireKnown      = 0xffffffff
	wireHeaderSize = 32
	wireArchSize   = 8
	wireRuleSize   = 16
	wireArgSize    = 24
)

// The stages of a wire_failure.
const (
	stageRequest = 1 + iota
	stageInit
	stageArch
	stageRule
	stageExport
)

// Request is a validated profile as numbers: all that decides what the compiled
// program is, and nothing else. It is made by Lower.
type Request struct {
	// DefaultAction is libseccomp's number with the errno in it.
	DefaultAction uint32
	// Stub asks for ENOSYS instead of the default action where a syscall is newer
	// than all that the profile names.
	Stub bool
	// Archs are the architectures, the native one first, none twice.
	Archs []Arch
	// Rules are one for each name and each set of arguments.
	Rules []Rule
	// Args are the arguments of all rules.
	Args []Arg
}

// Arch is an architecture in libseccomp's numbering.
type Arch struct {
	Token uint32
	Limit uint32
}

// Rule is an action for one syscall.
type Rule struct {
	Name string
	// Action is libseccomp's number with the errno in it, unless Known is set.
	Action uint32
	// Known marks a rule that repeats the default action: not compiled, but the
	// profile knows the syscall.
	Known bool
	// FirstArg and ArgCount are the rule's part of Request.Args; all must match.
	FirstArg, ArgCount int
	// Entry is the index in linux.seccomp.syscalls, for messages.
	Entry int
}

// Arg is a comparison of one argument.
type Arg struct {
	Index, Op uint32
	A, B      uint64
}

// binaryTreeFrom is the number of rules above which libseccomp shall sort the
// syscalls into a binary tree; for fewer, a list is as fast and smaller.
const binaryTreeFrom = 32

// encode returns the request as compiler/wire.h describes it. Stub and Rule.Entry
// are not in it: the compiler has no use for them.
func (r *Request) encode() []byte {
	names := 0
	for i := range r.Rules {
		names += len(r.Rules[i].Name) + 1
	}
	optimize := uint32(1)
	if len(r.Rules) > binaryTreeFrom {
		optimize = 2
	}
	size := wireHeaderSize + len(r.Archs)*wireArchSize + len(r.Rules)*wireRuleSize + len(r.Args)*wireArgSize + names
	b := make([]byte, 0, size)
	put := func(values ...uint32) {
		for _, v := range values {
			b = binary.NativeEndian.AppendUint32(b, v)
		}
	}
	put(wireMagic, wireVersion, r.DefaultAction, optimize,
		uint32(len(r.Archs)), uint32(len(r.Rules)), uint32(len(r.Args)), uint32(names))
	for _, a := range r.Args {
		put(a.Index, a.Op)
		b = binary.NativeEndian.AppendUint64(b, a.A)
		b = binary.NativeEndian.AppendUint64(b, a.B)
	}
	for _, a := range r.Archs {
		put(a.Token, a.Limit)
	}
	at := 0
	for i := range r.Rules {
		rule := &r.Rules[i]
		act := rule.Action
		if rule.Known {
			act = wireKnown
		}
		put(act, uint32(at), uint32(rule.FirstArg), uint32(rule.ArgCount))
		at += len(rule.Name) + 1
	}
	for i := range r.Rules {
		b = append(b, r.Rules[i].Name...)
		b = append(b, 0)
	}
	return b
}
