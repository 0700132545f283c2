// Package limits owns what the compilers of both cgroup versions share: the
// checks of linux.resources that don't depend on the version, and the format
// of its values.
package limits

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/place"
)

// Field returns the place of a property of linux.resources in config.json, by
// the keys that lead to it.
func Field(keys ...string) place.Place {
	p := place.At("/linux/resources")
	for _, key := range keys {
		p = p.Key(key)
	}
	return p
}

// Compilation collects what linux.resources compiles to: writes in the order in which
// to apply them, and every problem. The writes are complete only if there is no
// problem.
type Compilation struct {
	Writes   []cgroupfs.Write
	Problems place.Errors
}

// Add appends a write for the property at a place. The caller may change it
// until the next call.
func (c *Compilation) Add(controller, file, value string, at place.Place) *cgroupfs.Write {
	c.Writes = append(c.Writes, cgroupfs.Write{Controller: controller, File: file, Value: value, Place: at})
	return &c.Writes[len(c.Writes)-1]
}

// Refuse adds a problem with the property at a place.
func (c *Compilation) Refuse(at place.Place, format string, args ...any) {
	c.Problems.Addf(at, format, args...)
}

// Signed formats a number of which every negative value means unlimited.
func Signed(n int64, unlimited string) string {
	if n < 0 {
		return unlimited
	}
	return strconv.FormatInt(n, 10)
}

// Unsigned formats a number.
func Unsigned(n uint64) string { return strconv.FormatUint(n, 10) }

// CheckUnlimited refuses a negative limit other than -1, which means no limit, and
// reports whether it is valid. n may be nil.
func (c *Compilation) CheckUnlimited(at place.Place, n *int64) bool {
	if n == nil || *n >= -1 {
		return true
	}
	c.Refuse(at, "invalid value %d, must not be negative, except -1 for no limit", *n)
	return false
}

// Pids adds the limit of tasks. A limit of 0 allows no fork. It is written as
// 1, which has the same effect on a cgroup that holds its first process, and
// still allows that process to be cloned into the cgroup.
func (c *Compilation) Pids(p *specs.LinuxPids) {
	if p == nil || p.Limit == nil || !c.CheckUnlimited(Field("pids", "limit"), p.Limit) {
		return
	}
	value := "1"
	if *p.Limit != 0 {
		value = Signed(*p.Limit, "max")
	}
	c.Add("pids", "pids.max", value, Field("pids", "limit"))
}

// CheckMemory refuses negative limits other than -1, and a limit of memory plus swap
// below that of memory. It reports whether the latter two suit each other.
func (c *Compilation) CheckMemory(m *specs.LinuxMemory) bool {
	c.CheckUnlimited(Field("memory", "limit"), m.Limit)
	c.CheckUnlimited(Field("memory", "reservation"), m.Reservation)
	c.CheckUnlimited(Field("memory", "kernel"), m.Kernel)
	c.CheckUnlimited(Field("memory", "kernelTCP"), m.KernelTCP)
	if !c.CheckUnlimited(Field("memory", "swap"), m.Swap) {
		return false
	}
	if m.Limit == nil || m.Swap == nil || *m.Swap <= 0 {
		return true
	}
	if *m.Limit < 0 || *m.Swap < *m.Limit {
		c.RefuseSwap(*m.Swap, *m.Limit)
		return false
	}
	return true
}

// RefuseSwap refuses a limit of memory plus swap below that of memory.
func (c *Compilation) RefuseSwap(swap, limit int64) {
	c.Refuse(Field("memory", "swap"), "memory+swap limit %d should be >= memory limit %d", swap, limit)
}

// CPU checks the fields of cpu, and adds those that have the same files in cgroup v1 and
// v2: cpus, mems and idle. It reports whether the cgroup will be idle: then the kernel
// refuses shares and a weight.
func (c *Compilation) CPU(cpu *specs.LinuxCPU) (idle bool) {
	c.checkCPU(cpu)
	c.checkList(Field("cpu", "cpus"), cpu.Cpus)
	c.checkList(Field("cpu", "mems"), cpu.Mems)
	if cpu.Cpus != "" {
		c.Add("cpuset", "cpuset.cpus", cpu.Cpus, Field("cpu", "cpus"))
	}
	if cpu.Mems != "" {
		c.Add("cpuset", "cpuset.mems", cpu.Mems, Field("cpu", "mems"))
	}
	if cpu.Idle == nil {
		return false
	}
	w := c.Add("cpu", "cpu.idle", strconv.FormatInt(*cpu.Idle, 10), Field("cpu", "idle"))
	if *cpu.Idle == 0 {
		w.Tolerate = cgroupfs.Missing
	}
	return *cpu.Idle == 1
}

// The range of the period of CPU time, and the least quota, in microseconds:
// min_cfs_quota_period and max_cfs_quota_period of the kernel.
const (
	leastBandwidth = 1000
	longestPeriod  = 1_000_000
)

// checkCPU refuses negative limits other than -1, a period and a quota that no kernel
// accepts, a burst above the quota, and an idle that is neither 0 nor 1.
func (c *Compilation) checkCPU(cpu *specs.LinuxCPU) {
	c.CheckUnlimited(Field("cpu", "quota"), cpu.Quota)
	c.CheckUnlimited(Field("cpu", "realtimeRuntime"), cpu.RealtimeRuntime)
	if cpu.Quota != nil && *cpu.Quota > 0 && *cpu.Quota < leastBandwidth {
		c.Refuse(Field("cpu", "quota"), "invalid value %d: it is in microseconds, and the kernel's minimum is %d", *cpu.Quota, leastBandwidth)
	}
	if p := cpu.Period; p != nil && *p != 0 && (*p < leastBandwidth || *p > longestPeriod) {
		c.Refuse(Field("cpu", "period"), "invalid value %d: it is in microseconds, from %d to %d", *p, leastBandwidth, longestPeriod)
	}
	if cpu.Burst != nil && cpu.Quota != nil && *cpu.Quota > 0 && *cpu.Burst > uint64(*cpu.Quota) {
		c.Refuse(Field("cpu", "burst"), "burst %d is larger than the quota %d", *cpu.Burst, *cpu.Quota)
	}
	if cpu.Idle != nil && *cpu.Idle != 0 && *cpu.Idle != 1 {
		c.Refuse(Field("cpu", "idle"), "invalid value %d, must be 0 or 1", *cpu.Idle)
	}
}

// checkList refuses what isn't a list for a cpuset, cpuset(7).
func (c *Compilation) checkList(at place.Place, list string) {
	for item := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		if !isRange(item) {
			c.Refuse(at, "invalid list %q: %q is neither a number nor a range", list, item)
			return
		}
	}
}

// isRange reports whether item is a part of a list of bits: NUMBER, FROM-TO, and
// FROM-TO:USED/GROUP, where N is the last number and "all" is 0-N (the kernel's
// bitmap_parselist).
func isRange(item string) bool {
	span, group, isGrouped := strings.Cut(item, ":")
	used, size, ok := strings.Cut(group, "/")
	if isGrouped && (!ok || !isNumber(used) || !isNumber(size)) {
		return false
	}
	if strings.EqualFold(span, "all") {
		return true
	}
	from, to, isSpan := strings.Cut(span, "-")
	if !isSpan {
		return !isGrouped && isBit(from)
	}
	first, err := strconv.ParseUint(from, 10, 32)
	last, err2 := strconv.ParseUint(to, 10, 32)
	return isBit(from) && isBit(to) && (err != nil || err2 != nil || first <= last)
}

func isBit(text string) bool { return text == "N" || isNumber(text) }

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}

// IsPageSize reports whether size can be part of the name of a hugetlb file,
// such as 64KB, 2MB or 1GB. Whether the kernel has pages of that size is only
// known when the file is written.
func IsPageSize(size string) bool {
	digits := strings.TrimRight(size, "KMGTPB")
	unit := size[len(digits):]
	n, err := strconv.ParseUint(digits, 10, 64)
	return err == nil && n != 0 && len(unit) == 2 && unit[0] != 'B' && unit[1] == 'B'
}

// Hugetlb adds the limits of huge pages, each to the files
// hugetlb.SIZE.SUFFIX and hugetlb.SIZE.rsvd.SUFFIX. The latter, for
// reservations, exists since Linux 5.7.
func (c *Compilation) Hugetlb(list []specs.LinuxHugepageLimit, suffix string) {
	for i, h := range list {
		at := Field("hugepageLimits").Index(i)
		if !IsPageSize(h.Pagesize) {
			c.Refuse(at.Key("pageSize"), "invalid page size %q, must be like 64KB, 2MB or 1GB", h.Pagesize)
			continue
		}
		value := Unsigned(h.Limit)
		c.Add("hugetlb", "hugetlb."+h.Pagesize+"."+suffix, value, at)
		c.Add("hugetlb", "hugetlb."+h.Pagesize+".rsvd."+suffix, value, at).Tolerate = cgroupfs.Missing
	}
}

// CheckBlockIO refuses weights outside of 10 to 1000, and numbers that no block device
// has. 0 is a weight that isn't set, or is removed.
func (c *Compilation) CheckBlockIO(b *specs.LinuxBlockIO) {
	c.checkWeight(Field("blockIO", "weight"), b.Weight)
	c.checkWeight(Field("blockIO", "leafWeight"), b.LeafWeight)
	for i := range b.WeightDevice {
		d, at := &b.WeightDevice[i], Field("blockIO", "weightDevice").Index(i)
		c.checkDevice(at, d.LinuxBlockIODevice)
		c.checkWeight(at.Key("weight"), d.Weight)
		c.checkWeight(at.Key("leafWeight"), d.LeafWeight)
	}
	for _, list := range []struct {
		name    string
		devices []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i := range list.devices {
			c.checkDevice(Field("blockIO", list.name).Index(i), list.devices[i].LinuxBlockIODevice)
		}
	}
}

func (c *Compilation) checkWeight(at place.Place, weight *uint16) {
	if weight != nil && *weight != 0 && (*weight < 10 || *weight > 1000) {
		c.Refuse(at, "invalid weight %d, must be between 10 and 1000", *weight)
	}
}

// checkDevice refuses numbers beyond the 12 bits of a major and the 20 bits of a minor
// number.
func (c *Compilation) checkDevice(at place.Place, d specs.LinuxBlockIODevice) {
	if d.Major < 0 || d.Major >= 1<<12 || d.Minor < 0 || d.Minor >= 1<<20 {
		c.Refuse(at, "invalid device number %s", Device(d))
	}
}

// Device formats the number of a block device.
func Device(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}

// Rdma adds the limits of RDMA devices, sorted by name.
func (c *Compilation) Rdma(devices map[string]specs.LinuxRdma) {
	for _, name := range SortedKeys(devices) {
		d, at := devices[name], Field("rdma", name)
		if d.HcaHandles == nil && d.HcaObjects == nil {
			c.Refuse(at, "neither hcaHandles nor hcaObjects is set")
			continue
		}
		value := name
		if d.HcaHandles != nil {
			value += " hca_handle=" + Unsigned(uint64(*d.HcaHandles))
		}
		if d.HcaObjects != nil {
			value += " hca_object=" + Unsigned(uint64(*d.HcaObjects))
		}
		c.Add("rdma", "rdma.max", value, at)
	}
}
