package resctrl

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/state"
)

// fixtureResctrl creates a directory that looks like a resctrl file system with one
// group besides the default one. In a real one the kernel creates the files of a new
// group.
func fixtureResctrl(t *testing.T) FS {
	t.Helper()
	root := t.TempDir()
	for path, content := range map[string]string{
		"info/last_cmd_status":   "ok\n",
		"schemata":               "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n",
		"mon_groups/x/tasks":     "",
		"gold/schemata":          "    MB:0= 90;1= 40\n    L3:0=007f0;1=0001f\n",
		"gold/mon_groups/x/task": "",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return FS(root)
}

// files returns the files below root whose contents differ from those of a new fixture.
func (root FS) files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(string(root), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(string(root), path)
		if entry.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestIntelRdt(t *testing.T) {
	for _, c := range []struct {
		name   string
		config specs.LinuxIntelRdt
		want   map[string]string // files that are created or changed
		stays  []string          // those that remain after the container is deleted
		fails  string
	}{
		{name: "a group of the container's own, without schemata", config: specs.LinuxIntelRdt{},
			want: map[string]string{"c1/": "", "c1/tasks": "42\n"}},
		{name: "the cache first, the bandwidth then, schemata last", config: specs.LinuxIntelRdt{
			MemBwSchema: "MB:0=20", L3CacheSchema: "L3:0=f\nMB:0=1", Schemata: []string{"L2:0=3", "L3:0=ff"},
		}, want: map[string]string{"c1/": "", "c1/tasks": "42\n", "c1/schemata": "L3:0=f\nMB:0=20\nL2:0=3\nL3:0=ff\n"}},
		{name: "monitoring in the group of its own", config: specs.LinuxIntelRdt{EnableMonitoring: true},
			want: map[string]string{"c1/": "", "c1/tasks": "42\n", "c1/mon_groups/": "", "c1/mon_groups/c1/": "", "c1/mon_groups/c1/tasks": "42\n"}},
		{name: "the default group", config: specs.LinuxIntelRdt{ClosID: "/"}, stays: []string{"tasks"},
			want: map[string]string{"tasks": "42\n"}},
		{name: "monitoring in the default group", config: specs.LinuxIntelRdt{ClosID: "/", EnableMonitoring: true}, stays: []string{"tasks"},
			want: map[string]string{"tasks": "42\n", "mon_groups/c1/": "", "mon_groups/c1/tasks": "42\n"}},
		{name: "a group that is there", config: specs.LinuxIntelRdt{ClosID: "gold"}, stays: []string{"gold/tasks"},
			want: map[string]string{"gold/tasks": "42\n"}},
		{name: "a group that is there and matches", config: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7F0;1=1f", MemBwSchema: "MB:1=40"},
			stays: []string{"gold/tasks", "gold/schemata"},
			want:  map[string]string{"gold/tasks": "42\n", "gold/schemata": "    MB:0= 90;1= 40\n    L3:0=007f0;1=0001f\nL3:0=7F0;1=1f\nMB:1=40\n"}},
		{name: "schemata are written, not compared", config: specs.LinuxIntelRdt{ClosID: "gold", Schemata: []string{"MB:0=10"}},
			stays: []string{"gold/tasks", "gold/schemata"},
			want:  map[string]string{"gold/tasks": "42\n", "gold/schemata": "    MB:0= 90;1= 40\n    L3:0=007f0;1=0001f\nMB:0=10\n"}},
		{name: "a shared group that isn't there yet", config: specs.LinuxIntelRdt{ClosID: "new", Schemata: []string{"L3:0=1"}},
			stays: []string{"new/", "new/tasks", "new/schemata"},
			want:  map[string]string{"new/": "", "new/tasks": "42\n", "new/schemata": "L3:0=1\n"}},
		{name: "a shared group that isn't there, and no schemata", config: specs.LinuxIntelRdt{ClosID: "new", EnableMonitoring: true},
			fails: "linux.intelRdt.closID: there is no group "},
		{name: "another mask", config: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7f1"},
			fails: `linux.intelRdt.closID: "L3:0=7f1" doesn't match the schemata of the existing group `},
		{name: "another bandwidth", config: specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=80"}, fails: "linux.intelRdt.closID: "},
		{name: "a resource that it lacks", config: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L2:0=1"}, fails: "linux.intelRdt.closID: "},
		{name: "a domain that it lacks", config: specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:7=90"}, fails: "linux.intelRdt.closID: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fixtureResctrl(t)
			before := root.files(t)
			// The directory mon_groups comes with a group.
			if c.config.EnableMonitoring && c.config.ClosID == "" {
				root.withMonitoring(t, &c.config, c.want)
				return
			}
			s, err := root.Reserve(&c.config, "c1")
			if err != nil {
				t.Fatalf("reserve: %v", err)
			}
			err = root.Prepare(s, &c.config)
			if c.fails != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
					t.Errorf("prepare: %v, want %s", err, c.fails)
				}
				if at := place.Of(err); !strings.HasPrefix(c.fails, at.String()+": ") || at.IsZero() {
					t.Errorf("prepare: the place of %v is %q", err, at)
				}
				if diff := cmp.Diff(before, root.files(t)); diff != "" {
					t.Errorf("after the error (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatalf("prepare: %v", err)
			}
			if err := root.Join(s, 42); err != nil {
				t.Fatalf("join: %v", err)
			}
			if diff := cmp.Diff(c.want, root.changed(t, before)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			root.removeAndCheck(t, s, before, c.stays, c.want)
		})
	}
}

// withMonitoring does what the kernel does between the two mkdir calls of Prepare.
func (root FS) withMonitoring(t *testing.T, config *specs.LinuxIntelRdt, want map[string]string) {
	t.Helper()
	before := root.files(t)
	s, err := root.Reserve(config, "c1")
	if err != nil {
		t.Fatal(err)
	}
	err = root.Prepare(s, config)
	if !errors.Is(err, unix.ENOENT) || !strings.HasPrefix(err.Error(), "linux.intelRdt.enableMonitoring: ") {
		t.Fatalf("prepare without mon_groups: %v", err)
	}
	if err := os.MkdirAll(root.Path(s.Group, s.Monitor), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := root.Join(s, 42); err != nil {
		t.Fatalf("join: %v", err)
	}
	if diff := cmp.Diff(want, root.changed(t, before)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	root.removeAndCheck(t, s, before, []string{}, want)
}

func (root FS) changed(t *testing.T, before map[string]string) map[string]string {
	t.Helper()
	after := root.files(t)
	for name, content := range before {
		if after[name] == content {
			delete(after, name)
		}
	}
	return after
}

// removeAndCheck removes the groups twice, as after a delete that was killed.
func (root FS) removeAndCheck(t *testing.T, s *state.Rdt, before map[string]string, stays []string, want map[string]string) {
	t.Helper()
	// The kernel's files go with their directory; those of a fixture don't.
	if s.Monitor != "" {
		_ = os.Remove(root.Path(s.Group, s.Monitor, "tasks"))
	}
	if s.Own {
		for _, name := range []string{"tasks", "schemata"} {
			_ = os.Remove(root.Path(s.Group, name))
		}
		if s.Monitor != "" {
			if err := os.Remove(root.Path(s.Group, s.Monitor)); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(root.Path(s.Group, "mon_groups")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := root.Remove(s); err != nil {
			t.Fatalf("remove: %v", err)
		}
	}
	left := map[string]string{}
	for _, name := range stays {
		left[name] = want[name]
	}
	if diff := cmp.Diff(left, root.changed(t, before)); diff != "" {
		t.Errorf("after remove (-want +got):\n%s", diff)
	}
}

func TestIntelRdtRefusesExistingGroups(t *testing.T) {
	root := fixtureResctrl(t)
	for _, c := range []struct {
		id     string
		config specs.LinuxIntelRdt
	}{
		{"gold", specs.LinuxIntelRdt{}},
		{"x", specs.LinuxIntelRdt{ClosID: "gold", EnableMonitoring: true}},
		{"x", specs.LinuxIntelRdt{ClosID: "/", EnableMonitoring: true}},
	} {
		if s, err := root.Reserve(&c.config, c.id); !errors.Is(err, unix.EEXIST) || s != nil {
			t.Errorf("reserve(%+v, %s) = %v, %v; want EEXIST", c.config, c.id, s, err)
		}
	}
}

func TestIntelRdtWithoutConfig(t *testing.T) {
	root := fixtureResctrl(t)
	before := root.files(t)
	s, err := root.Reserve(nil, "c1")
	if s != nil || err != nil {
		t.Fatalf("reserve(nil) = %v, %v", s, err)
	}
	if err := errors.Join(root.Prepare(s, nil), root.Join(s, 42), root.Remove(s)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, root.files(t)); diff != "" {
		t.Error(diff)
	}
}

func TestIntelRdtErrorsHaveTheKernelsExplanation(t *testing.T) {
	root := fixtureResctrl(t)
	if err := os.WriteFile(root.Path("info", "last_cmd_status"), []byte("Mask is not contiguous\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := root.explain(place.At("/linux/intelRdt"), unix.EINVAL)
	if want := "linux.intelRdt: invalid argument (Mask is not contiguous)"; err.Error() != want {
		t.Errorf("explain: %q, want %q", err, want)
	}
}

func TestIntelRdtStats(t *testing.T) {
	root := fixtureResctrl(t)
	for path, content := range map[string]string{
		"info/L3/cbm_mask":                           "fffff\n",
		"info/L3/min_cbm_bits":                       "1\n",
		"info/L3/num_closids":                        "16\n",
		"info/MB/bandwidth_gran":                     "10\n",
		"info/MB/delay_linear":                       "1\n",
		"info/MB/min_bandwidth":                      "10\n",
		"info/MB/num_closids":                        "8\n",
		"gold/mon_data/mon_L3_00/llc_occupancy":      "4096\n",
		"gold/mon_data/mon_L3_00/mbm_total_bytes":    "100\n",
		"gold/mon_data/mon_L3_00/mbm_local_bytes":    "70\n",
		"gold/mon_data/mon_L3_01/llc_occupancy":      "Unavailable\n",
		"gold/mon_groups/x/mon_data/mon_L3_00/other": "1\n",
	} {
		file := filepath.Join(string(root), path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	const host = `{"l3_cache_info":{"cbm_mask":"fffff","min_cbm_bits":1,"num_closids":16},` +
		`"l3_cache_schema_root":"L3:0=fffff;1=fffff","l3_cache_schema":"L3:0=007f0;1=0001f",` +
		`"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":8},` +
		`"mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0= 90;1= 40"`
	for _, c := range []struct {
		name  string
		state *state.Rdt
		want  string
	}{
		{"none", nil, `{}`},
		{"of the class", &state.Rdt{Group: "gold"},
			host + `,"mbm_stats":[{"mbm_total_bytes":100,"mbm_local_bytes":70}],"cmt_stats":[{"llc_occupancy":4096},{"llc_occupancy":0}]}`},
		{"of a group that counts nothing", &state.Rdt{Group: "gold", Monitor: "mon_groups/x"}, host + `}`},
	} {
		got, err := json.Marshal(root.Stats(c.state))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
