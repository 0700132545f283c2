package cgroups

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
)

func texts(problems place.Errors) []string {
	var list []string
	for _, e := range problems {
		list = append(list, e.Error())
	}
	return list
}

func TestCheckAny(t *testing.T) {
	few, weight, limit, swap := uint64(1), uint16(5), int64(2000), int64(1000)
	r := &specs.LinuxResources{
		CPU:     &specs.LinuxCPU{Shares: &few},
		Memory:  &specs.LinuxMemory{Limit: &limit, Swap: &swap},
		BlockIO: &specs.LinuxBlockIO{Weight: &weight},
		Devices: []specs.LinuxDeviceCgroup{{Access: "rw"}, {Access: "x"}, {Type: "q"}},
	}
	refused, doubtful := CheckAny(r)
	wantRefused := []string{
		"linux.resources.memory.swap: memory+swap limit 1000 should be >= memory limit 2000",
		"linux.resources.blockIO.weight: invalid weight 5, must be between 10 and 1000",
		`linux.resources.devices[1]: invalid access "x", must be made of r, w and m`,
		`linux.resources.devices[2]: invalid device type "q", must be a, b or c`,
	}
	if diff := cmp.Diff(wantRefused, texts(refused)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	wantDoubtful := []string{"linux.resources.cpu.shares: the minimum allowed cpu-shares is 2 (on hosts with cgroup v1)"}
	if diff := cmp.Diff(wantDoubtful, texts(doubtful)); diff != "" {
		t.Errorf("doubtful (-want +got):\n%s", diff)
	}
}

// TestCheckAnyUnified: v1 refuses unified as a whole, v2 a name that is no file.
func TestCheckAnyUnified(t *testing.T) {
	const onV1 = "linux.resources.unified: the host has cgroup v1, which has no unified hierarchy to write this to (on hosts with cgroup v1)"
	for _, c := range []struct {
		file              string
		refused, doubtful []string
	}{
		{"pids.max", nil, []string{onV1}},
		{"../pids.max", []string{`linux.resources.unified["../pids.max"]: must be the name of a file of the cgroup, without any slash`}, []string{onV1}},
	} {
		refused, doubtful := CheckAny(&specs.LinuxResources{Unified: map[string]string{c.file: "1"}})
		if diff := cmp.Diff(c.refused, texts(refused)); diff != "" {
			t.Errorf("%s: refused (-want +got):\n%s", c.file, diff)
		}
		if diff := cmp.Diff(c.doubtful, texts(doubtful)); diff != "" {
			t.Errorf("%s: doubtful (-want +got):\n%s", c.file, diff)
		}
	}
}
