package systemd

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/v2"
	"github.com/runnel/runnel/internal/place"
)

// Property is a property of a unit, with the type that org.freedesktop.systemd1(5)
// has for it.
type Property struct {
	sdbus.Property
	// Optional properties are left out if this systemd doesn't have them. The
	// files of the cgroup are written directly in any case.
	Optional bool
}

const unlimited = math.MaxUint64

// basicProperties returns the properties of every container's unit.
func (n Name) basicProperties(id string, pid int, isUnified bool) []Property {
	list := []Property{
		set("Description", "container "+id),
		set("DefaultDependencies", false),
		set("MemoryAccounting", true),
		set("CPUAccounting", true),
		set("TasksAccounting", true),
	}
	if isUnified {
		list = append(list, set("IOAccounting", true))
	} else {
		list = append(list, set("BlockIOAccounting", true))
	}
	// A unit that has failed would keep its name.
	list = append(list, optional(set("CollectMode", "inactive-or-failed")))
	if n.isSlice() {
		return append(list, set("Wants", []string{n.Slice}))
	}
	return append(list,
		set("Slice", n.Slice),
		set("Delegate", true),
		set("PIDs", []uint32{uint32(pid)}))
}

func set(name string, value any) Property {
	return Property{Property: sdbus.Property{Name: name, Value: dbus.MakeVariant(value)}}
}

func optional(p Property) Property {
	p.Optional = true
	return p
}

// compiler collects properties and problems.
type compiler struct {
	list     []Property
	problems place.Errors
}

func (c *compiler) add(p Property) { c.list = append(c.list, p) }

func (c *compiler) number(name string, n uint64) { c.add(set(name, n)) }

// Resources converts linux.resources to properties, as far as systemd has them,
// and returns every problem that it finds. now is the state of the cgroup. r may
// be nil.
func Resources(r *specs.LinuxResources, isUnified bool, now limits.Present) ([]Property, place.Errors) {
	if r == nil {
		return nil, nil
	}
	c := &compiler{}
	c.memory(r.Memory, isUnified, now.MemoryMax)
	c.cpu(r.CPU, isUnified, now)
	if r.Pids != nil && r.Pids.Limit != nil {
		c.number("TasksMax", tasksMax(*r.Pids.Limit))
	}
	c.blockIO(r.BlockIO, isUnified)
	if isUnified {
		c.unified(r.Unified)
	}
	return c.list, c.problems
}

// bytes converts a limit of which every negative value means none.
func bytes(n int64) uint64 {
	if n < 0 {
		return unlimited
	}
	return uint64(n)
}

// tasksMax converts a limit of tasks. systemd refuses 0.
func tasksMax(limit int64) uint64 { return max(bytes(limit), 1) }

func (c *compiler) memory(m *specs.LinuxMemory, isUnified bool, memoryMax string) {
	if m == nil {
		return
	}
	limit := value(m.Limit)
	if limit != 0 {
		name := "MemoryLimit"
		if isUnified {
			name = "MemoryMax"
		}
		c.number(name, bytes(limit))
	}
	if !isUnified {
		return
	}
	if reservation := value(m.Reservation); reservation != 0 {
		c.number("MemoryLow", bytes(reservation))
	}
	swap := value(m.Swap)
	if swap > 0 && limit == 0 {
		// The present limit stays. If there is none, package v2 refuses the swap.
		limit, _ = strconv.ParseInt(memoryMax, 10, 64)
	}
	switch {
	case swap < 0, swap == 0 && limit < 0:
		c.number("MemorySwapMax", unlimited)
	case swap > 0 && limit > 0 && swap >= limit:
		c.number("MemorySwapMax", uint64(swap-limit))
	}
}

func (c *compiler) cpu(r *specs.LinuxCPU, isUnified bool, now limits.Present) {
	if r == nil {
		return
	}
	isIdle := r.Idle != nil && *r.Idle == 1
	if shares := value(r.Shares); shares != 0 && !isIdle {
		if isUnified {
			c.number("CPUWeight", v2.Weight(shares))
		} else {
			c.number("CPUShares", shares)
		}
	}
	switch {
	case !isUnified:
	case isIdle:
		c.add(optional(set("CPUWeight", uint64(0))))
	case r.Idle != nil && now.IsIdle && value(r.Shares) == 0:
		// The kernel returns to the default weight. To systemd, idle is a weight.
		c.number("CPUWeight", unlimited)
	}
	quota, period := value(r.Quota), value(r.Period)
	if quota != 0 || period != 0 {
		c.quota(quota, period, now.CPUMax)
	}
	if isUnified {
		c.cpuset("AllowedCPUs", limits.Field("cpu", "cpus"), r.Cpus)
		c.cpuset("AllowedMemoryNodes", limits.Field("cpu", "mems"), r.Mems)
	}
}

// quota adds the quota and the period. One that isn't set keeps its value in
// cpuMax.
func (c *compiler) quota(quota int64, period uint64, cpuMax string) {
	nowQuota, nowPeriod, _ := strings.Cut(cpuMax, " ")
	if period == 0 {
		period, _ = strconv.ParseUint(nowPeriod, 10, 64)
	}
	if period == 0 {
		period = 100_000 // the kernel's default
	}
	if quota == 0 {
		quota = -1
		if n, err := strconv.ParseInt(nowQuota, 10, 64); err == nil {
			quota = n
		}
	}
	c.add(optional(set("CPUQuotaPeriodUSec", period)))
	if quota < 0 {
		c.number("CPUQuotaPerSecUSec", unlimited)
		return
	}
	// systemd counts in hundredths of a CPU, and would round down.
	const step = 10_000
	perSecond := uint64(float64(quota) / float64(period) * 1e6)
	c.number("CPUQuotaPerSecUSec", (perSecond+step-1)/step*step)
}

func (c *compiler) cpuset(name string, at place.Place, list string) {
	if list == "" {
		return
	}
	bits, err := bitmap(list)
	if err != nil {
		c.problems.Add(at, err)
		return
	}
	c.add(optional(set(name, bits)))
}

// maxCPUs is more than any kernel supports.
const maxCPUs = 1 << 16

// bitmap converts a list such as 0-2,4 to a byte string, the lowest numbers
// first.
func bitmap(list string) ([]byte, error) {
	var bits []byte
	for item := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || from > to || to >= maxCPUs {
			return nil, fmt.Errorf("%q is not a list of numbers such as 0-2,4", list)
		}
		for n := from; n <= to; n++ {
			for uint64(len(bits)) <= n/8 {
				bits = append(bits, 0)
			}
			bits[n/8] |= 1 << (n % 8)
		}
	}
	if len(bits) == 0 {
		return nil, fmt.Errorf("%q is not a list of numbers such as 0-2,4", list)
	}
	return bits, nil
}

func value[T int64 | uint64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}
