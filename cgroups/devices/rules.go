// Package devices owns device access: what linux.resources.devices means,
// and how both cgroup versions are told. On v1 rules become lines for
// devices.allow and devices.deny, on v2 a BPF program.
//
// The meaning is the same on both and decided bit by bit: for a request to
// read, write or make a device node, each of the three is allowed or denied
// by the last rule that speaks of it for this device, and denied where no
// rule does. A request is allowed when all of its parts are.
package devices

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// access is a set of things to do with a device, with the bits of
// BPF_DEVCG_ACC_*.
type access uint8

const (
	mknod access = 1 << iota
	read
	write

	everything = mknod | read | write
)

// wildcard stands for any major or minor number.
const wildcard = -1

// rule is one checked entry of linux.resources.devices.
type rule struct {
	allow        bool
	kind         byte // 'a', 'b' or 'c'; 'a' comes only as the rule for everything
	major, minor int64
	access       access
}

// isAll reports whether the rule settles every request.
func (r rule) isAll() bool {
	return r.kind == 'a'
}

// String spells the rule as v1 takes it.
func (r rule) String() string {
	if r.isAll() {
		return "a"
	}
	return fmt.Sprintf("%c %s:%s %s", r.kind, number(r.major), number(r.minor), r.access)
}

func number(n int64) string {
	if n == wildcard {
		return "*"
	}
	return strconv.FormatInt(n, 10)
}

func (a access) String() string {
	var b strings.Builder
	for i, a2 := range []access{read, write, mknod} {
		if a&a2 != 0 {
			b.WriteByte("rwm"[i])
		}
	}
	return b.String()
}

// parse checks the rules of a config and spells them out: the default
// decision, which is to deny, comes first, types that mean both block and
// character devices become two rules, and rules before one that settles
// everything are dropped. With defaults the devices that every container
// has follow at the end.
func parse(list []specs.LinuxDeviceCgroup, defaults bool) ([]rule, error) {
	rules := make([]rule, 1, len(list)+len(defaultRules())+1)
	rules[0] = rule{kind: 'a', major: wildcard, minor: wildcard, access: everything}
	for i, d := range list {
		r, err := parseRule(d)
		if err != nil {
			return nil, fmt.Errorf("linux.resources.devices[%d]: %w", i, err)
		}
		switch {
		case r.kind != 'a':
			rules = append(rules, r)
		case r.major == wildcard && r.minor == wildcard && r.access == everything:
			rules = append(rules[:0], r)
		default:
			block, char := r, r
			block.kind, char.kind = 'b', 'c'
			rules = append(rules, block, char)
		}
	}
	if defaults {
		rules = append(rules, defaultRules()...)
	}
	return rules, nil
}

// Check lists the rules that can't be put in force.
func Check(list []specs.LinuxDeviceCgroup) []error {
	var found []error
	for i, d := range list {
		if _, err := parseRule(d); err != nil {
			found = append(found, fmt.Errorf("linux.resources.devices[%d]: %w", i, err))
		}
	}
	return found
}

func parseRule(d specs.LinuxDeviceCgroup) (rule, error) {
	r := rule{allow: d.Allow, major: wildcard, minor: wildcard, access: everything}
	switch d.Type {
	case "", "a":
		r.kind = 'a'
	case "b":
		r.kind = 'b'
	case "c", "u":
		r.kind = 'c'
	default:
		return r, fmt.Errorf("invalid device type %q, must be a, b or c", d.Type)
	}
	var err error
	if r.major, err = parseNumber("major", d.Major); err != nil {
		return r, err
	}
	if r.minor, err = parseNumber("minor", d.Minor); err != nil {
		return r, err
	}
	if d.Access != "" {
		r.access, err = parseAccess(d.Access)
	}
	return r, err
}

// parseNumber takes -1 for any number, as clients that don't leave the field
// out send it.
func parseNumber(name string, n *int64) (int64, error) {
	switch {
	case n == nil || *n == wildcard:
		return wildcard, nil
	case *n < 0 || *n > math.MaxUint32:
		return 0, fmt.Errorf("invalid %s number %d", name, *n)
	}
	return *n, nil
}

func parseAccess(text string) (access, error) {
	var a access
	for _, letter := range text {
		switch letter {
		case 'm':
			a |= mknod
		case 'r':
			a |= read
		case 'w':
			a |= write
		default:
			return 0, fmt.Errorf("invalid access %q, must be made of r, w and m", text)
		}
	}
	return a, nil
}

// defaultRules allows every container the devices that config-linux.md has
// it find in /dev, terminals and the TUN device, and making nodes of
// anything: a node alone gives no access.
func defaultRules() []rule {
	char := func(major, minor int64, a access) rule {
		return rule{allow: true, kind: 'c', major: major, minor: minor, access: a}
	}
	return []rule{
		char(wildcard, wildcard, mknod),
		{allow: true, kind: 'b', major: wildcard, minor: wildcard, access: mknod},
		char(1, 3, everything),          // null
		char(1, 8, everything),          // random
		char(1, 7, everything),          // full
		char(5, 0, everything),          // tty
		char(1, 5, everything),          // zero
		char(1, 9, everything),          // urandom
		char(136, wildcard, everything), // pts/*
		char(5, 2, everything),          // ptmx
		char(10, 200, everything),       // net/tun
	}
}
