package specconv

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

type rlimit struct {
	name     string
	resource int
}

var rlimits = [...]rlimit{
	{"RLIMIT_AS", unix.RLIMIT_AS}, {"RLIMIT_CORE", unix.RLIMIT_CORE},
	{"RLIMIT_CPU", unix.RLIMIT_CPU}, {"RLIMIT_DATA", unix.RLIMIT_DATA},
	{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE}, {"RLIMIT_LOCKS", unix.RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", unix.RLIMIT_NICE}, {"RLIMIT_NOFILE", unix.RLIMIT_NOFILE},
	{"RLIMIT_NPROC", unix.RLIMIT_NPROC}, {"RLIMIT_RSS", unix.RLIMIT_RSS},
	{"RLIMIT_RTPRIO", unix.RLIMIT_RTPRIO}, {"RLIMIT_RTTIME", unix.RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", unix.RLIMIT_SIGPENDING}, {"RLIMIT_STACK", unix.RLIMIT_STACK},
}

func rlimitOf(name string) (resource int, ok bool) {
	for _, r := range rlimits {
		if r.name == name {
			return r.resource, true
		}
	}
	return 0, false
}

func rlimitOp(r *specs.POSIXRlimit) plan.Rlimit {
	resource, _ := rlimitOf(r.Type)
	return plan.Rlimit{Resource: uint32(resource), Soft: r.Soft, Hard: r.Hard, Name: r.Type}
}

func rlimitOrigin(i int) string { return "process.rlimits[" + strconv.Itoa(i) + "]" }

func (b *builder) resourceLimits() {
	for i := range b.process.Rlimits {
		b.add(rlimitOrigin(i), rlimitOp(&b.process.Rlimits[i]))
	}
}

// raiseHardLimits raises what will be too low while it is still allowed: that
// takes CAP_SYS_RESOURCE in the first user namespace. The limits themselves are
// set late, since some of them would stop the child itself.
func (b *builder) raiseHardLimits() {
	if b.process == nil || !b.ns.has(unix.CLONE_NEWUSER) {
		return
	}
	for i := range b.process.Rlimits {
		op := rlimitOp(&b.process.Rlimits[i])
		own, known := b.host.HardLimits[int(op.Resource)]
		if known && op.Hard > own {
			// The soft limit follows, since the own one isn't worth a fact.
			op.Soft = op.Hard
			b.add(rlimitOrigin(i), op)
		}
	}
}

func (c *checker) resourceLimits(at string, list []specs.POSIXRlimit) {
	for i := range list {
		r := &list[i]
		here := at + "/" + strconv.Itoa(i)
		if _, ok := rlimitOf(r.Type); !ok {
			c.errorf(here+"/type", "invalid rlimit type: %s", r.Type)
		}
		if r.Soft > r.Hard {
			c.errorf(here, "%s: the soft limit %d is above the hard limit %d", r.Type, r.Soft, r.Hard)
		}
		for j := range list[:i] {
			if list[j].Type == r.Type {
				c.errorf(here+"/type", "duplicate rlimit type %s", r.Type)
				break
			}
		}
	}
}
