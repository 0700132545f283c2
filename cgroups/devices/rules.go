// Package devices owns device access: what linux.resources.devices means, and
// how it is put into force with each cgroup version. On v1 rules become lines
// for devices.allow and devices.deny, on v2 a BPF program.
//
// The meaning is the same on both and decided bit by bit: for a request to
// read, write or create a device node, each of the three is allowed or denied
// by the last rule that covers it for this device, and denied if no rule does.
// A request is allowed if all of its parts are.
package devices

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// access is a set of operations on a device, with the bits of BPF_DEVCG_ACC_*.
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

// isAll reports whether the rule decides every request.
func (r rule) isAll() bool {
	return r.kind == 'a'
}

// String returns the rule in the format of devices.allow and devices.deny.
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

// parse checks the rules of a config and makes them explicit: the default
// decision, which is to deny, comes first, types that mean both block and
// character devices become two rules, and rules before one that decides every
// request are dropped. With defaults, the devices that every container has follow
// at the end. It returns a problem for each rule that is wrong.
func parse(list []specs.LinuxDeviceCgroup, defaults bool) ([]rule, place.Errors) {
	rules := make([]rule, 1, len(list)+len(defaultRules())+1)
	rules[0] = rule{kind: 'a', major: wildcard, minor: wildcard, access: everything}
	var problems place.Errors
	for i, d := range list {
		r, err := parseRule(d)
		switch {
		case err != nil:
			problems.Add(limits.Field("devices").Index(i), err)
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
	return rules, problems
}

// Check returns a problem for each rule that is wrong on any host.
func Check(list []specs.LinuxDeviceCgroup) place.Errors {
	_, problems := parse(list, false)
	return problems
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

// parseNumber accepts -1 for any number, which clients send that don't omit the
// field.
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

// defaultRules allows every container the devices that config-linux.md requires
// in /dev, terminals and the TUN device, and to create nodes of any device: a
// node alone grants no access.
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
