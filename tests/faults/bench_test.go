//go:build faults && linux && amd64

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// timeout ends a command that hangs.
const timeout = 20 * time.Second

// The variables make the test binary the tracer of one injection, or the child of a reaper.
const (
	tracerVariable = "RUNNEL_FAULTS_INJECTION"
	reapedVariable = "RUNNEL_FAULTS_REAPED"
)

func TestMain(m *testing.M) {
	if description, set := os.LookupEnv(tracerVariable); set {
		_ = os.Unsetenv(tracerVariable)
		if err := trace(description); err != nil {
			fmt.Fprintln(os.Stderr, "tracer:", err)
			os.Exit(99)
		}
		os.Exit(0)
	}
	if os.Getenv(reapedVariable) == "" {
		status, err := reap()
		if err != nil {
			fmt.Fprintln(os.Stderr, "reaper:", err)
		}
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// reap runs the tests in a child, and waits for all processes that lose their parent, as a
// shim does: the init of a pid namespace can't end before somebody has waited for each of
// its processes. It returns the exit status of the child.
func reap() (int, error) {
	// The child gets Pdeathsig when the thread ends that started it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 1, err
	}
	tests, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), reapedVariable+"=1"),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return 1, err
	}
	for {
		var status unix.WaitStatus
		switch pid, err := unix.Wait4(-1, &status, 0, nil); {
		case err != nil && !errors.Is(err, unix.EINTR):
			return 1, err
		case pid == tests && status.Exited():
			return status.ExitStatus(), nil
		case pid == tests && status.Signaled():
			return 128 + int(status.Signal()), nil
		}
	}
}

// A bench is where the scenarios take place.
type bench struct {
	runtime, dir, root, cgroup string
	systemd                    bool
	tries, reached             int // how many injections there were, and how many of their calls were made
}

func setUp(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("these tests create containers as root")
	}
	program := os.Getenv("RUNTIME")
	if program == "" {
		program = "../../runnel"
	}
	program, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{runtime: program, dir: t.TempDir(), root: t.TempDir(), cgroup: fmt.Sprintf("runnel-faults-%d", os.Getpid())}
	b.systemd = os.Getenv("DRIVER") == "systemd"
	t.Chdir(b.dir)
	return b
}

// bundle makes a bundle with busybox, for a container with a cgroup name, that runs a program.
func (b *bench) bundle(t *testing.T, dir, cgroup, argv string) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	// A mount needs its mount point: the root file system is read-only.
	if err := os.MkdirAll(filepath.Join(dir, "rootfs/added"), 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "rootfs/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "sleep", "true"} {
		if err := os.WriteFile(filepath.Join(bin, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(b.runtime, "spec", "--bundle", dir).CombinedOutput(); err != nil {
		t.Fatalf("spec: %v: %s", err, out)
	}
	if b.systemd {
		cgroup = "::" + cgroup
	} else {
		cgroup = "/" + cgroup
	}
	edit(t, dir, map[string]string{
		`"terminal": true`: `"terminal": false`,
		`"sh"`:             argv,
		`"linux": {`:       `"linux": {"cgroupsPath": "` + cgroup + `",`,
	})
}

// joinPIDNamespace makes a bundle's container join the pid namespace of a process that lives
// as long as the test.
func (b *bench) joinPIDNamespace(t *testing.T, dir string) {
	t.Helper()
	holder := exec.Command("sleep", "100000")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	edit(t, dir, map[string]string{
		`"type": "pid"`: fmt.Sprintf(`"type": "pid", "path": "/proc/%d/ns/pid"`, holder.Process.Pid),
	})
}

// edit replaces texts in a bundle's config.json, each of which is there once.
func edit(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	path := filepath.Join(dir, "config.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range texts {
		if bytes.Count(content, []byte(from)) != 1 {
			t.Fatalf("%s doesn't have %q once", path, from)
		}
		content = bytes.Replace(content, []byte(from), []byte(to), 1)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// argv returns the arguments of a command of the runtime.
func (b *bench) argv(command []string) []string {
	global := []string{b.runtime, "--root", b.root}
	if b.systemd {
		global = append(global, "--systemd-cgroup")
	}
	return append(global, command...)
}

// run runs a command of the runtime without a fault, and returns its output.
func (b *bench) run(command []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.runtime)
	cmd.Args = b.argv(command)
	cmd.WaitDelay = time.Second
	// A file rather than a pipe, which a container would keep open.
	output, err := os.CreateTemp(b.dir, "output")
	if err != nil {
		return nil, err
	}
	defer os.Remove(output.Name())
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	content, _ := os.ReadFile(output.Name())
	if err != nil {
		return content, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, content)
	}
	return content, nil
}

func (b *bench) state() (status string, pid int, err error) {
	content, err := b.run([]string{"state", id})
	if err != nil {
		return "", 0, err
	}
	var s struct {
		Status string `json:"status"`
		Pid    int    `json:"pid"`
	}
	err = json.Unmarshal(content, &s)
	return s.Status, s.Pid, err
}

func (b *bench) init(t *testing.T) int {
	t.Helper()
	_, pid, err := b.state()
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// settled returns what is still left after the kernel has had time to remove a killed
// process.
func (b *bench) settled() []string {
	var left []string
	for range 100 {
		if left = b.leftovers(); len(left) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return left
}

// leftovers returns the state, cgroups, mounts and processes that exist.
func (b *bench) leftovers() []string {
	var left []string
	entries, _ := os.ReadDir(b.root)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			left = append(left, "state directory "+entry.Name())
		}
	}
	for _, below := range []string{"", "*/", "*/*/", "*/*/*/"} {
		cgroups, _ := filepath.Glob("/sys/fs/cgroup/" + below + "*" + b.cgroup + "*")
		left = append(left, cgroups...)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, b.dir) {
			left = append(left, "mount "+line)
		}
	}
	// Processes that are left have become children of the reaper.
	reaper, tests := strconv.Itoa(os.Getppid()), fmt.Sprintf("/proc/%d", os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		content, _ := os.ReadFile(path)
		after := content[bytes.LastIndexByte(content, ')')+1:]
		if fields := strings.Fields(string(after)); len(fields) > 1 && fields[1] == reaper && filepath.Dir(path) != tests {
			left = append(left, "process "+string(content[:len(content)-len(after)]))
		}
	}
	return left
}
