package pidfd

import (
	"fmt"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
)

// TestExitStatus reads a status in both ways: before the process is reaped, and after it.
func TestExitStatus(t *testing.T) {
	for script, want := range map[string]unix.WaitStatus{"exit 7": 7 << 8, "exit 0": 0, "kill -9 $$": 9} {
		cmd := exec.Command("sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		fd, err := Open(pid)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		Wait(fd, -1)
		if status, ok := ExitStatus(fd); ok {
			t.Errorf("%s: ExitStatus of a process that wasn't reaped = %#x", script, status)
		}
		stat, err := procfs.ReadStat(pid)
		if err != nil {
			t.Fatal(err)
		}
		if status, ok := procfs.ExitStatus(pid, stat.StartTime); !ok || status != want {
			t.Errorf("%s: procfs.ExitStatus = %#x, %v; want %#x", script, status, ok, want)
		}
		if _, ok := procfs.ExitStatus(pid, stat.StartTime+1); ok {
			t.Errorf("%s: procfs.ExitStatus of another process", script)
		}
		_ = cmd.Wait()
		WaitReaped(fd, 10)
		if _, ok := procfs.ExitStatus(pid, stat.StartTime); ok {
			t.Errorf("%s: procfs.ExitStatus of a process that was reaped", script)
		}
		status, ok := ExitStatus(fd)
		if ok != kernelKeeps(t) {
			t.Errorf("%s: ExitStatus after the process was reaped: %v", script, ok)
		}
		if ok && status != want {
			t.Errorf("%s: ExitStatus = %#x, want %#x", script, status, want)
		}
	}
}

// kernelKeeps reports whether the kernel keeps the status of a process that was reaped: Linux
// 6.15 and later do.
func kernelKeeps(t *testing.T) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 15
}
