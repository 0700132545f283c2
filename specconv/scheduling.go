package specconv

import (
	"encoding/binary"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// schedulerAttr returns a struct sched_attr, sched_setattr(2), in its second version: the
// first has no utilization clamps.
func schedulerAttr(s *specs.Scheduler) []byte {
	const size = 56
	policy, _ := words.SchedulerPolicy(s.Policy)
	var flags uint64
	for _, f := range s.Flags {
		flag, _ := words.SchedulerFlag(f)
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

func memoryPolicy(p *specs.LinuxMemoryPolicy) plan.MemoryPolicy {
	mode, _ := words.MemoryMode(p.Mode)
	op := plan.MemoryPolicy{Mode: mode.Mode}
	for _, name := range p.Flags {
		flag, _ := words.MemoryFlag(name)
		op.Mode |= flag
	}
	op.Mask, _ = words.ParseList(p.Nodes)
	return op
}

// scheduling plans the parameters of the kernel's schedulers, its execution domain and
// memory policy.
func (b *builder) scheduling() {
	if s := b.process.Scheduler; s != nil {
		b.add(place.At("/process/scheduler"), plan.Scheduler{Attr: schedulerAttr(s)})
	}
	if p := b.process.IOPriority; p != nil {
		value, _ := words.IOPriority(p)
		b.add(place.At("/process/ioPriority"), plan.IOPriority{Value: value})
	}
	if b.spec.Linux == nil {
		return
	}
	if p := b.spec.Linux.Personality; p != nil {
		domain, _ := words.Personality(p.Domain)
		b.add(place.At("/linux/personality"), plan.Personality{Domain: domain})
	}
	if p := b.spec.Linux.MemoryPolicy; p != nil {
		b.add(place.At("/linux/memoryPolicy"), memoryPolicy(p))
	}
}

const capSysAdmin = 1 << unix.CAP_SYS_ADMIN
