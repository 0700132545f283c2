package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/internal/procfs"
)

func TestPidsJSON(t *testing.T) {
	for _, c := range []struct {
		pids []int
		want string
	}{{nil, "[]\n"}, {[]int{7}, "[7]\n"}, {[]int{12, 34}, "[12,34]\n"}} {
		if got := pidsJSON(c.pids); got != c.want {
			t.Errorf("pidsJSON(%v) = %q, want %q", c.pids, got, c.want)
		}
	}
}

func TestLinesOf(t *testing.T) {
	const output = "USER   PID COMMAND\nroot    12 sleep 34\nroot    34 ps 12\nroot   120 x\n"
	got, err := linesOf([]int{12, 120}, output)
	if want := "USER   PID COMMAND\nroot    12 sleep 34\nroot   120 x\n"; got != want || err != nil {
		t.Errorf("linesOf = %q, %v, want %q", got, err, want)
	}
	if _, err := linesOf([]int{12}, "TID CMD\n12 x\n"); err == nil || err.Error() != "couldn't find PID field in ps output" {
		t.Errorf("linesOf without a column PID: %v", err)
	}
}

func TestProcessOf(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	boot := now.Add(-1000 * time.Second)
	// 50 s of a CPU, and started 500 s after the boot.
	got := processOf(42, procfs.Stat{Name: "a) b (c", State: 'S', Parent: 7, Terminal: 34816, CPUTime: 5000, StartTime: 50000}, now, boot)
	want := process{
		pid: 42, ppid: 7, percent: 10, started: now.Add(-500 * time.Second), tty: "pts/0", cpu: 50 * time.Second, command: "[a) b (c]",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(process{})); diff != "" {
		t.Error(diff)
	}
}

func TestProcessTable(t *testing.T) {
	now := time.Date(2026, 5, 6, 15, 0, 0, 0, time.UTC)
	const want = "" +
		"UID       PID     PPID    C       STIME   TTY     TIME      CMD\n" +
		"root      1       0       0       14:30   ?       00:00:00  /sbin/init\n" +
		"www-data  12345   1       99      May01   pts/3   27:46:41  evil?[31m --flag\n"
	var got strings.Builder
	err := processTable(&got, []process{
		{user: "root", pid: 1, started: now.Add(-30 * time.Minute), tty: "?", command: "/sbin/init"},
		{user: "www-data", pid: 12345, ppid: 1, percent: 99, started: now.AddDate(0, 0, -5), tty: "pts/3", cpu: 100001 * time.Second, command: "evil\x1b[31m --flag"},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTTYName(t *testing.T) {
	for device, want := range map[uint64]string{
		0: "?", 136 << 8: "pts/0", 136<<8 | 17: "pts/17", 137<<8 | 1: "pts/257", 4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 5<<8 | 1: "5:1",
	} {
		if got := ttyName(device); got != want {
			t.Errorf("ttyName(%#x) = %q, want %q", device, got, want)
		}
	}
}

// This process, as /proc shows it.
func TestLookUp(t *testing.T) {
	now := time.Now()
	boot, err := bootTime(now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lookUp(os.Getpid(), now, boot, &userNames{})
	if err != nil {
		t.Fatal(err)
	}
	age := now.Sub(p.started)
	if p.pid != os.Getpid() || p.ppid != os.Getppid() || !strings.HasPrefix(p.command, os.Args[0]) || age < -time.Second || age > time.Hour {
		t.Errorf("lookUp(%s) = %+v", strconv.Itoa(os.Getpid()), p)
	}
	if _, err := lookUp(1<<22+1, now, boot, &userNames{}); !os.IsNotExist(err) {
		t.Errorf("lookUp of a pid that can't be: %v", err)
	}
}
