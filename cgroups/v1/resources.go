package v1

import (
	"errors"
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
)

// compile turns resources into writes, each for the hierarchy of its
// controller. Fields that are nil leave their file alone; 0 means the same
// where 0 can't be a limit. What no kernel of today has a file for is left
// out: see [Ignored].
func compile(r *specs.LinuxResources) ([]cgroupfs.Write, error) {
	if len(r.Unified) > 0 {
		return nil, errors.New("linux.resources.unified: the host has cgroup v1, which has no unified hierarchy to write this to")
	}
	var l limits.List
	steps := []error{
		compileCPU(&l, r.CPU),
		compileMemory(&l, r.Memory),
		compileBlockIO(&l, r.BlockIO),
		compileHugetlb(&l, r.HugepageLimits),
		l.Rdma(r.Rdma),
	}
	for _, err := range steps {
		if err != nil {
			return nil, err
		}
	}
	if r.Pids != nil && r.Pids.Limit != nil {
		l.Add("pids", "pids.max", limits.PidsMax(*r.Pids.Limit), "pids.limit")
	}
	compileNetwork(&l, r.Network)
	return l, nil
}

// The range of cpu.shares. The kernel takes anything and clamps it
// silently.
const (
	minShares = 2
	maxShares = 262144
)

func compileCPU(l *limits.List, c *specs.LinuxCPU) error {
	if c == nil {
		return nil
	}
	if err := limits.CheckCPU(c); err != nil {
		return err
	}
	if c.Cpus != "" {
		l.Add("cpuset", "cpuset.cpus", c.Cpus, "cpu.cpus")
	}
	if c.Mems != "" {
		l.Add("cpuset", "cpuset.mems", c.Mems, "cpu.mems")
	}
	if c.Idle != nil {
		w := l.Add("cpu", "cpu.idle", strconv.FormatInt(*c.Idle, 10), "cpu.idle")
		if *c.Idle == 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
	// The kernel refuses shares for an idle cgroup.
	idle := c.Idle != nil && *c.Idle == 1
	if c.Shares != nil && *c.Shares != 0 && !idle {
		switch {
		case *c.Shares < minShares:
			return fmt.Errorf("%s: the minimum allowed cpu-shares is %d", limits.Field("cpu.shares"), minShares)
		case *c.Shares > maxShares:
			return fmt.Errorf("%s: the maximum allowed cpu-shares is %d", limits.Field("cpu.shares"), maxShares)
		}
		l.Add("cpu", "cpu.shares", limits.Unsigned(*c.Shares), "cpu.shares")
	}
	addBandwidth(l, c)
	addRealtime(l, c)
	return nil
}

// addBandwidth sets period, quota and burst. Each has to suit the two others
// at any time, so the order that works depends on what is there.
func addBandwidth(l *limits.List, c *specs.LinuxCPU) {
	const group = "cpu.cfs"
	if c.Period != nil && *c.Period != 0 {
		l.Add("cpu", "cpu.cfs_period_us", limits.Unsigned(*c.Period), "cpu.period").Group = group
	}
	if c.Quota != nil && *c.Quota != 0 {
		l.Add("cpu", "cpu.cfs_quota_us", limits.Signed(*c.Quota, "-1"), "cpu.quota").Group = group
	}
	if c.Burst != nil {
		w := l.Add("cpu", "cpu.cfs_burst_us", limits.Unsigned(*c.Burst), "cpu.burst")
		w.Group = group
		if *c.Burst == 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
}

func addRealtime(l *limits.List, c *specs.LinuxCPU) {
	const group = "cpu.rt"
	if c.RealtimePeriod != nil && *c.RealtimePeriod != 0 {
		l.Add("cpu", "cpu.rt_period_us", limits.Unsigned(*c.RealtimePeriod), "cpu.realtimePeriod").Group = group
	}
	if c.RealtimeRuntime != nil && *c.RealtimeRuntime != 0 {
		l.Add("cpu", "cpu.rt_runtime_us", strconv.FormatInt(*c.RealtimeRuntime, 10), "cpu.realtimeRuntime").Group = group
	}
}

func compileMemory(l *limits.List, m *specs.LinuxMemory) error {
	if m == nil {
		return nil
	}
	if err := limits.CheckMemory(m); err != nil {
		return err
	}
	// The limit of memory plus swap must never be below that of memory:
	// raising takes one order, lowering the other.
	const group = "memory"
	limited := m.Limit != nil && *m.Limit != 0
	if limited {
		l.Add("memory", "memory.limit_in_bytes", limits.Signed(*m.Limit, "-1"), "memory.limit").Group = group
	}
	switch {
	case m.Swap != nil && *m.Swap != 0:
		w := l.Add("memory", "memory.memsw.limit_in_bytes", limits.Signed(*m.Swap, "-1"), "memory.swap")
		w.Group = group
		if *m.Swap < 0 {
			w.Tolerate = cgroupfs.Missing
		}
	case limited && *m.Limit < 0:
		// Unlimited memory within limited memory plus swap would be refused.
		w := l.Add("memory", "memory.memsw.limit_in_bytes", "-1", "memory.limit")
		w.Group, w.Tolerate = group, cgroupfs.Missing
	}
	if m.Reservation != nil && *m.Reservation != 0 {
		l.Add("memory", "memory.soft_limit_in_bytes", limits.Signed(*m.Reservation, "-1"), "memory.reservation")
	}
	if m.UseHierarchy != nil && *m.UseHierarchy {
		l.Add("memory", "memory.use_hierarchy", "1", "memory.useHierarchy").Tolerate = cgroupfs.Missing
	}
	if m.DisableOOMKiller != nil {
		value := "0" // a cgroup inherits its parent's value, so this says something too
		if *m.DisableOOMKiller {
			value = "1"
		}
		l.Add("memory", "memory.oom_control", value, "memory.disableOOMKiller")
	}
	if m.KernelTCP != nil && *m.KernelTCP != 0 {
		w := l.Add("memory", "memory.kmem.tcp.limit_in_bytes", limits.Signed(*m.KernelTCP, "-1"), "memory.kernelTCP")
		if *m.KernelTCP < 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
	return addSwappiness(l, m.Swappiness)
}

func addSwappiness(l *limits.List, swappiness *uint64) error {
	// Some clients send -1 for unset through the unsigned field.
	if swappiness == nil || int64(*swappiness) == -1 {
		return nil
	}
	if *swappiness > 100 {
		return fmt.Errorf("%s: invalid memory swappiness value: %d (valid range is 0-100)",
			limits.Field("memory.swappiness"), *swappiness)
	}
	l.Add("memory", "memory.swappiness", limits.Unsigned(*swappiness), "memory.swappiness")
	return nil
}

func compileBlockIO(l *limits.List, b *specs.LinuxBlockIO) error {
	if b == nil {
		return nil
	}
	if b.Weight != nil && *b.Weight != 0 {
		if err := limits.CheckWeight("blockIO.weight", *b.Weight); err != nil {
			return err
		}
		addWeight(l, "weight", strconv.Itoa(int(*b.Weight)), "blockIO.weight")
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		l.Add("blkio", "blkio.leaf_weight", strconv.Itoa(int(*b.LeafWeight)), "blockIO.leafWeight")
	}
	for i, d := range b.WeightDevice {
		field := fmt.Sprintf("blockIO.weightDevice[%d]", i)
		device := limits.Device(d.LinuxBlockIODevice)
		if d.Weight != nil {
			addWeight(l, "weight_device", device+" "+strconv.Itoa(int(*d.Weight)), field)
		}
		if d.LeafWeight != nil {
			l.Add("blkio", "blkio.leaf_weight_device", device+" "+strconv.Itoa(int(*d.LeafWeight)), field)
		}
	}
	addThrottle(l, b.ThrottleReadBpsDevice, "read_bps", "throttleReadBpsDevice")
	addThrottle(l, b.ThrottleWriteBpsDevice, "write_bps", "throttleWriteBpsDevice")
	addThrottle(l, b.ThrottleReadIOPSDevice, "read_iops", "throttleReadIOPSDevice")
	addThrottle(l, b.ThrottleWriteIOPSDevice, "write_iops", "throttleWriteIOPSDevice")
	return nil
}

// addWeight names the file of the BFQ scheduler as the alternative: the
// plain one went with the CFQ scheduler in Linux 5.0.
func addWeight(l *limits.List, file, value, field string) {
	l.Add("blkio", "blkio."+file, value, field).Else = &cgroupfs.Write{
		Controller: "blkio", File: "blkio.bfq." + file, Value: value, Field: limits.Field(field),
	}
}

func addThrottle(l *limits.List, list []specs.LinuxThrottleDevice, file, name string) {
	for i, d := range list {
		l.Add("blkio", "blkio.throttle."+file+"_device",
			limits.Device(d.LinuxBlockIODevice)+" "+limits.Unsigned(d.Rate),
			fmt.Sprintf("blockIO.%s[%d]", name, i))
	}
}

func compileHugetlb(l *limits.List, list []specs.LinuxHugepageLimit) error {
	for i, h := range list {
		if err := limits.CheckPageSize(i, h.Pagesize); err != nil {
			return err
		}
		field := fmt.Sprintf("hugepageLimits[%d]", i)
		value := limits.Unsigned(h.Limit)
		l.Add("hugetlb", "hugetlb."+h.Pagesize+".limit_in_bytes", value, field)
		// Reservations are a file of their own since Linux 5.7.
		l.Add("hugetlb", "hugetlb."+h.Pagesize+".rsvd.limit_in_bytes", value, field).Tolerate = cgroupfs.Missing
	}
	return nil
}

func compileNetwork(l *limits.List, n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	if n.ClassID != nil && *n.ClassID != 0 {
		l.Add("net_cls", "net_cls.classid", limits.Unsigned(uint64(*n.ClassID)), "network.classID")
	}
	for i, p := range n.Priorities {
		l.Add("net_prio", "net_prio.ifpriomap", p.Name+" "+limits.Unsigned(uint64(p.Priority)),
			fmt.Sprintf("network.priorities[%d]", i))
	}
}

// Ignored names the fields of r that are accepted and have no effect.
func Ignored(r *specs.LinuxResources) []string {
	var list []string
	if m := r.Memory; m != nil {
		if m.Kernel != nil {
			list = append(list, limits.Field("memory.kernel"))
		}
		if m.UseHierarchy != nil && !*m.UseHierarchy {
			list = append(list, limits.Field("memory.useHierarchy"))
		}
	}
	return list
}
