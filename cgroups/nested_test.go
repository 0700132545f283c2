package cgroups

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// nest makes cgroups below a container's in one hierarchy, each below the last one, and
// leaves a process in the last one. Their paths become longer than the kernel accepts.
func nest(t *testing.T, dir string, levels int) *exec.Cmd {
	t.Helper()
	c := exec.Command("sh", "-c", fmt.Sprintf(
		`i=0; while [ $i -lt %d ]; do mkdir nested && cd -P ./nested || exit; i=$((i+1)); done; echo $$ >cgroup.procs && exec sleep 1000`, levels))
	c.Dir = dir
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// limitFiles sets the number of descriptors that this process may have for the rest of the test.
func limitFiles(t *testing.T, most uint64) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) })
}

// members returns the directory of the container's cgroup in which processes are looked up.
func members(m Manager) string {
	l := m.Location()
	if l.Mode == V2 {
		return l.Paths[""]
	}
	return l.Paths["freezer"]
}

func TestNestedDeeperThanDescriptors(t *testing.T) {
	const files, levels, wide = 64, 300, 200
	m := createTest(t, nil)
	top := members(m)
	// Siblings above and below the deep ones, and processes in some.
	for i := range wide {
		if err := os.Mkdir(filepath.Join(top, fmt.Sprintf("wide%d", i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	beside := startTest(t, m, "sleep 1000 & wait")
	deep := nest(t, top, levels)
	limitFiles(t, files)
	list := func() []int {
		pids, err := m.Pids()
		if err != nil {
			t.Fatalf("Pids() = %v", err)
		}
		return pids
	}
	eventually(t, "three processes", func() bool {
		pids := list()
		return len(pids) == 3 && slices.Contains(pids, deep.Process.Pid) && slices.Contains(pids, beside.Process.Pid)
	})
	if err := m.Freeze(); err != nil {
		t.Errorf("Freeze() = %v", err)
	}
	if err := m.Thaw(); err != nil {
		t.Errorf("Thaw() = %v", err)
	}
	if err := m.Kill(unix.SIGTERM); err != nil {
		t.Fatalf("Kill(SIGTERM) = %v", err)
	}
	for _, c := range []*exec.Cmd{beside, deep} {
		if _ = c.Wait(); c.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGTERM {
			t.Errorf("a process ended with %v, want SIGTERM", c.ProcessState)
		}
	}
	if err := m.Destroy(); err != nil {
		t.Errorf("Destroy() = %v", err)
	}
}

func TestSignalMoreProcessesThanDescriptors(t *testing.T) {
	const files, processes = 64, 150
	m := createTest(t, nil)
	c := startTest(t, m, fmt.Sprintf("for i in $(seq %d); do sleep 1000 & done; wait", processes))
	eventually(t, "the processes", func() bool {
		pids, err := m.Pids()
		return err == nil && len(pids) == processes+1
	})
	limitFiles(t, files)
	d := cgroupfs.At(members(m))
	if sent, err := d.Signal(unix.SIGKILL, false); err != nil || sent != processes+1 {
		t.Fatalf("Signal(SIGKILL, false) = %d, %v, want %d", sent, err, processes+1)
	}
	_ = c.Wait()
}
