package specconv

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

func schedulerPolicy(p specs.LinuxSchedulerPolicy) (number uint32, ok bool) {
	switch p {
	case specs.SchedOther:
		return unix.SCHED_NORMAL, true
	case specs.SchedFIFO:
		return unix.SCHED_FIFO, true
	case specs.SchedRR:
		return unix.SCHED_RR, true
	case specs.SchedBatch:
		return unix.SCHED_BATCH, true
	case specs.SchedISO:
		return 4, true // reserved by the kernel, which answers "invalid argument"
	case specs.SchedIdle:
		return unix.SCHED_IDLE, true
	case specs.SchedDeadline:
		return unix.SCHED_DEADLINE, true
	}
	return 0, false
}

func schedulerFlag(f specs.LinuxSchedulerFlag) (flag uint64, ok bool) {
	switch f {
	case specs.SchedFlagResetOnFork:
		return unix.SCHED_FLAG_RESET_ON_FORK, true
	case specs.SchedFlagReclaim:
		return unix.SCHED_FLAG_RECLAIM, true
	case specs.SchedFlagDLOverrun:
		return unix.SCHED_FLAG_DL_OVERRUN, true
	case specs.SchedFlagKeepPolicy:
		return unix.SCHED_FLAG_KEEP_POLICY, true
	case specs.SchedFlagKeepParams:
		return unix.SCHED_FLAG_KEEP_PARAMS, true
	case specs.SchedFlagUtilClampMin:
		return unix.SCHED_FLAG_UTIL_CLAMP_MIN, true
	case specs.SchedFlagUtilClampMax:
		return unix.SCHED_FLAG_UTIL_CLAMP_MAX, true
	}
	return 0, false
}

// schedulerAttr is a struct sched_attr, sched_setattr(2), of its second version:
// the first has no room for utilization clamps.
func schedulerAttr(s *specs.Scheduler) []byte {
	const size = 56
	policy, _ := schedulerPolicy(s.Policy)
	var flags uint64
	for _, f := range s.Flags {
		flag, _ := schedulerFlag(f)
		flags |= flag
	}
	b := make([]byte, 0, size)
	b = binary.NativeEndian.AppendUint32(b, size)
	b = binary.NativeEndian.AppendUint32(b, policy)
	b = binary.NativeEndian.AppendUint64(b, flags)
	b = binary.NativeEndian.AppendUint32(b, uint32(s.Nice))
	b = binary.NativeEndian.AppendUint32(b, uint32(s.Priority))
	b = binary.NativeEndian.AppendUint64(b, s.Runtime)
	b = binary.NativeEndian.AppendUint64(b, s.Deadline)
	b = binary.NativeEndian.AppendUint64(b, s.Period)
	return append(b, make([]byte, 8)...)
}

// ioPriority is the value of ioprio_set(2).
func ioPriority(p *specs.LinuxIOPriority) (value uint32, ok bool) {
	var class uint32
	switch p.Class {
	case specs.IOPRIO_CLASS_RT:
		class = 1
	case specs.IOPRIO_CLASS_BE:
		class = 2
	case specs.IOPRIO_CLASS_IDLE:
		class = 3
	default:
		return 0, false
	}
	return class<<13 | uint32(p.Priority)&7, true
}

func personality(d specs.LinuxPersonalityDomain) (domain uint64, ok bool) {
	switch d {
	case specs.PerLinux:
		return 0, true
	case specs.PerLinux32:
		return 8, true
	}
	return 0, false
}

type memoryMode struct {
	name  specs.MemoryPolicyModeType
	mode  uint32
	nodes bool   // takes nodes
	since Kernel // newer than the oldest that is supported
}

// The modes by name, set_mempolicy(2).
var memoryModes = [...]memoryMode{
	{specs.MpolBind, unix.MPOL_BIND, true, Kernel{}},
	{specs.MpolDefault, unix.MPOL_DEFAULT, false, Kernel{}},
	{specs.MpolInterleave, unix.MPOL_INTERLEAVE, true, Kernel{}},
	{specs.MpolLocal, unix.MPOL_LOCAL, false, Kernel{}},
	{specs.MpolPreferred, unix.MPOL_PREFERRED, true, Kernel{}},
	{specs.MpolPreferredMany, unix.MPOL_PREFERRED_MANY, true, Kernel{5, 15}},
	{specs.MpolWeightedInterleave, unix.MPOL_WEIGHTED_INTERLEAVE, true, Kernel{6, 9}},
}

type memoryFlag struct {
	name specs.MemoryPolicyFlagType
	flag uint32
}

var memoryFlags = [...]memoryFlag{
	{specs.MpolFNumaBalancing, unix.MPOL_F_NUMA_BALANCING},
	{specs.MpolFRelativeNodes, unix.MPOL_F_RELATIVE_NODES},
	{specs.MpolFStaticNodes, unix.MPOL_F_STATIC_NODES},
}

func memoryModeOf(name specs.MemoryPolicyModeType) (memoryMode, bool) {
	for _, m := range memoryModes {
		if m.name == name {
			return m, true
		}
	}
	return memoryMode{}, false
}

func memoryFlagOf(name specs.MemoryPolicyFlagType) (flag uint32, ok bool) {
	for _, f := range memoryFlags {
		if f.name == name {
			return f.flag, true
		}
	}
	return 0, false
}

func memoryPolicy(p *specs.LinuxMemoryPolicy) plan.MemoryPolicy {
	mode, _ := memoryModeOf(p.Mode)
	op := plan.MemoryPolicy{Mode: mode.mode}
	for _, name := range p.Flags {
		flag, _ := memoryFlagOf(name)
		op.Mode |= flag
	}
	op.Mask, _ = ParseList(p.Nodes)
	return op
}

// maxListed bounds a list of CPUs or nodes: the kernel knows fewer of both.
const maxListed = 1 << 13

// ParseList turns a list such as "0-3,7", cpuset(7), into a bit mask of whole
// words as sched_setaffinity(2) and set_mempolicy(2) take it. "" is no bits.
func ParseList(list string) ([]byte, error) {
	var words []uint64
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 32)
		last, err2 := strconv.ParseUint(to, 10, 32)
		switch {
		case err1 != nil || err2 != nil:
			return nil, fmt.Errorf("%q is neither a number nor a range", part)
		case first > last:
			return nil, fmt.Errorf("range %q goes backwards", part)
		case last >= maxListed:
			return nil, fmt.Errorf("%d is out of range", last)
		}
		for uint64(len(words)) <= last/64 {
			words = append(words, 0)
		}
		for n := first; n <= last; n++ {
			words[n/64] |= 1 << (n % 64)
		}
	}
	mask := make([]byte, 0, 8*len(words))
	for _, w := range words {
		mask = binary.NativeEndian.AppendUint64(mask, w)
	}
	return mask, nil
}

func countBits(mask []byte) int {
	n := 0
	for _, b := range mask {
		n += bits.OnesCount8(b)
	}
	return n
}

// scheduling plans what the process inherits of the kernel's schedulers.
func (b *builder) scheduling() {
	if s := b.process.Scheduler; s != nil {
		b.add("process.scheduler", plan.Scheduler{Attr: schedulerAttr(s)})
	}
	if p := b.process.IOPriority; p != nil {
		value, _ := ioPriority(p)
		b.add("process.ioPriority", plan.IOPriority{Value: value})
	}
	if b.spec.Linux == nil {
		return
	}
	if p := b.spec.Linux.Personality; p != nil {
		domain, _ := personality(p.Domain)
		b.add("linux.personality", plan.Personality{Domain: domain})
	}
	if p := b.spec.Linux.MemoryPolicy; p != nil {
		b.add("linux.memoryPolicy", memoryPolicy(p))
	}
}

func (c *checker) scheduler(at string, s *specs.Scheduler) {
	if s == nil {
		return
	}
	realtime := s.Policy == specs.SchedFIFO || s.Policy == specs.SchedRR
	fair := s.Policy == specs.SchedOther || s.Policy == specs.SchedBatch
	deadline := s.Policy == specs.SchedDeadline
	_, ok := schedulerPolicy(s.Policy)
	switch {
	case s.Policy == "":
		c.errorf(at+"/policy", "scheduler policy is required")
		return
	case !ok:
		c.errorf(at+"/policy", "invalid scheduler policy: %s", s.Policy)
		return
	case fair && (s.Nice < -20 || s.Nice > 19):
		c.errorf(at+"/nice", "invalid scheduler.nice: %d when scheduler.policy is %s", s.Nice, s.Policy)
	case !fair && s.Nice != 0:
		c.errorf(at+"/nice", "invalid scheduler.nice: %d when scheduler.policy is %s", s.Nice, s.Policy).Hint = "only SCHED_OTHER and SCHED_BATCH have a nice value"
	}
	if s.Priority != 0 && !realtime {
		c.errorf(at+"/priority", "scheduler.priority can only be specified for SchedFIFO or SchedRR policy")
	} else if realtime && (s.Priority < 1 || s.Priority > 99) {
		c.errorf(at+"/priority", "invalid scheduler.priority: %d", s.Priority).Hint = "real-time priorities go from 1 to 99"
	}
	if !deadline && (s.Runtime != 0 || s.Deadline != 0 || s.Period != 0) {
		c.errorf(at, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy")
	}
	for i, f := range s.Flags {
		if _, ok := schedulerFlag(f); !ok {
			c.errorf(at+"/flags/"+strconv.Itoa(i), "invalid scheduler flag: %s", f)
		}
	}
}

func (c *checker) ioPriority(at string, p *specs.LinuxIOPriority) {
	if p == nil {
		return
	}
	if p.Priority < 0 || p.Priority > 7 {
		c.errorf(at+"/priority", "invalid ioPriority.Priority: %d", p.Priority)
	}
	if _, ok := ioPriority(p); !ok {
		c.errorf(at+"/class", "invalid ioPriority.Class: %q", p.Class)
	}
}

func (c *checker) personality() {
	p := c.spec.Linux.Personality
	if p == nil {
		return
	}
	if _, ok := personality(p.Domain); !ok {
		c.errorf("/linux/personality/domain", "invalid personality domain: %q", p.Domain).Hint = "a domain is LINUX or LINUX32"
	}
	if len(p.Flags) > 0 {
		c.errorf("/linux/personality/flags", "unsupported personality flags: %q", p.Flags)
	}
}

func (c *checker) memoryPolicy() {
	p := c.spec.Linux.MemoryPolicy
	if p == nil {
		return
	}
	const at = "/linux/memoryPolicy"
	mode, ok := memoryModeOf(p.Mode)
	mask, err := ParseList(p.Nodes)
	switch {
	case !ok:
		c.errorf(at+"/mode", "invalid memory policy mode: %q", p.Mode)
	case !c.host.Kernel.AtLeast(mode.since.Major, mode.since.Minor):
		c.errorf(at+"/mode", "%s needs Linux %d.%d", p.Mode, mode.since.Major, mode.since.Minor)
	case err != nil:
		c.errorf(at+"/nodes", "invalid memory policy nodes: %v", err)
	case !mode.nodes && len(mask) > 0:
		c.errorf(at+"/nodes", "memory policy mode requires 0 nodes but got %d", countBits(mask))
	case mode.nodes && len(mask) == 0:
		c.errorf(at+"/nodes", "memory policy mode requires at least one node but got 0")
	}
	for i, f := range p.Flags {
		if _, ok := memoryFlagOf(f); !ok {
			c.errorf(at+"/flags/"+strconv.Itoa(i), "invalid memory policy flag: %q", f)
		}
	}
}
