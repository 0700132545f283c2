package procfs

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	tail := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20"
	for _, c := range []struct {
		line string
		want Stat
		bad  bool
	}{
		{"17 (sh)" + tail, Stat{Name: "sh", State: 'S', Parent: 1, IsExiting: true, Terminal: 4, CPUTime: 11 + 12, StartTime: 4242}, false},
		{"17 (a) Z 1 (b)" + strings.Replace(tail, "S", "R", 1), Stat{Name: "a) Z 1 (b", State: 'R', Parent: 1, IsExiting: true, Terminal: 4, CPUTime: 11 + 12, StartTime: 4242}, false},
		{"17 (sh)" + strings.Replace(tail, "6", "64", 1), Stat{Name: "sh", State: 'S', Parent: 1, IsFork: true, Terminal: 4, CPUTime: 11 + 12, StartTime: 4242}, false},
		{"17 (sh) S 1 2", Stat{}, true},
		{"17 sh S", Stat{}, true},
		{")(", Stat{}, true},
		{"17 (sh)" + strings.Replace(tail, "4242", "x", 1), Stat{}, true},
	} {
		got, err := parseStat([]byte(c.line))
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("parseStat(%q) = %v, %v; want %v", c.line, got, err, c.want)
		}
	}
}

func TestReadStat(t *testing.T) {
	s, err := ReadStat(os.Getpid())
	if err != nil || s.IsDead() || s.StartTime == 0 {
		t.Errorf("ReadStat of this process = %+v, %v", s, err)
	}
	if _, err := ReadStat(1 << 30); !os.IsNotExist(err) {
		t.Errorf("ReadStat of no process: %v", err)
	}
}

func TestSelfStatus(t *testing.T) {
	if got, want := SelfStatus("Pid"), strconv.Itoa(os.Getpid()); got != want {
		t.Errorf("SelfStatus(Pid) = %q, want %q", got, want)
	}
	if got, want := Status(os.Getpid(), "PPid"), strconv.Itoa(os.Getppid()); got != want {
		t.Errorf("Status(PPid) = %q, want %q", got, want)
	}
	if got := Status(1<<30, "Pid"); got != "" {
		t.Errorf("Status of no process = %q", got)
	}
	if got := SelfStatus("NoSuchField"); got != "" {
		t.Errorf("SelfStatus of no field = %q", got)
	}
}

func TestIsKilled(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if IsKilled(cmd.Process.Pid) {
		t.Error("a process that sleeps is said to be killed")
	}
	if IsKilled(1 << 30) {
		t.Error("no process is said to be killed")
	}
}
