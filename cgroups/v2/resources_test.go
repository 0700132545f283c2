package v2

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/golden"
	"github.com/runnel/runnel/internal/place"
)

// TestCompile compiles testdata/*.json, each linux.resources of a new
// cgroup, and compares with the .txt beside it.
func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r specs.LinuxResources
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			got := render(compile(&r, current{}))
			for _, field := range Ignored(&r) {
				got += fmt.Sprintf("ignored: %v\n", field)
			}
			golden.Check(t, strings.TrimSuffix(filepath.Base(file), ".json")+".txt", got)
		})
	}
}

// render prints all problems, or else the writes, one on each line.
func render(writes []cgroupfs.Write, problems place.Errors) string {
	var b strings.Builder
	for _, e := range problems {
		fmt.Fprintf(&b, "error: %v\n", e)
	}
	if len(problems) > 0 {
		return b.String()
	}
	for _, w := range writes {
		fmt.Fprintf(&b, "%s %s = %q", w.Controller, w.File, w.Value)
		for e := w.Else; e != nil; e = e.Else {
			fmt.Fprintf(&b, " else %s = %q", e.File, e.Value)
		}
		if w.Tolerate == cgroupfs.Missing {
			b.WriteString(" (if there)")
		}
		if w.Group != "" {
			fmt.Fprintf(&b, " (with %s)", w.Group)
		}
		fmt.Fprintf(&b, " # %s\n", w.Place)
	}
	return b.String()
}

func TestCompileCurrent(t *testing.T) {
	pointer := func(n int64) *int64 { return &n }
	yes, period := true, uint64(50000)
	tests := []struct {
		name string
		r    specs.LinuxResources
		now  current
		want string
	}{
		{
			"a period alone keeps the quota",
			specs.LinuxResources{CPU: &specs.LinuxCPU{Period: &period}},
			current{cpuMax: "20000 100000"},
			"cpu cpu.max = \"20000 50000\" (with cpu.max) # linux.resources.cpu.period\n",
		},
		{
			"swap alone counts from the limit in force",
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: pointer(300)}},
			current{memoryMax: "100"},
			"memory memory.swap.max = \"200\" # linux.resources.memory.swap\n",
		},
		{
			"swap alone within unlimited memory",
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: pointer(300)}},
			current{memoryMax: "max"},
			"error: linux.resources.memory.swap: unable to set swap limit without memory limit\n",
		},
		{
			"swap alone below the limit in force",
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: pointer(300)}},
			current{memoryMax: "400"},
			"error: linux.resources.memory.swap: memory+swap limit 300 should be >= memory limit 400\n",
		},
		{
			"a limit below the usage",
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(300), CheckBeforeUpdate: &yes}},
			current{memoryUsage: 301},
			"error: linux.resources.memory.limit: rejecting memory limit 300 <= usage 301\n",
		},
		{
			"a limit above the usage",
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(300), CheckBeforeUpdate: &yes}},
			current{memoryUsage: 299},
			"memory memory.max = \"300\" # linux.resources.memory.limit\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := render(compile(&test.r, test.now))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("compile() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWeight(t *testing.T) {
	for shares, want := range map[uint64]uint64{
		0: 0, 1: 1, 2: 1, 3: 2, 10: 4, 100: 17, 512: 59, 1024: 100, 2048: 174, 10240: 639, 262143: 10000, 262144: 10000, 1 << 40: 10000,
	} {
		if got := Weight(shares); got != want {
			t.Errorf("Weight(%d) = %d, want %d", shares, got, want)
		}
	}
}

func TestEnableHelpers(t *testing.T) {
	got := without([]string{"a", "b", "c"}, []string{"b"})
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Errorf("without() (-want +got):\n%s", diff)
	}
	m := New("/sys/fs/cgroup", "/sys/fs/cgroup/a/b/c", false, nil)
	var levels []string
	for _, d := range m.levels() {
		levels = append(levels, d.Path())
	}
	if diff := cmp.Diff([]string{"/sys/fs/cgroup", "/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"}, levels); diff != "" {
		t.Errorf("levels() (-want +got):\n%s", diff)
	}
}
