package v2

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// The tests of this file need a cgroup2 hierarchy. That of a hybrid host, which has no
// controllers, is sufficient.

// hierarchy returns the mount point of the cgroup2 hierarchy.
func hierarchy(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to create cgroups")
	}
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(mount, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return mount
		}
	}
	t.Skip("needs a cgroup2 hierarchy")
	return ""
}

// create creates a cgroup for the duration of the test.
func create(t *testing.T) *Manager {
	t.Helper()
	mount := hierarchy(t)
	m := New(mount, fmt.Sprintf("%s/runnel-test-%s-%d", mount, t.Name(), os.Getpid()), false, nil)
	t.Cleanup(func() {
		_ = m.Kill(unix.SIGKILL)
		if err := m.Destroy(); err != nil {
			t.Errorf("Destroy() = %v", err)
		}
	})
	if err := m.Create(nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// start clones a shell directly into the cgroup.
func start(t *testing.T, g interface{ Dir() (int, error) }, script string) *exec.Cmd {
	t.Helper()
	fd, err := g.Dir()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", script)
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	if err := c.Start(); err != nil {
		t.Fatalf("start in the cgroup: %v", err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

func TestCloneIntoCgroup(t *testing.T) {
	m := create(t)
	c := start(t, m, "exec sleep 1000")
	pids, err := m.Pids()
	if err != nil || len(pids) != 1 || pids[0] != c.Process.Pid {
		t.Errorf("Pids() = %v, %v, want %d", pids, err, c.Process.Pid)
	}
	frozen := make(chan error)
	go func() { frozen <- m.Freeze() }()
	if err := <-frozen; err != nil {
		t.Fatal(err)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if err := m.Destroy(); err != nil {
		t.Errorf("Destroy() right after death = %v", err)
	}
}

// TestGroupOfSplitCgroup moves a process to where a container that has enabled
// controllers for its own cgroups has its init.
func TestGroupOfSplitCgroup(t *testing.T) {
	m := create(t)
	if err := os.Mkdir(m.dir.Path()+"/init", 0o755); err != nil {
		t.Fatal(err)
	}
	init, err := m.Sub(map[string]string{"": "init"})
	if err != nil {
		t.Fatal(err)
	}
	defer init.Close()
	c := start(t, init, "exec sleep 1000")
	if m.dir.WriteFile("cgroup.subtree_control", "+pids") == nil {
		if err := m.Join(c.Process.Pid); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "controllers are enabled") {
			t.Errorf("Join() = %v, want EBUSY explained", err)
		}
	}
	group, err := m.GroupOf(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	if want := m.dir.Path() + "/init"; group.dir.Path() != want {
		t.Errorf("GroupOf() = %s, want %s", group.dir.Path(), want)
	}
	start(t, group, "exec sleep 1000")
	elsewhere, err := m.GroupOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	if strings.HasPrefix(elsewhere.dir.Path(), m.dir.Path()) {
		t.Errorf("GroupOf() of a process elsewhere = %s", elsewhere.dir.Path())
	}
	if _, err := m.Sub(map[string]string{"cpu": "init"}); err == nil {
		t.Error("Sub() accepts a controller")
	}
}

// TestThreaded creates a cgroup below a threaded one.
func TestThreaded(t *testing.T) {
	m := create(t)
	if err := m.dir.WriteFile("cgroup.type", "threaded"); err != nil {
		t.Fatal(err)
	}
	below := New(m.mount, m.dir.Path()+"/below", false, nil)
	if err := below.Create(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64)}}); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	if kind, err := below.dir.ReadFile("cgroup.type"); err != nil || kind != "threaded" {
		t.Errorf("cgroup.type = %q, %v", kind, err)
	}
	limit := int64(1 << 30)
	second := New(m.mount, m.dir.Path()+"/second", false, nil)
	err := second.Create(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}})
	if err == nil {
		t.Fatal("Create() with a memory limit below a threaded cgroup succeeds")
	}
	t.Log(err)
	if _, err := os.Stat(second.dir.Path()); err == nil {
		t.Error("what was created is left behind")
	}
	if pids, err := m.Pids(); err != nil || len(pids) != 0 {
		t.Errorf("Pids() of a threaded cgroup = %v, %v", pids, err)
	}
	if err := below.Destroy(); err != nil {
		t.Error(err)
	}
}

// TestReplaceDevices opens an allowed and a denied device repeatedly while the program
// is replaced.
func TestReplaceDevices(t *testing.T) {
	m := create(t)
	number := func(n int64) *int64 { return &n }
	null := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: number(1), Minor: number(3), Access: "rwm"}
	if err := m.SetDevices([]specs.LinuxDeviceCgroup{null}, false); err != nil {
		t.Fatal(err)
	}
	var out atomic.Pointer[string]
	c := exec.Command("sh", "-c", `while :; do
		(exec 3<>/dev/null) 2>&- || { echo denied; exit; }
		(exec 3</dev/zero) 2>&- && { echo allowed; exit; }
	done`)
	fd, err := m.Dir()
	if err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, _ := c.Output()
		s := string(text)
		out.Store(&s)
	}()
	// Another Manager doesn't know that the cgroup was new.
	other := New(m.mount, m.dir.Path(), false, nil)
	defer other.Close()
	for range 300 {
		if err := other.SetDevices([]specs.LinuxDeviceCgroup{null}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-done
	if s := *out.Load(); s != "" {
		t.Errorf("while rules were replaced by equal ones, an access was %s", s)
	}
	if n := len(attachedPrograms(t, m)); n != 1 {
		t.Errorf("%d programs are attached, want 1", n)
	}
}

// attachedPrograms returns the ids of the attached programs by bpftool if it is
// installed.
func attachedPrograms(t *testing.T, m *Manager) []string {
	t.Helper()
	path, err := exec.LookPath("bpftool")
	if err != nil {
		t.Log("needs bpftool to count programs")
		return []string{""}
	}
	out, err := exec.Command(path, "cgroup", "show", m.dir.Path()).Output()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "device") {
			ids = append(ids, line)
		}
	}
	return ids
}

func TestDestroyNamesProcesses(t *testing.T) {
	m := create(t)
	start(t, m, "exec sleep 1000")
	err := m.Destroy()
	if !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "(s") {
		t.Errorf("Destroy() = %v, want EBUSY and the process", err)
	}
	if _, err := os.Stat(m.dir.Path()); err != nil {
		t.Error(err)
	}
}

// TestDestroyWaits destroys a cgroup immediately after killing its processes.
func TestDestroyWaits(t *testing.T) {
	for range 20 {
		m := create(t)
		start(t, m, "sleep 1000 & sleep 1000 & exec sleep 1000")
		if err := m.Kill(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := m.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEvent(t *testing.T) {
	const text = "populated 1\nfrozen 0\n"
	for key, want := range map[string]string{"populated": "1", "frozen": "0", "other": "", "froz": ""} {
		if got := event(text, key); got != want {
			t.Errorf("event(%q) = %q, want %q", key, got, want)
		}
	}
}

// TestSubFollowsNoLink creates a symbolic link in place of a cgroup.
func TestSubFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if sub, err := cgroupfs.At(dir).Sub("link/etc"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("Sub() through a link = %v, %v, want ELOOP", sub, err)
	}
}
