package cgroups

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestLocateUnit(t *testing.T) {
	top := []mount{{keys: []string{""}, point: root, root: "/"}}
	for _, c := range []struct {
		name   string
		mode   Mode
		mounts []mount
		want   map[string]string
	}{
		{"v2", V2, top, map[string]string{"": "/sys/fs/cgroup/a.slice/x.scope"}},
		{
			"v1 in a container", V1,
			[]mount{
				{keys: []string{"cpu", "cpuacct"}, point: "/sys/fs/cgroup/cpu,cpuacct", root: "/a.slice"},
				{keys: []string{"name=systemd"}, point: "/sys/fs/cgroup/systemd", root: "/"},
			},
			map[string]string{
				"cpu": "/sys/fs/cgroup/cpu,cpuacct/x.scope", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/x.scope",
				"name=systemd": "/sys/fs/cgroup/systemd/a.slice/x.scope",
			},
		},
	} {
		got := locateUnit(c.mode, c.mounts, "/a.slice/x.scope")
		if diff := cmp.Diff(c.want, got.Paths); diff != "" || got.Driver != Systemd {
			t.Errorf("%s: locateUnit() by %s (-want +got):\n%s", c.name, got.Driver, diff)
		}
	}
}

// TestScopeBeforeJoin: before there is a process there is no cgroup to clone into, and
// a limit that would keep the relay from forking isn't a property of the unit.
func TestScopeBeforeJoin(t *testing.T) {
	l := Location{
		Mode: V2, Driver: Systemd, Unit: &Unit{ID: "c", Slice: "a.slice", Name: "x.scope"},
		Paths: map[string]string{"": root + "/a.slice/x.scope"}, Mounts: map[string]string{"": root},
	}
	for text, sent := range map[string]int{
		`{"pids": {"limit": 1}, "memory": {"limit": 1000}}`:   1,
		`{"pids": {"limit": 100}, "memory": {"limit": 1000}}`: 2,
		`{}`: 0,
	} {
		var r specs.LinuxResources
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		s, ok := Open(l).(*scope)
		if !ok {
			t.Fatalf("Open() is a %T", Open(l))
		}
		if err := s.Create(&r); err != nil || len(s.sent) != sent {
			t.Errorf("Create(%s) = %v, sends %d properties, want %d", text, err, len(s.sent), sent)
		}
		fd, err := s.Dir()
		tasks, err2 := s.Tasks()
		if fd != -1 || len(tasks) != 0 || err != nil || err2 != nil {
			t.Errorf("before Join: Dir() = %d, %v, Tasks() = %v, %v, want none", fd, err, tasks, err2)
		}
	}
}

func TestUnitInState(t *testing.T) {
	l := Location{Mode: V2, Driver: Systemd, Unit: &Unit{ID: "c", Slice: "a.slice", Name: "x.scope", User: true, Properties: map[string]string{"A": "1"}}}
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var got Location
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, got); diff != "" {
		t.Errorf("Location after a round trip (-want +got):\n%s", diff)
	}
}
