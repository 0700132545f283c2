package v1

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
)

// Values returns the limits of the cgroups.
func (m *Manager) Values() ([]limits.Value, error) {
	pairs := append([]limits.Pair{
		{Controller: "blkio", Limit: "blkio.weight"},
		{Controller: "blkio", Limit: "blkio.bfq.weight"},
		{Controller: "blkio", Limit: "blkio.throttle.read_bps_device"},
		{Controller: "blkio", Limit: "blkio.throttle.write_bps_device"},
		{Controller: "blkio", Limit: "blkio.throttle.read_iops_device"},
		{Controller: "blkio", Limit: "blkio.throttle.write_iops_device"},
		{Controller: "cpu", Limit: "cpu.cfs_quota_us"},
		{Controller: "cpu", Limit: "cpu.cfs_period_us"},
		{Controller: "cpu", Limit: "cpu.cfs_burst_us"},
		{Controller: "cpu", Limit: "cpu.shares"},
		{Controller: "cpu", Limit: "cpu.idle"},
		{Controller: "cpu", Limit: "cpu.rt_runtime_us"},
		{Controller: "cpuset", Limit: "cpuset.cpus", Use: "cpuset.effective_cpus"},
		{Controller: "cpuset", Limit: "cpuset.mems", Use: "cpuset.effective_mems"},
		{Controller: "memory", Limit: "memory.limit_in_bytes", Use: "memory.usage_in_bytes"},
		{Controller: "memory", Limit: "memory.memsw.limit_in_bytes", Use: "memory.memsw.usage_in_bytes"},
		{Controller: "memory", Limit: "memory.soft_limit_in_bytes"},
		{Controller: "memory", Limit: "memory.kmem.tcp.limit_in_bytes", Use: "memory.kmem.tcp.usage_in_bytes"},
		{Controller: "memory", Limit: "memory.swappiness"},
		{Controller: "net_cls", Limit: "net_cls.classid"},
		{Controller: "pids", Limit: "pids.max", Use: "pids.current"},
		{Controller: "rdma", Limit: "rdma.max", Use: "rdma.current"},
	}, limits.HugetlbPairs("limit_in_bytes", "usage_in_bytes")...)
	return limits.ReadValues(pairs, m.dir)
}

// DevicePrograms returns -1, since v1 has rules and no programs.
func (m *Manager) DevicePrograms() (int, error) { return -1, nil }

// DeviceList returns the rules for devices, in the format of devices.list; none without
// the controller.
func (m *Manager) DeviceList() ([]string, error) {
	d := m.dir("devices")
	if d == nil {
		return nil, nil
	}
	text, err := d.ReadFile("devices.list")
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(text), "\n"), nil
}

// Deviations returns the limits that r sets and that aren't in force.
func (m *Manager) Deviations(r *specs.LinuxResources) ([]cgroupfs.Change, error) {
	t, err := m.Begin(r)
	if err != nil {
		return nil, err
	}
	return limits.Deviations(t), nil
}

// HasDevices reports whether these rules, with the default ones, are in force. It is true
// without the controller.
func (m *Manager) HasDevices(rules []specs.LinuxDeviceCgroup) (bool, error) {
	d := m.dir("devices")
	if d == nil {
		return true, nil
	}
	now, err := d.ReadFile("devices.list")
	if err != nil {
		return false, err
	}
	writes, err := devices.Transition(now, rules, true)
	return len(writes) == 0, err
}
