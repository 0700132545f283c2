package v2

import (
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
	return limits.ReadValues(pairs, func(string) *cgroupfs.Dir { return m.dir })
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
