package pidfd

import (
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
		if !ok {
			t.Skip("the kernel is older than 6.15")
		}
		if status != want {
			t.Errorf("%s: ExitStatus = %#x, want %#x", script, status, want)
		}
	}
}
