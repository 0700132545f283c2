package v1

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/stats"
)

// files reads the control files of one cgroup for statistics.
type files struct{ dir *cgroupfs.Dir }

// text returns a file's contents, "" if it can't be read.
func (f files) text(name string) string {
	text, err := f.dir.ReadFile(name)
	if err != nil {
		return ""
	}
	return text
}

func (f files) number(name string) uint64 { return stats.Number(f.text(name)) }

// Stats returns what the cgroups have used. The part of a controller that isn't
// mounted is empty. The error is that of a container without any cgroup.
func (m *Manager) Stats() (*stats.Stats, error) {
	d, err := m.members()
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadFile("cgroup.procs"); err != nil {
		return nil, err
	}
	s := &stats.Stats{Hugetlb: map[string]stats.Hugetlb{}}
	parts := []struct {
		controller string
		read       func(files, *stats.Stats)
	}{
		{"cpu", cpuStats},
		{"cpuacct", cpuacctStats},
		{"cpuset", cpusetStats},
		{"memory", memoryStats},
		{"pids", pidsStats},
		{"blkio", blkioStats},
		{"hugetlb", hugetlbStats},
		{"rdma", rdmaStats},
	}
	for _, p := range parts {
		if d := m.dir(p.controller); d != nil {
			p.read(files{d}, s)
		}
	}
	return s, nil
}

func cpuStats(f files, s *stats.Stats) {
	stat := stats.Keyed(f.text("cpu.stat"))
	s.CPU.Throttling = stats.Throttling{
		Periods:          stat["nr_periods"],
		ThrottledPeriods: stat["nr_throttled"],
		ThrottledTime:    stat["throttled_time"],
	}
}

func cpuacctStats(f files, s *stats.Stats) {
	// USER_HZ is 100 on every architecture that Go supports.
	const tick = 1e9 / 100
	stat := stats.Keyed(f.text("cpuacct.stat"))
	s.CPU.Usage = stats.CPUUsage{
		Total:        f.number("cpuacct.usage"),
		User:         stat["user"] * tick,
		Kernel:       stat["system"] * tick,
		PerCPU:       stats.Numbers(f.text("cpuacct.usage_percpu")),
		PerCPUKernel: stats.Numbers(f.text("cpuacct.usage_percpu_sys")),
		PerCPUUser:   stats.Numbers(f.text("cpuacct.usage_percpu_user")),
	}
}

func cpusetStats(f files, s *stats.Stats) {
	relax := f.text("cpuset.sched_relax_domain_level")
	level := int64(stats.Number(strings.TrimPrefix(relax, "-")))
	if strings.HasPrefix(relax, "-") {
		level = -level
	}
	s.CPUSet = stats.CPUSet{
		CPUs:             stats.Set(f.text("cpuset.cpus")),
		CPUExclusive:     f.number("cpuset.cpu_exclusive"),
		Mems:             stats.Set(f.text("cpuset.mems")),
		MemHardwall:      f.number("cpuset.mem_hardwall"),
		MemExclusive:     f.number("cpuset.mem_exclusive"),
		MemoryMigrate:    f.number("cpuset.memory_migrate"),
		MemorySpreadPage: f.number("cpuset.memory_spread_page"),
		MemorySpreadSlab: f.number("cpuset.memory_spread_slab"),
		MemoryPressure:   f.number("cpuset.memory_pressure"),
		SchedLoadBalance: f.number("cpuset.sched_load_balance"),
		SchedRelaxDomain: level,
	}
}

func memoryStats(f files, s *stats.Stats) {
	entry := func(kind string) stats.MemoryEntry {
		return stats.MemoryEntry{
			Limit:    f.number("memory." + kind + "limit_in_bytes"),
			Usage:    f.number("memory." + kind + "usage_in_bytes"),
			Max:      f.number("memory." + kind + "max_usage_in_bytes"),
			Failures: f.number("memory." + kind + "failcnt"),
		}
	}
	raw := stats.Keyed(f.text("memory.stat"))
	s.Memory = stats.Memory{
		Cache:     raw["cache"],
		Usage:     entry(""),
		Swap:      entry("memsw."),
		Kernel:    entry("kmem."),
		KernelTCP: entry("kmem.tcp."),
		Raw:       raw,
	}
}

func pidsStats(f files, s *stats.Stats) {
	s.Pids.Current = f.number("pids.current")
	if limit := f.text("pids.max"); limit != "max" {
		s.Pids.Limit = stats.Number(limit)
	}
}

// blkioStats reads the counters of the BFQ scheduler if it is in use, and otherwise
// those of throttling, which count all operations.
func blkioStats(f files, s *stats.Stats) {
	lines := func(kind string) []stats.BlockIOEntry {
		return stats.BlockIOLines(f.text("blkio.bfq." + kind + "_recursive"))
	}
	s.BlockIO = stats.BlockIO{
		ServiceBytes: lines("io_service_bytes"),
		Serviced:     lines("io_serviced"),
		Queued:       lines("io_queued"),
		ServiceTime:  lines("io_service_time"),
		WaitTime:     lines("io_wait_time"),
		Merged:       lines("io_merged"),
		Time:         lines("time"),
		Sectors:      lines("sectors"),
	}
	if len(s.BlockIO.Serviced) == 0 {
		s.BlockIO.ServiceBytes = stats.BlockIOLines(f.text("blkio.throttle.io_service_bytes_recursive"))
		s.BlockIO.Serviced = stats.BlockIOLines(f.text("blkio.throttle.io_serviced_recursive"))
	}
}

func hugetlbStats(f files, s *stats.Stats) {
	for _, size := range limits.PageSizes() {
		prefix := "hugetlb." + size
		// If the kernel accounts for reservations, the limit applies to them.
		if _, err := f.dir.ReadFile(prefix + ".rsvd.usage_in_bytes"); err == nil {
			prefix += ".rsvd"
		}
		s.Hugetlb[size] = stats.Hugetlb{
			Usage:    f.number(prefix + ".usage_in_bytes"),
			Max:      f.number(prefix + ".max_usage_in_bytes"),
			Failures: f.number(prefix + ".failcnt"),
		}
	}
}

func rdmaStats(f files, s *stats.Stats) {
	s.Rdma = &stats.Rdma{
		Limit:   stats.RdmaLines(f.text("rdma.max")),
		Current: stats.RdmaLines(f.text("rdma.current")),
	}
}

// OOMKills returns how many processes of the cgroup the OOM killer has killed.
func (m *Manager) OOMKills() (uint64, error) {
	d := m.dir("memory")
	if d == nil {
		return 0, errors.Join(errors.New("cgroup controller memory is not available"), unix.ENOENT)
	}
	text, err := d.ReadFile("memory.oom_control")
	return stats.Keyed(text)["oom_kill"], err
}
