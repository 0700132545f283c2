package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func TestTopRows(t *testing.T) {
	cpu := 12.34
	busy := libcontainer.ProcessLoad{CPU: &cpu, CPUTime: 3723.456, RSS: 3 << 20, Threads: 2}
	busy.Pid, busy.HostPid, busy.UID, busy.State, busy.Command = 1, 4711, 1000, "R", []string{"sh", "-c", "x"}
	kernel := libcontainer.ProcessLoad{Threads: 1}
	kernel.State, kernel.Name = "Z", "gone"
	want := [][]string{
		{"PID", "HOST PID", "UID", "STATE", "CPU %", "RSS", "THREADS", "TIME", "COMMAND"},
		{"1", "4711", "1000", "R", "12.3", "3.0MiB", "2", "62:03.46", "sh -c x"},
		{"0", "0", "0", "Z", "-", "0B", "1", "0:00.00", "[gone]"},
	}
	if diff := cmp.Diff(want, topRows([]libcontainer.ProcessLoad{busy, kernel})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
