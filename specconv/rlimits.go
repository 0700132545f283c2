package specconv

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

func rlimitOp(r *specs.POSIXRlimit) plan.Rlimit {
	resource, _ := words.Rlimit(r.Type)
	return plan.Rlimit{Resource: uint32(resource), Soft: r.Soft, Hard: r.Hard, Name: r.Type}
}

func rlimitPlace(i int) place.Place { return place.At("/process/rlimits").Index(i) }

func (b *builder) resourceLimits() {
	for i := range b.process.Rlimits {
		if r := &b.process.Rlimits[i]; !b.isLast(r) {
			b.add(rlimitPlace(i), rlimitOp(r))
		}
	}
}

// raiseHardLimits plans to raise hard limits that will be too low while that is still
// allowed: it requires CAP_SYS_RESOURCE in the initial user namespace. The limits
// themselves are set late, since some of them would stop the child itself.
func (b *builder) raiseHardLimits() {
	if b.process == nil {
		return
	}
	for i := range b.process.Rlimits {
		if !b.ns.Has(unix.CLONE_NEWUSER) && !b.isLast(&b.process.Rlimits[i]) {
			continue
		}
		op := rlimitOp(&b.process.Rlimits[i])
		own, known := b.host.HardLimits[int(op.Resource)]
		if known && op.Hard > own {
			// The soft limit is raised, too; the one of the config is set later.
			op.Soft = op.Hard
			b.add(rlimitPlace(i), op)
		}
	}
}
