package v1

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// compile converts resources to writes, each for the hierarchy of its
// controller, and returns every problem that it finds. Fields that are nil
// leave their file unchanged, and so does 0 where 0 can't be a limit. What no
// current kernel has a file for is left out: see [Ignored].
func compile(r *specs.LinuxResources) ([]cgroupfs.Write, place.Errors) {
	var c limits.Compilation
	if len(r.Unified) > 0 {
		c.Refuse(limits.Field("unified"), "the host has cgroup v1, which has no unified hierarchy to write this to")
	}
	addCPU(&c, r.CPU)
	addMemory(&c, r.Memory)
	addBlockIO(&c, r.BlockIO)
	c.Hugetlb(r.HugepageLimits, "limit_in_bytes")
	c.Rdma(r.Rdma)
	c.Pids(r.Pids)
	addNetwork(&c, r.Network)
	return c.Writes, c.Problems
}

// The range of cpu.shares. The kernel accepts any value and clamps it silently.
const (
	minShares = 2
	maxShares = 262144
)

func addCPU(c *limits.Compilation, cpu *specs.LinuxCPU) {
	if cpu == nil {
		return
	}
	idle := c.CPU(cpu)
	if cpu.Shares != nil && *cpu.Shares != 0 && !idle {
		addShares(c, *cpu.Shares)
	}
	addBandwidth(c, cpu)
	addRealtime(c, cpu)
}

func addShares(c *limits.Compilation, shares uint64) {
	at := limits.Field("cpu", "shares")
	switch {
	case shares < minShares:
		c.Refuse(at, "the minimum allowed cpu-shares is %d", minShares)
	case shares > maxShares:
		c.Refuse(at, "the maximum allowed cpu-shares is %d", maxShares)
	default:
		c.Add("cpu", "cpu.shares", limits.Unsigned(shares), at)
	}
}

// addBandwidth adds period, quota and burst. Each has to suit the two others at
// any time, so the order that works depends on their present values.
func addBandwidth(c *limits.Compilation, cpu *specs.LinuxCPU) {
	const group = "cpu.cfs"
	if cpu.Period != nil && *cpu.Period != 0 {
		c.Add("cpu", "cpu.cfs_period_us", limits.Unsigned(*cpu.Period), limits.Field("cpu", "period")).Group = group
	}
	if cpu.Quota != nil && *cpu.Quota != 0 {
		c.Add("cpu", "cpu.cfs_quota_us", limits.Signed(*cpu.Quota, "-1"), limits.Field("cpu", "quota")).Group = group
	}
	if cpu.Burst != nil {
		w := c.Add("cpu", "cpu.cfs_burst_us", limits.Unsigned(*cpu.Burst), limits.Field("cpu", "burst"))
		w.Group = group
		if *cpu.Burst == 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
}

func addRealtime(c *limits.Compilation, cpu *specs.LinuxCPU) {
	const group = "cpu.rt"
	if cpu.RealtimePeriod != nil && *cpu.RealtimePeriod != 0 {
		c.Add("cpu", "cpu.rt_period_us", limits.Unsigned(*cpu.RealtimePeriod), limits.Field("cpu", "realtimePeriod")).Group = group
	}
	if cpu.RealtimeRuntime != nil && *cpu.RealtimeRuntime != 0 {
		c.Add("cpu", "cpu.rt_runtime_us", strconv.FormatInt(*cpu.RealtimeRuntime, 10), limits.Field("cpu", "realtimeRuntime")).Group = group
	}
}

func addMemory(c *limits.Compilation, m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	c.CheckMemory(m)
	addMemoryLimits(c, m)
	if m.UseHierarchy != nil && *m.UseHierarchy {
		c.Add("memory", "memory.use_hierarchy", "1", limits.Field("memory", "useHierarchy")).Tolerate = cgroupfs.Missing
	}
	if m.DisableOOMKiller != nil {
		value := "0" // written too, because a cgroup inherits its parent's value
		if *m.DisableOOMKiller {
			value = "1"
		}
		c.Add("memory", "memory.oom_control", value, limits.Field("memory", "disableOOMKiller"))
	}
	if m.KernelTCP != nil && *m.KernelTCP != 0 {
		w := c.Add("memory", "memory.kmem.tcp.limit_in_bytes", limits.Signed(*m.KernelTCP, "-1"), limits.Field("memory", "kernelTCP"))
		if *m.KernelTCP < 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
	addSwappiness(c, m.Swappiness)
}

// addMemoryLimits adds the limits of memory and of memory plus swap, of which
// the second must never be below the first: raising them needs one order,
// lowering them the other.
func addMemoryLimits(c *limits.Compilation, m *specs.LinuxMemory) {
	const group = "memory"
	isLimited := m.Limit != nil && *m.Limit != 0
	if isLimited {
		c.Add("memory", "memory.limit_in_bytes", limits.Signed(*m.Limit, "-1"), limits.Field("memory", "limit")).Group = group
	}
	switch {
	case m.Swap != nil && *m.Swap != 0:
		w := c.Add("memory", "memory.memsw.limit_in_bytes", limits.Signed(*m.Swap, "-1"), limits.Field("memory", "swap"))
		w.Group = group
		if *m.Swap < 0 {
			w.Tolerate = cgroupfs.Missing
		}
	case isLimited && *m.Limit < 0:
		// The kernel refuses unlimited memory within limited memory plus swap.
		w := c.Add("memory", "memory.memsw.limit_in_bytes", "-1", limits.Field("memory", "limit"))
		w.Group, w.Tolerate = group, cgroupfs.Missing
	}
	if m.Reservation != nil && *m.Reservation != 0 {
		c.Add("memory", "memory.soft_limit_in_bytes", limits.Signed(*m.Reservation, "-1"), limits.Field("memory", "reservation"))
	}
}

func addSwappiness(c *limits.Compilation, swappiness *uint64) {
	// Some clients send -1 for unset through the unsigned field.
	if swappiness == nil || int64(*swappiness) == -1 {
		return
	}
	at := limits.Field("memory", "swappiness")
	if *swappiness > 100 {
		c.Refuse(at, "invalid memory swappiness value: %d (valid range is 0-100)", *swappiness)
		return
	}
	c.Add("memory", "memory.swappiness", limits.Unsigned(*swappiness), at)
}

func addBlockIO(c *limits.Compilation, b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	c.CheckBlockIO(b)
	if b.Weight != nil && *b.Weight != 0 {
		addWeight(c, "weight", strconv.Itoa(int(*b.Weight)), limits.Field("blockIO", "weight"))
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		c.Add("blkio", "blkio.leaf_weight", strconv.Itoa(int(*b.LeafWeight)), limits.Field("blockIO", "leafWeight"))
	}
	for i, d := range b.WeightDevice {
		at := limits.Field("blockIO", "weightDevice").Index(i)
		device := limits.Device(d.LinuxBlockIODevice)
		if d.Weight != nil {
			addWeight(c, "weight_device", device+" "+strconv.Itoa(int(*d.Weight)), at)
		}
		if d.LeafWeight != nil {
			c.Add("blkio", "blkio.leaf_weight_device", device+" "+strconv.Itoa(int(*d.LeafWeight)), at)
		}
	}
	addThrottle(c, b.ThrottleReadBpsDevice, "read_bps", "throttleReadBpsDevice")
	addThrottle(c, b.ThrottleWriteBpsDevice, "write_bps", "throttleWriteBpsDevice")
	addThrottle(c, b.ThrottleReadIOPSDevice, "read_iops", "throttleReadIOPSDevice")
	addThrottle(c, b.ThrottleWriteIOPSDevice, "write_iops", "throttleWriteIOPSDevice")
}

// addWeight names the file of the BFQ scheduler as the alternative, because the
// plain file was removed with the CFQ scheduler in Linux 5.0.
func addWeight(c *limits.Compilation, file, value string, at place.Place) {
	c.Add("blkio", "blkio."+file, value, at).Else = &cgroupfs.Write{
		Controller: "blkio", File: "blkio.bfq." + file, Value: value, Place: at,
	}
}

func addThrottle(c *limits.Compilation, list []specs.LinuxThrottleDevice, file, name string) {
	for i, d := range list {
		c.Add("blkio", "blkio.throttle."+file+"_device",
			limits.Device(d.LinuxBlockIODevice)+" "+limits.Unsigned(d.Rate),
			limits.Field("blockIO", name).Index(i))
	}
}

func addNetwork(c *limits.Compilation, n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	if n.ClassID != nil && *n.ClassID != 0 {
		c.Add("net_cls", "net_cls.classid", limits.Unsigned(uint64(*n.ClassID)), limits.Field("network", "classID"))
	}
	for i, p := range n.Priorities {
		at := limits.Field("network", "priorities").Index(i)
		if p.Name == "" || strings.ContainsAny(p.Name, " \t\n") {
			c.Refuse(at.Key("name"), "invalid network device name %q", p.Name)
		}
		c.Add("net_prio", "net_prio.ifpriomap", p.Name+" "+limits.Unsigned(uint64(p.Priority)), at)
	}
}

// Ignored returns the fields of r that are accepted and have no effect.
func Ignored(r *specs.LinuxResources) []place.Place {
	var list []place.Place
	if m := r.Memory; m != nil {
		if m.Kernel != nil {
			list = append(list, limits.Field("memory", "kernel"))
		}
		if m.UseHierarchy != nil && !*m.UseHierarchy {
			list = append(list, limits.Field("memory", "useHierarchy"))
		}
	}
	return list
}
