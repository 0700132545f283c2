package v2

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
)

// Values returns the limits of the cgroup.
func (m *Manager) Values() ([]limits.Value, error) {
	pairs := append([]limits.Pair{
		{Controller: "cpu", Limit: "cpu.max"},
		{Controller: "cpu", Limit: "cpu.max.burst"},
		{Controller: "cpu", Limit: "cpu.weight"},
		{Controller: "cpu", Limit: "cpu.idle"},
		{Controller: "cpuset", Limit: "cpuset.cpus", Use: "cpuset.cpus.effective"},
		{Controller: "cpuset", Limit: "cpuset.mems", Use: "cpuset.mems.effective"},
		{Controller: "io", Limit: "io.max", Use: "io.stat"},
		{Controller: "io", Limit: "io.weight"},
		{Controller: "io", Limit: "io.bfq.weight"},
		{Controller: "memory", Limit: "memory.max", Use: "memory.current"},
		{Controller: "memory", Limit: "memory.high", Use: "memory.current"},
		{Controller: "memory", Limit: "memory.low"},
		{Controller: "memory", Limit: "memory.min"},
		{Controller: "memory", Limit: "memory.swap.max", Use: "memory.swap.current"},
		{Controller: "misc", Limit: "misc.max", Use: "misc.current"},
		{Controller: "pids", Limit: "pids.max", Use: "pids.current"},
		{Controller: "rdma", Limit: "rdma.max", Use: "rdma.current"},
	}, limits.HugetlbPairs("max", "current")...)
	return limits.ReadValues(pairs, m.at)
}

// DevicePrograms returns how many programs for devices are attached to the cgroup.
func (m *Manager) DevicePrograms() (int, error) {
	fd, err := m.dir.FD()
	if err != nil {
		return 0, err
	}
	return devices.Attached(fd)
}

// DeviceList returns nothing, since the rules of a program can't be read.
func (m *Manager) DeviceList() ([]string, error) { return nil, nil }

// Deviations returns the limits that r sets and that aren't in force.
func (m *Manager) Deviations(r *specs.LinuxResources) ([]cgroupfs.Change, error) {
	writes, err := m.compile(r)
	if err != nil {
		return nil, err
	}
	t, err := cgroupfs.Begin(writes, m.at)
	if err != nil {
		return nil, err
	}
	return limits.Deviations(t), nil
}

// HasDevices reports whether a program decides about devices. What it allows can't be read.
func (m *Manager) HasDevices([]specs.LinuxDeviceCgroup) (bool, error) {
	n, err := m.DevicePrograms()
	return n > 0, err
}
