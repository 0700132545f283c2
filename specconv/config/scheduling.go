package config

import (
	"math/bits"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/words"
)

func (c *checker) scheduler(at place.Place, s *specs.Scheduler) {
	if s == nil {
		return
	}
	realtime := s.Policy == specs.SchedFIFO || s.Policy == specs.SchedRR
	fair := s.Policy == specs.SchedOther || s.Policy == specs.SchedBatch
	deadline := s.Policy == specs.SchedDeadline
	_, ok := words.SchedulerPolicy(s.Policy)
	switch {
	case s.Policy == "":
		c.errorf(at.Key("policy"), "scheduler policy is required")
		return
	case !ok:
		c.errorf(at.Key("policy"), "invalid scheduler policy: %s", s.Policy).Hint = spelling.Hint(string(s.Policy), spelling.Names(words.SchedulerPolicies[:]...))
		return
	case s.Policy == specs.SchedISO:
		c.errorf(at.Key("policy"), "Linux doesn't have SCHED_ISO: its number is only reserved")
	case fair && (s.Nice < -20 || s.Nice > 19):
		c.errorf(at.Key("nice"), "invalid scheduler.nice: %d when scheduler.policy is %s", s.Nice, s.Policy)
	case !fair && s.Nice != 0:
		c.warnf(at.Key("nice"), "the nice value %d is ignored with scheduler.policy %s", s.Nice, s.Policy).Hint = "only SCHED_OTHER and SCHED_BATCH have one"
	}
	if s.Priority != 0 && !realtime {
		c.errorf(at.Key("priority"), "scheduler.priority can only be specified for SchedFIFO or SchedRR policy")
	} else if realtime && (s.Priority < 1 || s.Priority > 99) {
		c.errorf(at.Key("priority"), "invalid scheduler.priority: %d", s.Priority).Hint = "real-time priorities go from 1 to 99"
	}
	if deadline {
		c.deadline(at, s)
	}
	if !deadline && (s.Runtime != 0 || s.Deadline != 0 || s.Period != 0) {
		c.errorf(at, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy")
	}
	for i, f := range s.Flags {
		if _, ok := words.SchedulerFlag(f); !ok {
			c.errorf(at.Key("flags").Index(i), "invalid scheduler flag: %s", f).Hint = spelling.Hint(string(f), spelling.Names(words.SchedulerFlags[:]...))
		}
	}
}

// leastDeadline is the least runtime of SCHED_DEADLINE in nanoseconds, 1 << DL_SCALE of
// the kernel.
const leastDeadline = 1024

// deadline reports parameters of SCHED_DEADLINE that the kernel refuses with a bare
// "invalid argument", sched(7). A period of 0 is the deadline.
func (c *checker) deadline(at place.Place, s *specs.Scheduler) {
	switch {
	case s.Deadline == 0:
		c.errorf(at.Key("deadline"), "SCHED_DEADLINE requires a deadline")
	case s.Runtime > s.Deadline:
		c.errorf(at.Key("runtime"), "the runtime %d is longer than the deadline %d", s.Runtime, s.Deadline)
	case s.Period != 0 && s.Period < s.Deadline:
		c.errorf(at.Key("period"), "the period %d is shorter than the deadline %d", s.Period, s.Deadline)
	case max(s.Deadline, s.Period) >= 1<<63:
		c.errorf(at, "a deadline or a period of 2^63 nanoseconds or more is not possible")
	}
	if s.Runtime < leastDeadline {
		c.errorf(at.Key("runtime"), "SCHED_DEADLINE requires a runtime of %d nanoseconds or more", leastDeadline)
	}
	if !slices.Contains(s.Flags, specs.SchedFlagResetOnFork) {
		c.warnf(at.Key("flags"), "a process with SCHED_DEADLINE can't fork").Hint = "unless it has SCHED_FLAG_RESET_ON_FORK"
	}
}

func (c *checker) ioPriority(at place.Place, p *specs.LinuxIOPriority) {
	if p == nil {
		return
	}
	if p.Priority < 0 || p.Priority > 7 {
		c.errorf(at.Key("priority"), "invalid ioPriority.Priority: %d", p.Priority)
	}
	if _, ok := words.IOPriority(p); !ok {
		c.errorf(at.Key("class"), "invalid ioPriority.Class: %q", p.Class).Hint = spelling.Hint(string(p.Class), spelling.Names(words.IOPriorityClasses[:]...))
	}
}

func (c *checker) personality() {
	p := c.spec.Linux.Personality
	if p == nil {
		return
	}
	if _, ok := words.Personality(p.Domain); !ok {
		c.errorf(place.At("/linux/personality/domain"), "invalid personality domain: %q", p.Domain).Hint = "a domain is LINUX or LINUX32"
	}
	if len(p.Flags) > 0 {
		c.errorf(place.At("/linux/personality/flags"), "unsupported personality flags: %q", p.Flags)
	}
}

func (c *checker) memoryPolicy() {
	p := c.spec.Linux.MemoryPolicy
	if p == nil {
		return
	}
	at := place.At("/linux/memoryPolicy")
	mode, ok := words.MemoryMode(p.Mode)
	mask, err := words.ParseList(p.Nodes)
	switch {
	case !ok:
		c.errorf(at.Key("mode"), "invalid memory policy mode: %q", p.Mode).Hint = spelling.Hint(string(p.Mode), words.Features().MemoryPolicyModes)
	case !c.host.Kernel.AtLeast(mode.Since[0], mode.Since[1]):
		c.errorf(at.Key("mode"), "%s needs Linux %d.%d", p.Mode, mode.Since[0], mode.Since[1])
	case err != nil:
		c.errorf(at.Key("nodes"), "invalid memory policy nodes: %v", err)
	case !mode.Nodes && len(mask) > 0:
		c.errorf(at.Key("nodes"), "memory policy mode requires 0 nodes but got %d", countBits(mask))
	case mode.Nodes && len(mask) == 0:
		c.errorf(at.Key("nodes"), "memory policy mode requires at least one node but got 0")
	}
	for i, f := range p.Flags {
		if _, ok := words.MemoryFlag(f); !ok {
			c.errorf(at.Key("flags").Index(i), "invalid memory policy flag: %q", f).Hint = spelling.Hint(string(f), words.Features().MemoryPolicyFlags)
		}
	}
}

func countBits(mask []byte) int {
	n := 0
	for _, b := range mask {
		n += bits.OnesCount8(b)
	}
	return n
}
