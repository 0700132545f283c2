package procfs

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func openTask(t *testing.T, pid int) *Task {
	t.Helper()
	root, err := OpenRoot()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	task, err := root.Task(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(task.Close)
	return task
}

func TestTask(t *testing.T) {
	task := openTask(t, os.Getpid())
	status, err := task.Status()
	if err != nil || status["Pid"] != strconv.Itoa(os.Getpid()) {
		t.Errorf("Status()[Pid] = %q, %v", status["Pid"], err)
	}
	if words, err := task.CommandLine(); err != nil || len(words) != len(os.Args) {
		t.Errorf("CommandLine() = %q, %v", words, err)
	}
	if s, err := task.Stat(); err != nil || s.Threads < 1 || s.RSS == 0 {
		t.Errorf("Stat() = %+v, %v", s, err)
	}
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil {
		t.Fatal(err)
	}
	if inode, err := task.Namespace("net"); err != nil || inode != st.Ino {
		t.Errorf("Namespace(net) = %d, %v, want %d", inode, err, st.Ino)
	}
	own, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	mounts, truncated, err := task.Mounts()
	if err != nil || truncated || len(mounts) != strings.Count(string(own), "\n") {
		t.Errorf("Mounts() = %d mounts, %v, %v", len(mounts), truncated, err)
	}
	if content, err := task.Read("status", 7); err != nil || len(content) != 7 {
		t.Errorf("Read with a limit of 7 = %q, %v", content, err)
	}
	for _, name := range []string{"../self/status", "exe", "nosuch"} {
		if _, err := task.Read(name, 1); err == nil {
			t.Errorf("Read(%q) succeeds", name)
		}
	}
}

// TestTaskOfAnEndedProcess checks that nothing is read of a process that has ended, whoever
// has its pid by then.
func TestTaskOfAnEndedProcess(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	task := openTask(t, cmd.Process.Pid)
	if _, err := task.Stat(); err != nil {
		t.Error(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if _, err := task.Stat(); !errors.Is(err, unix.ESRCH) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat() of a process that has ended: %v", err)
	}
	if _, err := task.Status(); err == nil {
		t.Error("Status() of a process that has ended succeeds")
	}
}

func TestParseTaskStat(t *testing.T) {
	line := "17 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 -5 3 0 4242 1000 77 " + strings.Repeat("0 ", 15) + "50 1 0"
	s, err := parseTaskStat([]byte(line))
	want := TaskStat{Stat: s.Stat, Nice: -5, Threads: 3, RSS: 77, RealtimePriority: 50, Policy: 1}
	if err != nil || s != want {
		t.Errorf("parseTaskStat = %+v, %v, want %+v", s, err, want)
	}
	if _, err := parseTaskStat([]byte(line[:90])); err == nil {
		t.Error("a line that is cut off is parsed")
	}
}
