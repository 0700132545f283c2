package libcontainer

import (
	"math"
	"testing"
	"time"

	"github.com/runnel/runnel/cgroups"
)

func TestLoadOf(t *testing.T) {
	used := &cgroups.Stats{}
	used.Memory.Usage.Usage, used.Memory.Usage.Limit = 100, 400
	used.Memory.Raw = map[string]uint64{"inactive_file": 30}
	used.Pids.Current, used.Pids.Limit = 5, 10
	used.BlockIO.ServiceBytes = []cgroups.BlockIOEntry{{Op: "Read", Value: 1}, {Op: "Write", Value: 2}, {Op: "Read", Value: 4}, {Op: "Sync", Value: 8}}
	l := loadOf(used)
	if l.Memory.WorkingSet != 70 || *l.Memory.Percent != 25 || *l.Pids.Limit != 10 || l.IO.ReadBytes != 5 || l.IO.WriteBytes != 2 || l.Pressure.CPU != nil {
		t.Errorf("loadOf = %+v", l)
	}
	for _, limit := range []uint64{0, math.MaxUint64, 9223372036854771712} {
		used.Memory.Usage.Limit = limit
		if l := loadOf(used); l.Memory.Limit != nil || l.Memory.Percent != nil {
			t.Errorf("loadOf with a limit of %d has %v", limit, *l.Memory.Limit)
		}
	}
	used.Memory.Raw["inactive_file"] = 1000 // read a moment later
	if l := loadOf(used); l.Memory.WorkingSet != 0 {
		t.Errorf("a working set of %d", l.Memory.WorkingSet)
	}
}

func TestAddRates(t *testing.T) {
	before := &Load{CPU: CPULoad{Usage: 1e9, Periods: 10, ThrottledPeriods: 2}, IO: IOLoad{ReadBytes: 100, WriteBytes: 100}}
	now := Load{CPU: CPULoad{Usage: 2e9, Periods: 30, ThrottledPeriods: 7}, IO: IOLoad{ReadBytes: 300, WriteBytes: 50}}
	now.addRates(before, 2*time.Second)
	if *now.CPU.Percent != 50 || *now.CPU.Throttled != 25 || *now.IO.ReadRate != 100 || now.IO.WriteRate != nil || now.Interval != 2 {
		t.Errorf("addRates: %+v", now)
	}
	idle := Load{CPU: CPULoad{Usage: 1e9, Periods: 10, ThrottledPeriods: 2}}
	idle.addRates(before, time.Second)
	if *idle.CPU.Percent != 0 || idle.CPU.Throttled != nil {
		t.Errorf("addRates of an idle container: %+v", idle)
	}
	none := Load{}
	none.addRates(before, 0)
	if none.CPU.Percent != nil || none.Interval != 0 {
		t.Errorf("addRates after no time: %+v", none)
	}
}

func TestQuotaPercent(t *testing.T) {
	for text, want := range map[string]float64{"50000 100000": 50, "200000 100000": 200} {
		if got := quotaPercent(text); got == nil || *got != want {
			t.Errorf("quotaPercent(%q) = %v", text, got)
		}
	}
	for _, text := range []string{"", "max 100000", "-1 100000", "1 0", "x y"} {
		if got := quotaPercent(text); got != nil {
			t.Errorf("quotaPercent(%q) = %v", text, *got)
		}
	}
}
