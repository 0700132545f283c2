// Package limits owns what the compilers of both cgroup versions share: the
// checks of linux.resources that don't depend on the version, and the
// spelling of its values.
package limits

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Field is the place in config.json that errors of a resource begin with.
func Field(name string) string { return "linux.resources." + name }

// List collects writes in order.
type List []cgroupfs.Write

// Add appends a write of one controller. The field is given without its
// linux.resources prefix.
func (l *List) Add(controller, file, value, field string) *cgroupfs.Write {
	*l = append(*l, cgroupfs.Write{
		Controller: controller, File: file, Value: value, Field: Field(field),
	})
	return &(*l)[len(*l)-1]
}

// Signed spells a number of which every negative one means unlimited.
func Signed(n int64, unlimited string) string {
	if n < 0 {
		return unlimited
	}
	return strconv.FormatInt(n, 10)
}

// Unsigned spells a number.
func Unsigned(n uint64) string { return strconv.FormatUint(n, 10) }

// PidsMax spells pids.limit. 0 is a real limit that allows no fork; it is
// written as 1, which has the same effect on a cgroup that holds its first
// process, and lets that process be cloned right into the cgroup.
func PidsMax(limit int64) string {
	if limit == 0 {
		return "1"
	}
	return Signed(limit, "max")
}

// CheckMemory refuses a limit of memory plus swap below that of memory.
// limit and swap are nil where the config doesn't say anything.
func CheckMemory(m *specs.LinuxMemory) error {
	if m.Limit == nil || m.Swap == nil || *m.Swap <= 0 {
		return nil
	}
	if *m.Limit < 0 || *m.Swap < *m.Limit {
		return fmt.Errorf("%s: memory+swap limit %d should be >= memory limit %d",
			Field("memory.swap"), *m.Swap, *m.Limit)
	}
	return nil
}

// CheckCPU refuses a burst above the quota and an idle that is neither 0
// nor 1.
func CheckCPU(c *specs.LinuxCPU) error {
	if c.Burst != nil && c.Quota != nil && *c.Quota > 0 && *c.Burst > uint64(*c.Quota) {
		return fmt.Errorf("%s: burst %d is larger than the quota %d", Field("cpu.burst"), *c.Burst, *c.Quota)
	}
	if c.Idle != nil && *c.Idle != 0 && *c.Idle != 1 {
		return fmt.Errorf("%s: invalid value %d, must be 0 or 1", Field("cpu.idle"), *c.Idle)
	}
	return nil
}

// CheckPageSize refuses what can't be part of a hugetlb file name. Whether
// the kernel has pages of that size shows when the file is written. index is that
// of the limit in the config.
func CheckPageSize(index int, size string) error {
	digits := strings.TrimRight(size, "KMGTPB")
	unit := size[len(digits):]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 || len(unit) != 2 || unit[1] != 'B' || unit[0] == 'B' {
		return fmt.Errorf("%s: invalid page size %q, must be like 64KB, 2MB or 1GB",
			Field(fmt.Sprintf("hugepageLimits[%d].pageSize", index)), size)
	}
	return nil
}

// CheckWeight refuses a block IO weight outside of 10 to 1000.
func CheckWeight(field string, weight uint16) error {
	if weight < 10 || weight > 1000 {
		return fmt.Errorf("%s: invalid weight %d, must be between 10 and 1000", Field(field), weight)
	}
	return nil
}

// Device spells the number of a block device.
func Device(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}

// Rdma appends the limits of RDMA devices, in the order of their names.
func (l *List) Rdma(devices map[string]specs.LinuxRdma) error {
	for _, name := range SortedKeys(devices) {
		d := devices[name]
		field := "rdma." + name
		if d.HcaHandles == nil && d.HcaObjects == nil {
			return fmt.Errorf("%s: neither hcaHandles nor hcaObjects is set", Field(field))
		}
		value := name
		if d.HcaHandles != nil {
			value += " hca_handle=" + Unsigned(uint64(*d.HcaHandles))
		}
		if d.HcaObjects != nil {
			value += " hca_object=" + Unsigned(uint64(*d.HcaObjects))
		}
		l.Add("rdma", "rdma.max", value, field)
	}
	return nil
}
