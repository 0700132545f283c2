package idmap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/nsenter/plan"
)

const subuids = `root:1000000:65536
# comment
tester:100000:1000
54321:101000:1000
other:300000:65536
tester:nonsense:1
:5:5
`

func TestSubordinate(t *testing.T) {
	t.Setenv("USER", "tester") // the uid isn't in passwd
	table := filepath.Join(t.TempDir(), "subuid")
	if err := os.WriteFile(table, []byte(subuids), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []plan.IDRange{{Host: 100000, Size: 1000}, {Host: 101000, Size: 1000}}
	if diff := cmp.Diff(want, Subordinate(table, 54321)); diff != "" {
		t.Errorf("Subordinate: %s", diff)
	}
	if list := Subordinate(table, 0); len(list) != 1 || list[0].Host != 1000000 {
		t.Errorf("Subordinate of root, by its name in passwd: %v", list)
	}
	if list := Subordinate(table+".absent", 0); len(list) != 0 {
		t.Errorf("Subordinate without a table: %v", list)
	}
}

func TestFirstForeign(t *testing.T) {
	ranges := []plan.IDRange{{Host: 1000, Size: 1}, {Host: 100000, Size: 1000}, {Host: 101000, Size: 1000}}
	for _, c := range []struct {
		name       string
		host, size uint32
		id         uint64
		found      bool
	}{
		{"within one range", 100000, 1000, 0, false},
		{"over two ranges", 100500, 1500, 0, false},
		{"oneself", 1000, 1, 0, false},
		{"past oneself", 1000, 2, 1001, true},
		{"past the end", 100500, 1501, 102000, true},
		{"another's", 300000, 65536, 300000, true},
		{"before the first", 99999, 2, 99999, true},
		{"none", 0, 0, 0, false},
		{"the last ids", 4294967295, 4294967295, 4294967295, true},
	} {
		id, found := firstForeign(plan.IDRange{Host: c.host, Size: c.size}, ranges)
		if id != c.id || found != c.found {
			t.Errorf("%s: firstForeign = %d, %v, want %d, %v", c.name, id, found, c.id, c.found)
		}
		if got := IsWithin(specs.LinuxIDMapping{HostID: c.host, Size: c.size}, ranges); got == c.found {
			t.Errorf("%s: IsWithin = %v", c.name, got)
		}
	}
}

func TestInside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "uid_map")
	if err := os.WriteFile(file, []byte("         0       1000          1\n         1     100000      65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Inside(file)
	if err != nil || !IsWithin(specs.LinuxIDMapping{HostID: 1, Size: 65536}, list) || IsWithin(specs.LinuxIDMapping{HostID: 65537, Size: 1}, list) {
		t.Errorf("Inside = %v, %v", list, err)
	}
}
