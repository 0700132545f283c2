package compiler

import (
	"encoding/binary"
	"errors"
	"strings"
)

// Request is a validated profile as numbers: everything that decides what the
// compiled program is, and nothing else.
type Request struct {
	// DefaultAction is libseccomp's number with the errno in it.
	DefaultAction uint32
	// Archs are the architectures, the native one first, none twice.
	Archs []Arch
	// Rules has one rule for each name and each set of arguments.
	Rules []Rule
	// Args are the arguments of all rules.
	Args []Arg
}

// Arch is an architecture.
type Arch struct {
	// Token is libseccomp's number.
	Token uint32
	// Limit is the first number that doesn't belong to an ordinary system call.
	Limit uint32
}

// Rule is an action for one system call.
type Rule struct {
	Name string
	// Action is libseccomp's number with the errno in it, unless Known is set.
	Action uint32
	// Known marks a rule that repeats the default action. It isn't compiled, but
	// the profile knows the system call.
	Known bool
	// FirstArg and ArgCount are the rule's part of Request.Args; all must match.
	FirstArg, ArgCount int
}

// Arg is a comparison of one argument, with libseccomp's number of the operator.
type Arg struct {
	Index, Op uint32
	A, B      uint64
}

// An encoded request is one buffer: a header, the arguments, the architectures,
// the rules, and the names, each of which ends with a NUL. All numbers are in the
// byte order of the machine, on which both ends run. Another layout has another
// version, so that cached programs of the old layout are not found.
const (
	wireMagic      = 0x70636e72
	wireVersion    = 2
	wireKnown      = 0xffffffff // the action of a rule that is only known
	wireHeaderSize = 32
	wireArchSize   = 8
	wireRuleSize   = 16
	wireArgSize    = 24

	maxArgs = 6 // of a system call
)

// binaryTreeFrom is the number of rules above which libseccomp sorts the system
// calls into a binary tree; for fewer, a list is as fast and smaller.
const binaryTreeFrom = 32

// optimization returns the level for seccomp_attr_set(3), SCMP_FLTATR_CTL_OPTIMIZE.
func (r *Request) optimization() uint32 {
	if len(r.Rules) > binaryTreeFrom {
		return 2
	}
	return 1
}

// Encode returns the request as one buffer. Equal buffers compile to the same
// program.
func (r *Request) Encode() []byte {
	names := 0
	for i := range r.Rules {
		names += len(r.Rules[i].Name) + 1
	}
	size := wireHeaderSize + len(r.Archs)*wireArchSize + len(r.Rules)*wireRuleSize + len(r.Args)*wireArgSize + names
	b := make([]byte, 0, size)
	put := func(values ...uint32) {
		for _, v := range values {
			b = binary.NativeEndian.AppendUint32(b, v)
		}
	}
	put(wireMagic, wireVersion, r.DefaultAction, r.optimization(),
		uint32(len(r.Archs)), uint32(len(r.Rules)), uint32(len(r.Args)), uint32(names))
	for _, a := range r.Args {
		put(a.Index, a.Op)
		b = binary.NativeEndian.AppendUint64(b, a.A)
		b = binary.NativeEndian.AppendUint64(b, a.B)
	}
	for _, a := range r.Archs {
		put(a.Token, a.Limit)
	}
	for i := range r.Rules {
		rule := &r.Rules[i]
		action := rule.Action
		if rule.Known {
			action = wireKnown
		}
		put(action, uint32(len(rule.Name)), uint32(rule.FirstArg), uint32(rule.ArgCount))
	}
	for i := range r.Rules {
		b = append(b, r.Rules[i].Name...)
		b = append(b, 0)
	}
	return b
}

// errDamaged is the error of a request that isn't what Encode returns.
var errDamaged = errors.New("the request is damaged")

// decode is the reverse of Encode. It refuses what doesn't have the shape of a
// request, and has no opinion about the numbers in it.
func decode(b []byte) (*Request, error) {
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	if len(b) < wireHeaderSize || word(0) != wireMagic || word(4) != wireVersion {
		return nil, errDamaged
	}
	archs, rules, args, names := uint64(word(16)), uint64(word(20)), uint64(word(24)), uint64(word(28))
	if archs == 0 ||
		uint64(len(b)) != wireHeaderSize+args*wireArgSize+archs*wireArchSize+rules*wireRuleSize+names {
		return nil, errDamaged
	}
	r := &Request{
		DefaultAction: word(8),
		Archs:         make([]Arch, archs), Rules: make([]Rule, rules), Args: make([]Arg, args),
	}
	at := wireHeaderSize
	for i := range r.Args {
		r.Args[i] = Arg{word(at), word(at + 4), binary.NativeEndian.Uint64(b[at+8:]), binary.NativeEndian.Uint64(b[at+16:])}
		at += wireArgSize
	}
	for i := range r.Archs {
		r.Archs[i] = Arch{word(at), word(at + 4)}
		at += wireArchSize
	}
	table := string(b[len(b)-int(names):])
	for i := range r.Rules {
		rule := &r.Rules[i]
		action, length, first, count := word(at), uint64(word(at+4)), uint64(word(at+8)), uint64(word(at+12))
		at += wireRuleSize
		if length >= uint64(len(table)) || table[length] != 0 || count > maxArgs || first+count > args {
			return nil, errDamaged
		}
		*rule = Rule{Name: table[:length], Action: action, FirstArg: int(first), ArgCount: int(count)}
		if action == wireKnown {
			rule.Action, rule.Known = 0, true
		}
		table = table[length+1:]
		if strings.IndexByte(rule.Name, 0) >= 0 {
			return nil, errDamaged
		}
	}
	if table != "" || word(12) != r.optimization() {
		return nil, errDamaged
	}
	return r, nil
}
