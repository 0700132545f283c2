package cgroupfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// content reads a file that folder has created.
func content(t *testing.T, d *Dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Path(), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTransactionRestores(t *testing.T) {
	d := folder(t, "pids.max", "io.max", "cpu.max", "memory.reclaim")
	for file, text := range map[string]string{"pids.max": "40", "io.max": "8:0 rbps=1 wbps=max riops=max wiops=max", "cpu.max": "max 100000"} {
		if err := d.WriteFile(file, text); err != nil {
			t.Fatal(err)
		}
	}
	// The last write fails, because the file is a directory by then.
	writes := []Write{
		{File: "pids.max", Value: "50"},
		{File: "io.max", Value: "8:0 rbps=5"},
		{File: "cpu.max", Value: "500 100000"},
		{File: "memory.reclaim", Value: "1"},
	}
	at := func(string) *Dir { return d }
	tx, err := Begin(writes, at)
	if err != nil {
		t.Fatal(err)
	}
	got := tx.Changes()
	if len(got) != 4 || got[1].Old != "8:0 rbps=1 wbps=max riops=max wiops=max" || got[1].New != "8:0 rbps=5" || got[1].Path != d.Path()+"/io.max" {
		t.Errorf("Changes() = %+v", got)
	}
	if err := errors.Join(os.Remove(d.Path()+"/memory.reclaim"), os.Mkdir(d.Path()+"/memory.reclaim", 0o700)); err != nil {
		t.Fatal(err)
	}
	err = tx.Apply()
	if !errors.Is(err, unix.EISDIR) || !strings.HasSuffix(err.Error(), "(what was written before is restored)") {
		t.Errorf("Apply() = %v", err)
	}
	if got := content(t, d, "pids.max") + "|" + content(t, d, "cpu.max"); got != "40|max 100000" {
		t.Errorf("after the failure the files have %q", got)
	}
	if got := content(t, d, "io.max"); got != "8:0 rbps=1 wbps=max riops=max wiops=max" {
		t.Errorf("after the failure io.max has %q", got)
	}
}

func TestBeginFailsBeforeAnythingIsWritten(t *testing.T) {
	d := folder(t, "there")
	_, err := Begin([]Write{{File: "there", Value: "1"}, {File: "missing", Value: "2"}}, func(string) *Dir { return d })
	if !errors.Is(err, unix.ENOENT) || content(t, d, "there") != "" {
		t.Errorf("Begin() = %v, there has %q", err, content(t, d, "there"))
	}
}

func TestTookEffect(t *testing.T) {
	for _, c := range []struct {
		file, asked, actual string
		want                bool
	}{
		{"pids.max", "50", "50", true},
		{"pids.max", "50", "40", false},
		{"pids.max", "max", "max", true},
		{"memory.max", "1000000", "999424", false},
		{"memory.high", "64m", "67108864", true},
		{"memory.limit_in_bytes", "-1", "9223372036854771712", true},
		{"memory.limit_in_bytes", "4096", "9223372036854771712", false},
		{"cpu.max", "20000 50000", "20000 50000", true},
		{"cpu.max", "20000", "20000 100000", true},
		{"cpu.max", "max", "20000 100000", false},
		{"cpuset.cpus", "0-1,2", "0-2", true},
		{"cpuset.cpus", "0-1", "0", false},
		{"cpuset.cpus", "0-7:1/2", "0,2,4,6", true}, // not compared
		{"io.max", "8:0 rbps=5 wbps=max", "8:0 rbps=5 wbps=max riops=max wiops=max", true},
		{"io.max", "8:0 rbps=5", "8:0 rbps=9 wbps=max riops=max wiops=max", false},
		{"io.max", "8:0 rbps=max", "", true},
		{"io.max", "8:0 rbps=5", "", false},
		{"io.weight", "default 500", "default 500", true},
		{"blkio.throttle.read_bps_device", "8:0 0", "", true},
		{"cpu.uclamp.min", "50", "50.00", true},
		{"cgroup.subtree_control", "+memory", "memory pids", true},
	} {
		if got := tookEffect("/sys/fs/cgroup/c/"+c.file, c.asked, c.actual); got != c.want {
			t.Errorf("tookEffect(%s, %q, %q) = %t", c.file, c.asked, c.actual, got)
		}
	}
}
