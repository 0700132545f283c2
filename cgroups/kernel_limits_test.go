package cgroups

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// controlFile is a control file with its contents.
type controlFile struct{ controller, name, want string }

func pointer[T any](v T) *T { return &v }

func memory(limit, swap int64) *specs.LinuxResources {
	return &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap}}
}

func cpu(period, quota, burst int64) *specs.LinuxResources {
	return &specs.LinuxResources{CPU: &specs.LinuxCPU{
		Period: pointer(uint64(period)), Quota: &quota, Burst: pointer(uint64(burst)),
	}}
}

// TestLimits sets limits one after another in one cgroup, and reads the kernel's files
// after each.
func TestLimits(t *testing.T) {
	const mega = 1 << 20
	steps := []struct {
		name   string
		r      *specs.LinuxResources
		v1, v2 []controlFile
	}{
		{
			"memory", memory(64*mega, 96*mega),
			[]controlFile{{"memory", "memory.limit_in_bytes", "67108864"}, {"memory", "memory.memsw.limit_in_bytes", "100663296"}},
			[]controlFile{{"memory", "memory.max", "67108864"}, {"memory", "memory.swap.max", "33554432"}},
		},
		{
			"memory raised above memory and swap", memory(128*mega, 128*mega),
			[]controlFile{{"memory", "memory.limit_in_bytes", "134217728"}, {"memory", "memory.memsw.limit_in_bytes", "134217728"}},
			[]controlFile{{"memory", "memory.max", "134217728"}, {"memory", "memory.swap.max", "0"}},
		},
		{
			"memory lowered", memory(16*mega, 32*mega),
			[]controlFile{{"memory", "memory.limit_in_bytes", "16777216"}, {"memory", "memory.memsw.limit_in_bytes", "33554432"}},
			[]controlFile{{"memory", "memory.max", "16777216"}, {"memory", "memory.swap.max", "16777216"}},
		},
		{
			"swap alone", &specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: pointer(int64(48 * mega))}},
			[]controlFile{{"memory", "memory.limit_in_bytes", "16777216"}, {"memory", "memory.memsw.limit_in_bytes", "50331648"}},
			[]controlFile{{"memory", "memory.max", "16777216"}, {"memory", "memory.swap.max", "33554432"}},
		},
		{
			"memory unlimited, swap left open",
			&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(-1)), Reservation: pointer(int64(8 * mega))}},
			[]controlFile{{"memory", "memory.limit_in_bytes", "9223372036854771712"}, {"memory", "memory.memsw.limit_in_bytes", "9223372036854771712"}}, // newer kernels take a soft limit and forget it
			[]controlFile{{"memory", "memory.max", "max"}, {"memory", "memory.swap.max", "max"}, {"memory", "memory.low", "8388608"}},
		},
		{
			"OOM killer and swappiness",
			&specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: pointer(true), Swappiness: pointer(uint64(7))}},
			[]controlFile{{"memory", "memory.swappiness", "7"}},
			[]controlFile{},
		},
		{
			"bandwidth", cpu(100000, 50000, 20000),
			[]controlFile{{"cpu", "cpu.cfs_period_us", "100000"}, {"cpu", "cpu.cfs_quota_us", "50000"}, {"cpu", "cpu.cfs_burst_us", "20000"}},
			[]controlFile{{"cpu", "cpu.max", "50000 100000"}, {"cpu", "cpu.max.burst", "20000"}},
		},
		{
			"quota and burst lowered: burst must go first", cpu(50000, 10000, 5000),
			[]controlFile{{"cpu", "cpu.cfs_period_us", "50000"}, {"cpu", "cpu.cfs_quota_us", "10000"}, {"cpu", "cpu.cfs_burst_us", "5000"}},
			[]controlFile{{"cpu", "cpu.max", "10000 50000"}, {"cpu", "cpu.max.burst", "5000"}},
		},
		{
			"quota and burst raised: quota must go first", cpu(100000, 90000, 80000),
			[]controlFile{{"cpu", "cpu.cfs_quota_us", "90000"}, {"cpu", "cpu.cfs_burst_us", "80000"}},
			[]controlFile{{"cpu", "cpu.max", "90000 100000"}, {"cpu", "cpu.max.burst", "80000"}},
		},
		{
			"the period alone", &specs.LinuxResources{CPU: &specs.LinuxCPU{Period: pointer(uint64(200000))}},
			[]controlFile{{"cpu", "cpu.cfs_quota_us", "90000"}, {"cpu", "cpu.cfs_period_us", "200000"}},
			[]controlFile{{"cpu", "cpu.max", "90000 200000"}},
		},
		{
			"the quota alone", &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: pointer(int64(95000))}},
			[]controlFile{{"cpu", "cpu.cfs_quota_us", "95000"}, {"cpu", "cpu.cfs_period_us", "200000"}},
			[]controlFile{{"cpu", "cpu.max", "95000 200000"}},
		},
		{
			"no quota", &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: pointer(int64(-1))}},
			[]controlFile{{"cpu", "cpu.cfs_quota_us", "-1"}},
			[]controlFile{{"cpu", "cpu.max", "max 200000"}},
		},
		{
			"shares", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: pointer(uint64(512))}},
			[]controlFile{{"cpu", "cpu.shares", "512"}},
			[]controlFile{{"cpu", "cpu.weight", "59"}},
		},
		{
			"idle", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: pointer(uint64(512)), Idle: pointer(int64(1))}},
			[]controlFile{{"cpu", "cpu.idle", "1"}},
			[]controlFile{{"cpu", "cpu.idle", "1"}},
		},
		{
			"not idle, with shares", &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: pointer(uint64(1024)), Idle: pointer(int64(0))}},
			[]controlFile{{"cpu", "cpu.idle", "0"}, {"cpu", "cpu.shares", "1024"}},
			[]controlFile{{"cpu", "cpu.idle", "0"}, {"cpu", "cpu.weight", "100"}},
		},
		{
			"placement", &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0", Mems: "0"}},
			[]controlFile{{"cpuset", "cpuset.cpus", "0"}, {"cpuset", "cpuset.mems", "0"}},
			[]controlFile{{"cpuset", "cpuset.cpus", "0"}, {"cpuset", "cpuset.mems", "0"}},
		},
		{
			"pids", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: pointer(int64(20))}},
			[]controlFile{{"pids", "pids.max", "20"}},
			[]controlFile{{"pids", "pids.max", "20"}},
		},
		{
			"no pids", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: pointer(int64(0))}},
			[]controlFile{{"pids", "pids.max", "1"}},
			[]controlFile{{"pids", "pids.max", "1"}},
		},
		{
			"any number of pids", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: pointer(int64(-1))}},
			[]controlFile{{"pids", "pids.max", "max"}},
			[]controlFile{{"pids", "pids.max", "max"}},
		},
	}
	m := createTest(t, nil)
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			files := step.v1
			if m.Location().Mode == V2 {
				files = step.v2
			}
			if err := m.Set(step.r); err != nil {
				t.Fatalf("Set() = %v", err)
			}
			got := make([]controlFile, len(files))
			for i, f := range files {
				got[i] = controlFile{f.controller, f.name, file(t, m, f.controller, f.name)}
			}
			if diff := cmp.Diff(files, got, cmp.AllowUnexported(controlFile{})); diff != "" {
				t.Errorf("control files (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLimitsOfAnotherProcess sets limits as update does, with a Manager that hasn't
// created the cgroup.
func TestLimitsOfAnotherProcess(t *testing.T) {
	m := createTest(t, nil)
	again := Open(m.Location())
	defer again.Close()
	for _, r := range []*specs.LinuxResources{memory(1<<26, 1<<27), cpu(100000, 20000, 0), {CPU: &specs.LinuxCPU{Cpus: "0", Mems: "0"}}} {
		if err := again.Set(r); err != nil {
			t.Errorf("Set() = %v", err)
		}
	}
	check := true
	r := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(4096)), CheckBeforeUpdate: &check}}
	startTest(t, m, "exec sleep 1000")
	eventually(t, "memory in use", func() bool {
		s, err := m.Stats()
		return err == nil && s.Memory.Usage.Usage > 100000
	})
	err := again.Set(r)
	if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.memory.limit: ") {
		t.Errorf("Set() of a limit below the usage = %v", err)
	}
}

func TestLimitErrors(t *testing.T) {
	m := createTest(t, nil)
	tests := []struct {
		name, want string
		errno      error
		r          *specs.LinuxResources
	}{
		{"cpus that don't exist", `linux.resources.cpu.cpus: write "4000" to /`, nil, &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4000"}}},
		{"cpus that are no list", `linux.resources.cpu.cpus: invalid list "x"`, nil, &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "x"}}},
		{"a quota that is too small", `linux.resources.cpu.quota: invalid value 5`, nil, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: pointer(int64(5))}}},
		{"a quota that is too great", `linux.resources.cpu.quota: write "`, unix.EINVAL, &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: pointer(int64(1 << 62))}}},
		{"a device without a scheduler", `linux.resources.blockIO.throttleReadBpsDevice[0]: write "4000:0 `, nil, &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
			ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: specs.LinuxBlockIODevice{Major: 4000}, Rate: 1}},
		}}},
		{"RDMA", "linux.resources.rdma.none0", nil, &specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"none0": {HcaObjects: pointer(uint32(1))}}}},
		{"pages of a strange size", "linux.resources.hugepageLimits[0]: ", unix.ENOENT, &specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "3MB", Limit: 1}}}},
		{"an unknown file", "linux.resources.unified", nil, &specs.LinuxResources{Unified: map[string]string{"memory.nonsense": "1"}}},
		{"an unknown core file", "linux.resources.unified", nil, &specs.LinuxResources{Unified: map[string]string{"cgroup.nonsense": "1"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := m.Set(test.r)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Set() = %v, want an error that begins with %q", err, test.want)
			}
			if test.errno != nil && !errors.Is(err, test.errno) {
				t.Errorf("Set() = %v, want %v", err, test.errno)
			}
			t.Log(err)
		})
	}
}

// TestEnforced starts processes that exceed their limits.
func TestEnforced(t *testing.T) {
	m := createTest(t, nil)
	if err := m.Set(&specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: pointer(int64(8 << 20)), Swap: pointer(int64(8 << 20)), DisableOOMKiller: pointer(false)},
		Pids:   &specs.LinuxPids{Limit: pointer(int64(3))},
	}); err != nil {
		t.Fatal(err)
	}
	c := startTest(t, m, "exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>&-")
	_ = c.Wait()
	if n, err := m.OOMKills(); err != nil || n == 0 {
		t.Errorf("OOMKills() = %d, %v, after a process that was too large (%v)", n, err, c.ProcessState)
	}
	c = startTest(t, m, "sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000")
	if err := c.Wait(); err == nil {
		t.Error("more processes than the limit could be started")
	}
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.Memory.Usage.Limit != 8<<20 || s.Memory.Swap.Limit != 8<<20 || s.Pids.Limit != 3 {
		t.Errorf("Stats() = memory %+v, pids %+v", s.Memory, s.Pids)
	}
}
