package libcontainer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/nsenter/plan"
)

const subuids = `root:1000000:65536
# comment
tester:100000:1000
1000:101000:1000
other:300000:65536
tester:nonsense:1
tester:1:2:3
`

func TestSubordinateIDs(t *testing.T) {
	got := subordinateIDs(subuids, []string{"tester", "1000"})
	want := []idRange{{100000, 101000}, {101000, 102000}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(idRange{})); d != "" {
		t.Errorf("subordinateIDs: %s", d)
	}
}

func TestForeignID(t *testing.T) {
	own := []idRange{{100000, 101000}, {101000, 102000}}
	for _, c := range []struct {
		name  string
		maps  []plan.IDRange
		index int
		id    uint64
		found bool
	}{
		{"within one range", []plan.IDRange{{Container: 1, Host: 100000, Size: 1000}}, 0, 0, false},
		{"over two ranges", []plan.IDRange{{Container: 1, Host: 100500, Size: 1500}}, 0, 0, false},
		{"oneself", []plan.IDRange{{Host: 1000, Size: 1}}, 0, 0, false},
		{"past the end", []plan.IDRange{{Host: 1000, Size: 1}, {Container: 1, Host: 100000, Size: 2001}}, 1, 102000, true},
		{"another's", []plan.IDRange{{Host: 300000, Size: 65536}}, 0, 300000, true},
		{"before the first", []plan.IDRange{{Host: 99999, Size: 2}}, 0, 99999, true},
	} {
		index, id, found := foreignID(c.maps, own)
		if index != c.index || id != c.id || found != c.found {
			t.Errorf("%s: foreignID = %d, %d, %v, want %d, %d, %v", c.name, index, id, found, c.index, c.id, c.found)
		}
	}
}
