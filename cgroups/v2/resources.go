package v2

import (
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// current is the state of the cgroup that decides how resources are compiled.
// A field is read only where needs says so. The zero value stands for a new
// cgroup.
type current struct {
	cpuMax      string // cpu.max
	memoryMax   string // memory.max
	memoryUsage uint64 // memory.current
}

// needs reports which files decide how r is compiled.
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

// compile converts resources to the writes of the unified hierarchy, and
// returns every problem that it finds. Fields that are nil leave their file
// unchanged, and so does 0 where 0 can't be a limit. What v2 has no file for is
// left out: see [Ignored].
func compile(r *specs.LinuxResources, now current) ([]cgroupfs.Write, place.Errors) {
	var c limits.Compilation
	addCPU(&c, r.CPU, now)
	addMemory(&c, r.Memory, now)
	addBlockIO(&c, r.BlockIO)
	c.Hugetlb(r.HugepageLimits, "max")
	c.Rdma(r.Rdma)
	c.Pids(r.Pids)
	addUnified(&c, r.Unified)
	return c.Writes, c.Problems
}

func addCPU(c *limits.Compilation, cpu *specs.LinuxCPU, now current) {
	if cpu == nil {
		return
	}
	idle := c.CPU(cpu)
	if shares := unsigned(cpu.Shares); shares != 0 && !idle {
		c.Add("cpu", "cpu.weight", limits.Unsigned(Weight(shares)), limits.Field("cpu", "shares"))
	}
	// A burst has to suit the quota at any time, so which has to be written
	// first depends on their present values.
	if value := cpuMax(signed(cpu.Quota), unsigned(cpu.Period), now.cpuMax); value != "" {
		field := "quota"
		if signed(cpu.Quota) == 0 {
			field = "period"
		}
		c.Add("cpu", "cpu.max", value, limits.Field("cpu", field)).Group = "cpu.max"
	}
	if cpu.Burst != nil {
		w := c.Add("cpu", "cpu.max.burst", limits.Unsigned(*cpu.Burst), limits.Field("cpu", "burst"))
		w.Group = "cpu.max"
		if *cpu.Burst == 0 {
			w.Tolerate = cgroupfs.Missing
		}
	}
}

// cpuMax returns the value for cpu.max, "" where neither quota nor period is
// set. The one that isn't set keeps its value: the kernel keeps the period, and
// the quota is read from the file.
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

// Weight converts cpu.shares of v1 (2 to 262144, 1024 by default) to cpu.weight
// (1 to 10000, 100 by default). The curve maps the least, the default and the
// greatest value to each other. 0 means not set.
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

func addMemory(c *limits.Compilation, m *specs.LinuxMemory, now current) {
	if m == nil {
		return
	}
	limit := signed(m.Limit)
	isConsistent := c.CheckMemory(m)
	check := m.CheckBeforeUpdate != nil && *m.CheckBeforeUpdate
	if check && limit > 0 && uint64(limit) <= now.memoryUsage {
		c.Refuse(limits.Field("memory", "limit"), "rejecting memory limit %d <= usage %d", limit, now.memoryUsage)
	}
	swap := ""
	if isConsistent {
		swap = swapMax(c, limit, signed(m.Swap), now.memoryMax)
	}
	if swap != "" {
		w := c.Add("memory", "memory.swap.max", swap, limits.Field("memory", "swap"))
		// A kernel without swap accounting has no file, and one without swap
		// has none to limit.
		if swap == "max" || swap == "0" {
			w.Tolerate = cgroupfs.Missing
		}
	}
	if limit != 0 {
		c.Add("memory", "memory.max", limits.Signed(limit, "max"), limits.Field("memory", "limit"))
	}
	if reservation := signed(m.Reservation); reservation != 0 {
		c.Add("memory", "memory.low", limits.Signed(reservation, "max"), limits.Field("memory", "reservation"))
	}
}

// swapMax converts the limit of memory plus swap, which v1 and the
// specification have, to memory.swap.max, which counts swap alone. "" leaves
// the file unchanged.
func swapMax(c *limits.Compilation, limit, swap int64, memoryMax string) string {
	switch {
	case swap < 0, swap == 0 && limit < 0:
		return "max"
	case swap == 0:
		return ""
	}
	if limit == 0 {
		n, err := strconv.ParseInt(memoryMax, 10, 64)
		if err != nil {
			c.Refuse(limits.Field("memory", "swap"), "unable to set swap limit without memory limit")
			return ""
		}
		limit = n
	}
	if swap < limit {
		c.RefuseSwap(swap, limit)
		return ""
	}
	return strconv.FormatInt(swap-limit, 10)
}

func addBlockIO(c *limits.Compilation, b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	c.CheckBlockIO(b)
	if b.Weight != nil && *b.Weight != 0 {
		addWeight(c, "", *b.Weight, limits.Field("blockIO", "weight"))
	}
	for i, d := range b.WeightDevice {
		if d.Weight == nil {
			continue
		}
		at := limits.Field("blockIO", "weightDevice").Index(i)
		// 0 removes the device's own weight.
		addWeight(c, limits.Device(d.LinuxBlockIODevice)+" ", *d.Weight, at)
	}
	addThrottle(c, b)
}

// addWeight prefers the file of the BFQ scheduler, which has the same range as
// the specification. The range of io.weight is 1 to 10000.
func addWeight(c *limits.Compilation, device string, weight uint16, at place.Place) {
	bfq, cost := "default", "default"
	if weight != 0 {
		bfq = strconv.Itoa(int(weight))
		cost = strconv.Itoa(1 + (int(weight)-10)*9999/990)
	}
	c.Add("io", "io.bfq.weight", device+bfq, at).Else = &cgroupfs.Write{
		Controller: "io", File: "io.weight", Value: device + cost, Place: at,
	}
}

// addThrottle puts all limits of one device into one line of io.max, in the
// order in which the config names the devices first.
func addThrottle(c *limits.Compilation, b *specs.LinuxBlockIO) {
	type line struct {
		device, value string
		at            place.Place
	}
	var lines []line
	add := func(list []specs.LinuxThrottleDevice, key, name string) {
		for i, d := range list {
			device := limits.Device(d.LinuxBlockIODevice)
			rate := "max"
			if d.Rate != 0 {
				rate = limits.Unsigned(d.Rate)
			}
			n := slices.IndexFunc(lines, func(l line) bool { return l.device == device })
			if n < 0 {
				n = len(lines)
				lines = append(lines, line{device: device, at: limits.Field("blockIO", name).Index(i)})
			}
			lines[n].value += " " + key + "=" + rate
		}
	}
	add(b.ThrottleReadBpsDevice, "rbps", "throttleReadBpsDevice")
	add(b.ThrottleWriteBpsDevice, "wbps", "throttleWriteBpsDevice")
	add(b.ThrottleReadIOPSDevice, "riops", "throttleReadIOPSDevice")
	add(b.ThrottleWriteIOPSDevice, "wiops", "throttleWriteIOPSDevice")
	for _, line := range lines {
		c.Add("io", "io.max", line.device+line.value, line.at)
	}
}

// addUnified adds the files that the config names itself. Files such as io.max
// accept one line in each write.
func addUnified(c *limits.Compilation, unified map[string]string) {
	for _, key := range limits.SortedKeys(unified) {
		controller, _, _ := strings.Cut(key, ".")
		at := limits.Field("unified", key)
		if !cgroupfs.ValidFileName(key) || controller == "" {
			c.Refuse(at, "must be the name of a file of the cgroup, without any slash")
			continue
		}
		if controller == "cgroup" {
			controller = "" // the core files exist whichever controllers are enabled
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(unified[key], "\n"), "\n") {
			c.Add(controller, key, line, at)
		}
	}
}

// Ignored returns the fields of r that v2 has nothing for.
func Ignored(r *specs.LinuxResources) []place.Place {
	var list []place.Place
	add := func(is bool, keys ...string) {
		if is {
			list = append(list, limits.Field(keys...))
		}
	}
	if m := r.Memory; m != nil {
		add(m.Kernel != nil, "memory", "kernel")
		add(m.KernelTCP != nil, "memory", "kernelTCP")
		add(m.Swappiness != nil && int64(*m.Swappiness) != -1, "memory", "swappiness")
		add(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "memory", "disableOOMKiller")
		add(m.UseHierarchy != nil && !*m.UseHierarchy, "memory", "useHierarchy")
	}
	if c := r.CPU; c != nil {
		add(signed(c.RealtimeRuntime) != 0, "cpu", "realtimeRuntime")
		add(unsigned(c.RealtimePeriod) != 0, "cpu", "realtimePeriod")
	}
	if b := r.BlockIO; b != nil {
		add(b.LeafWeight != nil, "blockIO", "leafWeight")
		add(slices.ContainsFunc(b.WeightDevice, func(d specs.LinuxWeightDevice) bool {
			return d.LeafWeight != nil
		}), "blockIO", "weightDevice", "leafWeight")
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
