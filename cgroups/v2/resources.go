package v2

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
)

// current is what a compilation needs to know of the cgroup as it is. A
// field is read only where needs says so; on a new cgroup the zero value is
// right.
type current struct {
	cpuMax      string // cpu.max
	memoryMax   string // memory.max
	memoryUsage uint64 // memory.current
}

// needs names the files whose contents decide how r is compiled.
func needs(r *specs.LinuxResources) (cpuMax, memoryMax, memoryUsage bool) {
	if c := r.CPU; c != nil {
		cpuMax = unsigned(c.Period) != 0 && signed(c.Quota) == 0
	}
	if m := r.Memory; m != nil {
		memoryMax = signed(m.Limit) == 0 && signed(m.Swap) > 0
		memoryUsage = m.CheckBeforeUpdate != nil && *m.CheckBeforeUpdate && signed(m.Limit) > 0
	}
	return cpuMax, memoryMax, memoryUsage
}

// compile turns resources into the writes of the unified hierarchy. Fields
// that are nil leave their file alone; 0 means the same where 0 can't be a
// limit. What v2 has no file for is left out: see [Ignored].
func compile(r *specs.LinuxResources, now current) ([]cgroupfs.Write, error) {
	var l limits.List
	steps := []error{
		compileCPU(&l, r.CPU, now),
		compileMemory(&l, r.Memory, now),
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
	if err := compileUnified(&l, r.Unified); err != nil {
		return nil, err
	}
	return l, nil
}

func compileCPU(l *limits.List, c *specs.LinuxCPU, now current) error {
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
	// The kernel refuses a weight for an idle cgroup.
	idle := c.Idle != nil && *c.Idle == 1
	if shares := unsigned(c.Shares); shares != 0 && !idle {
		l.Add("cpu", "cpu.weight", limits.Unsigned(Weight(shares)), "cpu.shares")
	}
	// A burst has to fit the quota at any time, so which goes first depends
	// on what is there.
	if value := cpuMax(signed(c.Quota), unsigned(c.Period), now.cpuMax); value != "" {
		field := "cpu.quota"
		if signed(c.Quota) == 0 {
			field = "cpu.period"
		}
		l.Add("cpu", "cpu.max", value, field).Group = "cpu.max"
	}
	if c.Burst != nil {
		w := l.Add("cpu", "cpu.max.burst", limits.Unsigned(*c.Burst), "cpu.burst")
		w.Group = "cpu.max"
		if *c.Burst == 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
	return nil
}

// cpuMax spells cpu.max, or "" where neither is set. Of quota and period
// the one that isn't set keeps its value: the kernel does that for the
// period, the quota comes from the file.
func cpuMax(quota int64, period uint64, now string) string {
	if quota == 0 && period == 0 {
		return ""
	}
	value, _, _ := strings.Cut(now, " ")
	if quota != 0 {
		value = limits.Signed(quota, "max")
	} else if value == "" {
		value = "max"
	}
	if period != 0 {
		value += " " + limits.Unsigned(period)
	}
	return value
}

// Weight converts cpu.shares of v1 (2 to 262144, 1024 by default) to
// cpu.weight (1 to 10000, 100 by default) along the curve that maps the
// least, the default and the greatest value to each other. 0 is not set.
func Weight(shares uint64) uint64 {
	switch {
	case shares == 0:
		return 0
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	exponent := (l*l+125*l)/612 - 7.0/34
	return uint64(math.Ceil(math.Pow(10, exponent)))
}

func compileMemory(l *limits.List, m *specs.LinuxMemory, now current) error {
	if m == nil {
		return nil
	}
	limit := signed(m.Limit)
	if err := limits.CheckMemory(m); err != nil {
		return err
	}
	check := m.CheckBeforeUpdate != nil && *m.CheckBeforeUpdate
	if check && limit > 0 && uint64(limit) <= now.memoryUsage {
		return fmt.Errorf("%s: rejecting memory limit %d <= usage %d",
			limits.Field("memory.limit"), limit, now.memoryUsage)
	}
	swap, err := swapMax(limit, signed(m.Swap), now.memoryMax)
	if err != nil {
		return err
	}
	if swap != "" {
		w := l.Add("memory", "memory.swap.max", swap, "memory.swap")
		// Without swap accounting there is no file, and no swap to limit
		// where the kernel has none.
		if swap == "max" || swap == "0" {
			w.Tolerate = cgroupfs.Missing
		}
	}
	if limit != 0 {
		l.Add("memory", "memory.max", limits.Signed(limit, "max"), "memory.limit")
	}
	if reservation := signed(m.Reservation); reservation != 0 {
		l.Add("memory", "memory.low", limits.Signed(reservation, "max"), "memory.reservation")
	}
	return nil
}

// swapMax converts the limit of memory plus swap that v1 and the spec have
// to memory.swap.max, which counts swap alone. "" leaves the file alone.
func swapMax(limit, swap int64, memoryMax string) (string, error) {
	switch {
	case swap < 0, swap == 0 && limit < 0:
		return "max", nil
	case swap == 0:
		return "", nil
	}
	if limit == 0 {
		n, err := strconv.ParseInt(memoryMax, 10, 64)
		if err != nil {
			return "", fmt.Errorf("%s: unable to set swap limit without memory limit", limits.Field("memory.swap"))
		}
		limit = n
	}
	if swap < limit {
		return "", fmt.Errorf("%s: memory+swap limit %d should be >= memory limit %d",
			limits.Field("memory.swap"), swap, limit)
	}
	return strconv.FormatInt(swap-limit, 10), nil
}

func compileBlockIO(l *limits.List, b *specs.LinuxBlockIO) error {
	if b == nil {
		return nil
	}
	if b.Weight != nil && *b.Weight != 0 {
		if err := limits.CheckWeight("blockIO.weight", *b.Weight); err != nil {
			return err
		}
		addWeight(l, "", *b.Weight, "blockIO.weight")
	}
	for i, d := range b.WeightDevice {
		if d.Weight == nil {
			continue
		}
		field := fmt.Sprintf("blockIO.weightDevice[%d]", i)
		// 0 takes the device's own weight away.
		if *d.Weight != 0 {
			if err := limits.CheckWeight(field, *d.Weight); err != nil {
				return err
			}
		}
		addWeight(l, limits.Device(d.LinuxBlockIODevice)+" ", *d.Weight, field)
	}
	addThrottle(l, b)
	return nil
}

// addWeight sets a weight with the BFQ scheduler's file where there is one:
// it takes the numbers as the spec has them. io.weight goes from 1 to 10000.
func addWeight(l *limits.List, device string, weight uint16, field string) {
	bfq, cost := "default", "default"
	if weight != 0 {
		bfq = strconv.Itoa(int(weight))
		cost = strconv.Itoa(1 + (int(weight)-10)*9999/990)
	}
	l.Add("io", "io.bfq.weight", device+bfq, field).Else = &cgroupfs.Write{
		Controller: "io", File: "io.weight", Value: device + cost, Field: limits.Field(field),
	}
}

// addThrottle puts all the limits of one device into one line of io.max, in
// the order in which devices are first named.
func addThrottle(l *limits.List, b *specs.LinuxBlockIO) {
	type line struct{ device, value, field string }
	var lines []line
	add := func(list []specs.LinuxThrottleDevice, key, name string) {
		for i, d := range list {
			device := limits.Device(d.LinuxBlockIODevice)
			rate := "max"
			if d.Rate != 0 {
				rate = limits.Unsigned(d.Rate)
			}
			at := slices.IndexFunc(lines, func(l line) bool { return l.device == device })
			if at < 0 {
				at = len(lines)
				lines = append(lines, line{device: device, field: fmt.Sprintf("blockIO.%s[%d]", name, i)})
			}
			lines[at].value += " " + key + "=" + rate
		}
	}
	add(b.ThrottleReadBpsDevice, "rbps", "throttleReadBpsDevice")
	add(b.ThrottleWriteBpsDevice, "wbps", "throttleWriteBpsDevice")
	add(b.ThrottleReadIOPSDevice, "riops", "throttleReadIOPSDevice")
	add(b.ThrottleWriteIOPSDevice, "wiops", "throttleWriteIOPSDevice")
	for _, line := range lines {
		l.Add("io", "io.max", line.device+line.value, line.field)
	}
}

func compileHugetlb(l *limits.List, list []specs.LinuxHugepageLimit) error {
	for i, h := range list {
		if err := limits.CheckPageSize(i, h.Pagesize); err != nil {
			return err
		}
		field := fmt.Sprintf("hugepageLimits[%d]", i)
		value := limits.Unsigned(h.Limit)
		l.Add("hugetlb", "hugetlb."+h.Pagesize+".max", value, field)
		// Reservations are a file of their own since Linux 5.7.
		l.Add("hugetlb", "hugetlb."+h.Pagesize+".rsvd.max", value, field).Tolerate = cgroupfs.Missing
	}
	return nil
}

// compileUnified adds the files that the config names itself. Files such as
// io.max take one line a write.
func compileUnified(l *limits.List, unified map[string]string) error {
	for _, key := range limits.SortedKeys(unified) {
		controller, _, _ := strings.Cut(key, ".")
		field := fmt.Sprintf("unified[%q]", key)
		if !cgroupfs.ValidFileName(key) || controller == "" {
			return fmt.Errorf("%s: must be the name of a file of the cgroup, without any slash", limits.Field(field))
		}
		if controller == "cgroup" {
			controller = "" // the core files are there whatever is enabled
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(unified[key], "\n"), "\n") {
			l.Add(controller, key, line, field)
		}
	}
	return nil
}

// Ignored names the fields of r that v2 has nothing for.
func Ignored(r *specs.LinuxResources) []string {
	var list []string
	add := func(is bool, field string) {
		if is {
			list = append(list, limits.Field(field))
		}
	}
	if m := r.Memory; m != nil {
		add(m.Kernel != nil, "memory.kernel")
		add(m.KernelTCP != nil, "memory.kernelTCP")
		add(m.Swappiness != nil && int64(*m.Swappiness) != -1, "memory.swappiness")
		add(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "memory.disableOOMKiller")
		add(m.UseHierarchy != nil && !*m.UseHierarchy, "memory.useHierarchy")
	}
	if c := r.CPU; c != nil {
		add(signed(c.RealtimeRuntime) != 0, "cpu.realtimeRuntime")
		add(unsigned(c.RealtimePeriod) != 0, "cpu.realtimePeriod")
	}
	if b := r.BlockIO; b != nil {
		add(b.LeafWeight != nil, "blockIO.leafWeight")
		add(slices.ContainsFunc(b.WeightDevice, func(d specs.LinuxWeightDevice) bool {
			return d.LeafWeight != nil
		}), "blockIO.weightDevice.leafWeight")
	}
	add(r.Network != nil && (r.Network.ClassID != nil || len(r.Network.Priorities) > 0), "network")
	return list
}

func signed(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func unsigned(p *uint64) uint64 {
	if p == nil {
		return 0
	}
	return *p
}
