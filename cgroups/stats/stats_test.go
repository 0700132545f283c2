package stats

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestJSON checks the names that containerd's shim and go-runc decode.
func TestJSON(t *testing.T) {
	s := Stats{
		CPU:     CPU{Usage: CPUUsage{Total: 1, PerCPU: []uint64{2}}, PSI: &PSI{Some: Pressure{Avg10: 0.5}}},
		Memory:  Memory{Usage: MemoryEntry{Limit: 3, Usage: 4, Max: 5, Failures: 6}, Raw: map[string]uint64{"anon": 7}},
		Pids:    Pids{Current: 8, Limit: 9},
		BlockIO: BlockIO{ServiceBytes: []BlockIOEntry{{Major: 8, Op: "Read", Value: 10}}},
		Hugetlb: map[string]Hugetlb{"2MB": {Usage: 11}},
	}
	const none = `"avg10":0,"avg60":0,"avg300":0,"total":0}`
	want := `{"cpu":{"usage":{"total":1,"percpu":[2],"kernel":0,"user":0},"throttling":{},` +
		`"psi":{"some":{"avg10":0.5,"avg60":0,"avg300":0,"total":0},"full":{` + none + `}},` +
		`"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},` +
		`"memory":{"usage":{"limit":3,"usage":4,"max":5,"failcnt":6},"swap":{"limit":0,"failcnt":0},` +
		`"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"anon":7}},` +
		`"pids":{"current":8,"limit":9},"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":10}]},"hugetlb":{"2MB":{"usage":11,"failcnt":0}}}`
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	check := func(name string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	check("Number(max)", uint64(math.MaxUint64), Number("max\n"))
	check("Number(junk)", uint64(0), Number("-1x"))
	check("Keyed", map[string]uint64{"a": 1, "b": 2}, Keyed("a 1\nb 2\njunk\n"))
	check("Numbers", []uint64{1, 2}, Numbers("1 2 \n"))
	check("Set", []uint16{0, 1, 2, 7}, Set("0-2,7\n"))
	check("Set of nothing", []uint16(nil), Set("\n"))
	check("Set up to the last number", []uint16{65535}, Set("65535-65535"))
	check("ParsePSI of nothing", (*PSI)(nil), ParsePSI(""))
	check("ParsePSI", &PSI{Some: Pressure{1.5, 2, 3, 4}, Full: Pressure{Total: 5}},
		ParsePSI("some avg10=1.50 avg60=2.00 avg300=3.00 total=4\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"))
	check("BlockIOLines", []BlockIOEntry{{8, 0, "Read", 5}, {8, 16, "", 6}},
		BlockIOLines("8:0 Read 5\n8:16 6\nTotal 11\n"))
	bytes, operations := IOStat("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n254:0 \n")
	check("IOStat bytes", []BlockIOEntry{{8, 0, "Read", 1}, {8, 0, "Write", 2}, {8, 0, "Discard", 5}}, bytes)
	check("IOStat operations", []BlockIOEntry{{8, 0, "Read", 3}, {8, 0, "Write", 4}, {8, 0, "Discard", 6}}, operations)
	check("RdmaLines", []RdmaEntry{{"a", 1, math.MaxUint32}, {"b", 0, 2}},
		RdmaLines("b hca_handle=0 hca_object=2\na hca_handle=1 hca_object=max\n"))
}
