package v2

import (
	"math"
	"strings"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/stats"
)

// number reads a control file that holds one number.
func (m *Manager) number(file string) (uint64, error) {
	text, err := m.dir.ReadFile(file)
	return stats.Number(text), err
}

// text reads a control file for statistics; "" if it can't be read.
func (m *Manager) text(file string) string {
	text, err := m.dir.ReadFile(file)
	if err != nil {
		return ""
	}
	return text
}

// value reads a number for statistics; 0 if it can't be read.
func (m *Manager) value(file string) uint64 { return stats.Number(m.text(file)) }

// Stats returns what the cgroup has used. The part of a controller that it doesn't
// have is empty. The error is that of a cgroup that doesn't exist.
func (m *Manager) Stats() (*stats.Stats, error) {
	controllers, err := m.dir.ReadFile("cgroup.controllers")
	if err != nil {
		return nil, err
	}
	has := func(name string) bool { return strings.Contains(" "+controllers+" ", " "+name+" ") }
	s := &stats.Stats{Hugetlb: map[string]stats.Hugetlb{}}
	m.cpuStats(&s.CPU)
	if has("cpuset") {
		s.CPUSet.CPUs = stats.Set(m.text("cpuset.cpus.effective"))
		s.CPUSet.Mems = stats.Set(m.text("cpuset.mems.effective"))
	}
	if has("memory") {
		m.memoryStats(&s.Memory)
	}
	s.Memory.PSI = stats.ParsePSI(m.text("memory.pressure"))
	if has("pids") {
		s.Pids.Current = m.value("pids.current")
		if limit := m.value("pids.max"); limit != math.MaxUint64 {
			s.Pids.Limit = limit
		}
	}
	if has("io") {
		s.BlockIO.ServiceBytes, s.BlockIO.Serviced = stats.IOStat(m.text("io.stat"))
	}
	s.BlockIO.PSI = stats.ParsePSI(m.text("io.pressure"))
	if has("hugetlb") {
		m.hugetlbStats(s.Hugetlb)
	}
	if has("rdma") {
		s.Rdma = &stats.Rdma{
			Limit:   stats.RdmaLines(m.text("rdma.max")),
			Current: stats.RdmaLines(m.text("rdma.current")),
		}
	}
	return s, nil
}

func (m *Manager) cpuStats(c *stats.CPU) {
	const microsecond = 1000
	stat := stats.Keyed(m.text("cpu.stat"))
	c.Usage = stats.CPUUsage{
		Total:  stat["usage_usec"] * microsecond,
		User:   stat["user_usec"] * microsecond,
		Kernel: stat["system_usec"] * microsecond,
	}
	c.Throttling = stats.Throttling{
		Periods:          stat["nr_periods"],
		ThrottledPeriods: stat["nr_throttled"],
		ThrottledTime:    stat["throttled_usec"] * microsecond,
	}
	c.PSI = stats.ParsePSI(m.text("cpu.pressure"))
}

func (m *Manager) memoryStats(s *stats.Memory) {
	s.Raw = stats.Keyed(m.text("memory.stat"))
	s.Cache = s.Raw["file"]
	s.Usage = stats.MemoryEntry{
		Limit:    m.value("memory.max"),
		Usage:    m.value("memory.current"),
		Max:      m.value("memory.peak"),
		Failures: stats.Keyed(m.text("memory.events"))["max"],
	}
	// Clients expect memory and swap together, as v1 counts them.
	swap := stats.MemoryEntry{
		Limit:    m.value("memory.swap.max"),
		Usage:    m.value("memory.swap.current"),
		Failures: stats.Keyed(m.text("memory.swap.events"))["max"],
	}
	swap.Usage += s.Usage.Usage
	if swap.Limit != math.MaxUint64 {
		if s.Usage.Limit == math.MaxUint64 {
			swap.Limit = math.MaxUint64
		} else {
			swap.Limit += s.Usage.Limit
		}
	}
	s.Swap = swap
}

func (m *Manager) hugetlbStats(all map[string]stats.Hugetlb) {
	for _, size := range limits.PageSizes() {
		prefix := "hugetlb." + size
		// If the kernel accounts for reservations, the limit applies to them.
		usage, err := m.number(prefix + ".rsvd.current")
		if cgroupfs.IsGone(err) {
			usage = m.value(prefix + ".current")
		}
		all[size] = stats.Hugetlb{
			Usage:    usage,
			Failures: stats.Keyed(m.text(prefix + ".events"))["max"],
		}
	}
}

// OOMKills returns how many processes of the cgroup and below the OOM killer has
// killed.
func (m *Manager) OOMKills() (uint64, error) {
	text, err := m.dir.ReadFile("memory.events")
	return stats.Keyed(text)["oom_kill"], err
}
