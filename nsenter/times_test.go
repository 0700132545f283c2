package nsenter

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

func TestTimesOfSteps(t *testing.T) {
	ops := []plan.Op{plan.SetUndumpable{}, plan.SetDumpable{}, plan.Keyring{}, plan.Session{}, plan.Session{Terminal: true}, plan.Session{}}
	p := &plan.Plan{Trace: "times"}
	for _, op := range ops {
		p.Steps = append(p.Steps, plan.Step{Op: op})
	}
	times, err := NewTimes(len(p.Steps))
	if err != nil {
		t.Fatal(err)
	}
	defer times.Close()
	p.Files = []plan.File{{Name: "times"}}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	before := time.Now().UnixNano()
	c, err := Start(p, Options{Stdio: [3]int{null, null, null}, Cgroup: -1, Provided: map[string]int{"times": times.FD()}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next()
	if err != nil || m.Kind != Failed || m.Failure.Step.Index != 4 {
		t.Errorf("Next() = %+v, %v, want that step 4 has failed: the standard input is no terminal", m, err)
	}
	c.Reap()
	got := times.Read()
	if len(got) != 6 { // the beginning, four steps, and the one that fails
		t.Fatalf("Read() = %v", got)
	}
	if got[0] < before || got[5] > time.Now().UnixNano() {
		t.Errorf("the times %v aren't between %d and now", got, before)
	}
}
