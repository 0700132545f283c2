package devices

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// Literal converts the rules of a config to writes to devices.allow and
// devices.deny of v1, in their order, for a cgroup without processes.
//
// The kernel keeps one default and a list of exceptions from it, and drops an
// exception only for a line that equals it. A rule that would have to narrow a
// wider exception is an error, because the kernel would accept it without any
// effect.
func Literal(list []specs.LinuxDeviceCgroup, defaults bool) ([]cgroupfs.Write, error) {
	writes, _, err := replay(list, defaults)
	return writes, err
}

// Transition returns the writes that lead from the rules in force, which are
// the contents of devices.list, to those of a config. At no moment is anything
// denied that both allow.
func Transition(now string, list []specs.LinuxDeviceCgroup, defaults bool) ([]cgroupfs.Write, error) {
	writes, want, err := replay(list, defaults)
	if err != nil {
		return nil, err
	}
	have, ok := parseList(now)
	if !ok || want.allow {
		return writes, nil
	}
	return have.lead(want), nil
}

// Difference returns the writes that lead from the rules of one config to those of another,
// and leave alone what neither has. With both, the devices that every container needs are
// allowed.
func Difference(from, to []specs.LinuxDeviceCgroup) ([]cgroupfs.Write, error) {
	_, have, err := replay(from, true)
	if err != nil {
		return nil, err
	}
	writes, want, err := replay(to, true)
	if err != nil || have.allow != want.allow {
		return writes, err
	}
	return have.lead(want), nil
}

// lead returns the writes that lead to a state with the same default. First come the
// exceptions that are missing.
func (s *state) lead(want state) (writes []cgroupfs.Write) {
	for _, r := range want.exceptions {
		if missing := r.access &^ s.access(r); missing != 0 {
			r.allow, r.access = !s.allow, missing
			writes = append(writes, line(r))
		}
	}
	for _, r := range s.exceptions {
		if surplus := r.access &^ want.access(r); surplus != 0 {
			r.allow, r.access = s.allow, surplus
			writes = append(writes, line(r))
		}
	}
	return writes
}

func line(r rule) cgroupfs.Write {
	file := "devices.deny"
	if r.allow {
		file = "devices.allow"
	}
	return cgroupfs.Write{Controller: "devices", File: file, Value: r.String(), Place: limits.Field("devices")}
}

// state is what the kernel keeps for a cgroup: a default decision, and
// exceptions with the opposite decision.
type state struct {
	allow      bool
	exceptions []rule
}

// access returns what the exception for exactly the device of r covers.
func (s *state) access(r rule) access {
	if i := s.find(r); i >= 0 {
		return s.exceptions[i].access
	}
	return 0
}

func (s *state) find(r rule) int {
	return slices.IndexFunc(s.exceptions, func(e rule) bool {
		return e.kind == r.kind && e.major == r.major && e.minor == r.minor
	})
}

// replay applies the rules as the kernel will, and returns the writes and the
// state that they lead to.
func replay(list []specs.LinuxDeviceCgroup, defaults bool) ([]cgroupfs.Write, state, error) {
	var s state
	rules, problems := parse(list, defaults)
	if len(problems) > 0 {
		return nil, s, problems.First()
	}
	writes := make([]cgroupfs.Write, 0, len(rules))
	for _, r := range rules {
		switch {
		case r.isAll():
			s = state{allow: r.allow}
		case r.allow != s.allow:
			s.add(r)
		default:
			extra, err := s.remove(r)
			if err != nil {
				return nil, s, err
			}
			for _, r := range extra {
				writes = append(writes, line(r))
			}
		}
		writes = append(writes, line(r))
	}
	return writes, s, nil
}

func (s *state) add(r rule) {
	if i := s.find(r); i >= 0 {
		s.exceptions[i].access |= r.access
		return
	}
	s.exceptions = append(s.exceptions, r)
}

// remove removes r from the exceptions. It returns the lines that are needed in
// addition to r itself, for narrower exceptions that r covers.
func (s *state) remove(r rule) (extra []rule, err error) {
	for i := range s.exceptions {
		e := &s.exceptions[i]
		if e.kind != r.kind || e.access&r.access == 0 ||
			!overlap(e.major, r.major) || !overlap(e.minor, r.minor) {
			continue
		}
		if !covers(r.major, e.major) || !covers(r.minor, e.minor) {
			return nil, place.Errorf(limits.Field("devices"), "cgroup v1 can't make an exception for %q from the wider rule %q before it", r, *e)
		}
		if e.major != r.major || e.minor != r.minor {
			narrow := *e
			narrow.allow, narrow.access = r.allow, r.access
			extra = append(extra, narrow)
		}
		e.access &^= r.access
	}
	s.exceptions = slices.DeleteFunc(s.exceptions, func(e rule) bool { return e.access == 0 })
	return extra, nil
}

func overlap(a, b int64) bool { return a == b || a == wildcard || b == wildcard }

func covers(wide, narrow int64) bool { return wide == narrow || wide == wildcard }

// parseList parses devices.list. A cgroup that allows by default doesn't list
// its exceptions: then ok is false.
func parseList(text string) (s state, ok bool) {
	for entry := range strings.Lines(text) {
		fields := strings.Fields(entry)
		if len(fields) != 3 || (fields[0] != "b" && fields[0] != "c") {
			return s, false
		}
		major, minor, _ := strings.Cut(fields[1], ":")
		a, err := parseAccess(fields[2])
		if err != nil {
			return s, false
		}
		s.exceptions = append(s.exceptions, rule{
			allow: true, kind: fields[0][0], major: parseListed(major), minor: parseListed(minor), access: a,
		})
	}
	return s, true
}

func parseListed(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return wildcard
	}
	return n
}
