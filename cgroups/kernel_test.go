package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// The tests of this file use the kernel's cgroups, in the version that the host has.

// folder holds the cgroups of the tests in every hierarchy.
const folder = "runnel-test"

// locateTest returns an unused location. The test fails if anything is left there at
// its end.
func locateTest(t *testing.T) Location {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to create cgroups")
	}
	name := strings.ReplaceAll(t.Name(), "/", "-")
	l, err := Locate(fmt.Sprintf("/%s/%s-%d", folder, name, os.Getpid()), "id")
	if err != nil {
		t.Skipf("needs cgroups: %v", err)
	}
	t.Cleanup(func() {
		for key, dir := range l.Paths {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s was left behind", dir)
				_ = cgroupfs.At(dir).Remove(time.Now().Add(time.Second), cgroupfs.Sleep)
			}
			// This fails while other tests use the directory.
			_ = os.Remove(filepath.Join(l.Mounts[key], folder))
		}
	})
	return l
}

// createTest creates a container's cgroups for the duration of the test.
func createTest(t *testing.T, r *specs.LinuxResources) Manager {
	t.Helper()
	m := Open(locateTest(t))
	t.Cleanup(func() {
		_ = m.Kill(unix.SIGKILL)
		if err := m.Destroy(); err != nil {
			t.Errorf("Destroy() = %v", err)
		}
		m.Close()
	})
	if err := m.Create(r); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return m
}

// startTest runs a shell script in the cgroups and returns its process. The script
// starts when its process has joined the cgroups.
func startTest(t *testing.T, g Group, script string) *exec.Cmd {
	t.Helper()
	c := exec.Command("sh", "-c", "read go; "+script)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	if err := g.Join(c.Process.Pid); err != nil {
		t.Fatalf("Join() = %v", err)
	}
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

// file reads a control file of the container on v1 or v2.
func file(t *testing.T, m Manager, controller, name string) string {
	t.Helper()
	l := m.Location()
	if l.Mode == V2 {
		controller = ""
	}
	text, err := os.ReadFile(l.Paths[controller] + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// eventually waits for a condition that depends on another process.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestLifecycle(t *testing.T) {
	m := createTest(t, nil)
	c := startTest(t, m, "sleep 1000 & sleep 1000")
	eventually(t, "three processes", func() bool {
		pids, err := m.Pids()
		if err != nil {
			t.Fatal(err)
		}
		return len(pids) == 3 && slices.Contains(pids, c.Process.Pid) && slices.IsSorted(pids)
	})
	// The process itself is in the cgroup in every hierarchy.
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, folder) {
			t.Errorf("not moved in %s", line)
		}
	}
	// A Manager in another process gets the same.
	again := Open(m.Location())
	defer again.Close()
	if err := again.Destroy(); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "(sleep)") {
		t.Errorf("Destroy() with processes = %v, want EBUSY and their names", err)
	}
	if err := again.Kill(unix.SIGKILL); err != nil {
		t.Fatalf("Kill() = %v", err)
	}
	if err := c.Wait(); err == nil || c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v, want SIGKILL", err)
	}
	if err := again.Destroy(); err != nil {
		t.Fatalf("Destroy() = %v", err)
	}
	if err := again.Destroy(); err != nil {
		t.Errorf("second Destroy() = %v", err)
	}
	if pids, err := again.Pids(); err != nil || len(pids) > 0 {
		t.Errorf("Pids() of what is gone = %v, %v", pids, err)
	}
	if frozen, err := again.Frozen(); err != nil || frozen {
		t.Errorf("Frozen() of what is gone = %v, %v", frozen, err)
	}
	if err := again.Kill(unix.SIGKILL); err != nil {
		t.Errorf("Kill() of what is gone = %v", err)
	}
}

func TestCreateRefusesProcesses(t *testing.T) {
	m := createTest(t, nil)
	startTest(t, m, "exec sleep 1000")
	again := Open(m.Location())
	defer again.Close()
	err := again.Create(nil)
	if err == nil || !strings.Contains(err.Error(), "container's cgroup is not empty: 1 process(es) found") {
		t.Errorf("Create() in a cgroup with a process = %v", err)
	}
	if pids, err := m.Pids(); err != nil || len(pids) != 1 {
		t.Errorf("afterwards Pids() = %v, %v", pids, err)
	}
}

func TestCreateRefusesFrozen(t *testing.T) {
	m := createTest(t, nil)
	if err := m.Freeze(); err != nil {
		t.Fatal(err)
	}
	again := Open(m.Location())
	defer again.Close()
	if err := again.Create(nil); err == nil || !strings.Contains(err.Error(), "frozen") {
		t.Errorf("Create() in a frozen cgroup = %v", err)
	}
}

func TestCreateTakesBack(t *testing.T) {
	l := locateTest(t)
	limit := uint64(1)
	m := Open(l)
	defer m.Close()
	err := m.Create(&specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: limit}}})
	if err == nil {
		_ = m.Destroy()
		t.Skip("the host has the hugetlb controller")
	}
	if !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "hugetlb") {
		t.Errorf("Create() = %v, want an error that names the controller", err)
	}
}

func TestDestroyKeepsWhatExisted(t *testing.T) {
	m := createTest(t, nil)
	again := Open(m.Location())
	defer again.Close()
	if err := again.Create(nil); err != nil {
		t.Fatalf("Create() in an empty cgroup = %v", err)
	}
	l := again.Location()
	if len(l.Existing) == 0 {
		t.Error("Location() names no existing directory")
	}
	for _, dir := range l.Paths {
		if err := os.Mkdir(dir+"/below", 0o755); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	third := Open(l)
	defer third.Close()
	if err := third.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range l.Paths {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("Destroy() removed what existed: %v", err)
		}
		if _, err := os.Stat(dir + "/below"); err == nil {
			t.Errorf("Destroy() left %s/below", dir)
		}
	}
}

func TestFreeze(t *testing.T) {
	m := createTest(t, nil)
	c := startTest(t, m, "while :; do :; done")
	for range 3 {
		if err := m.Freeze(); err != nil {
			t.Fatal(err)
		}
		if frozen, err := m.Frozen(); err != nil || !frozen {
			t.Fatalf("Frozen() = %v, %v", frozen, err)
		}
		before := cpuTime(t, c.Process.Pid)
		time.Sleep(30 * time.Millisecond)
		if after := cpuTime(t, c.Process.Pid); after != before {
			t.Errorf("a frozen process has run: %s, then %s", before, after)
		}
		if err := m.Thaw(); err != nil {
			t.Fatal(err)
		}
		if frozen, err := m.Frozen(); err != nil || frozen {
			t.Fatalf("Frozen() after Thaw() = %v, %v", frozen, err)
		}
	}
	// A frozen container stays frozen after a signal, except for SIGKILL.
	if err := m.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := m.Kill(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if frozen, _ := m.Frozen(); !frozen {
		t.Error("SIGTERM thawed the cgroup")
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
}

// cpuTime returns the times of a process, in ticks.
func cpuTime(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text))
	return fields[13] + "+" + fields[14]
}

func TestKillReachesAll(t *testing.T) {
	m := createTest(t, nil)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		c := startTest(t, m, "sleep 1000 & sleep 1000 & sleep 1000")
		eventually(t, "four processes", func() bool {
			pids, _ := m.Pids()
			return len(pids) == 4
		})
		if err := m.Kill(sig); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		eventually(t, "no process left", func() bool {
			pids, _ := m.Pids()
			return len(pids) == 0
		})
	}
}

func TestSubAndGroupOf(t *testing.T) {
	m := createTest(t, nil)
	l := m.Location()
	for _, path := range []string{"../x", "a/../../x", "..", "a/.."} {
		if g, err := m.Sub(map[string]string{"": path}); err == nil {
			g.Close()
			t.Errorf("Sub(%q) leads out", path)
		} else if want := path + " is not a sub cgroup path"; err.Error() != want {
			t.Errorf("Sub(%q) = %v, want %s", path, err, want)
		}
	}
	if _, err := m.Sub(map[string]string{"": "missing"}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Sub of what isn't there = %v, want ENOENT", err)
	}
	for _, dir := range l.Paths {
		if err := os.Mkdir(dir+"/below", 0o755); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		// In v1 a new cpuset is empty.
		for _, f := range []string{"/cpuset.cpus", "/cpuset.mems"} {
			if text, err := os.ReadFile(dir + f); err == nil && l.Mode != V2 {
				if err := os.WriteFile(dir+"/below"+f, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	g, err := m.Sub(map[string]string{"": "/below"})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c := startTest(t, g, "exec sleep 1000")
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "/below\n") {
			t.Errorf("not moved below in %s", line)
		}
	}
	if pids, err := m.Pids(); err != nil || len(pids) != 1 {
		t.Errorf("Pids() = %v, %v, want that of the sub cgroup too", pids, err)
	}
	group, err := m.GroupOf(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	startTest(t, group, "exec sleep 1000")
	if pids, err := m.Pids(); err != nil || len(pids) != 2 {
		t.Errorf("Pids() = %v, %v, want two", pids, err)
	}
}

func TestDevicesEnforced(t *testing.T) {
	m := createTest(t, nil)
	if l := m.Location(); l.Mode != V2 && l.Paths["devices"] == "" {
		t.Skip("the host has no devices controller")
	}
	number := func(n int64) *int64 { return &n }
	full := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: number(1), Minor: number(7), Access: "r"}
	deny := specs.LinuxDeviceCgroup{Allow: false}
	steps := []struct {
		name     string
		rules    []specs.LinuxDeviceCgroup
		defaults bool
		want     string
	}{
		{"nothing but reading full", []specs.LinuxDeviceCgroup{deny, full}, false, "full- null! zero!"},
		{"the defaults", []specs.LinuxDeviceCgroup{deny}, true, "full+ null+ zero+"},
		{"everything", []specs.LinuxDeviceCgroup{{Allow: true}}, false, "full+ null+ zero+"},
		{"nothing", nil, false, "full! null! zero!"},
	}
	for _, step := range steps {
		if err := m.SetDevices(step.rules, step.defaults); err != nil {
			t.Fatalf("%s: SetDevices() = %v", step.name, err)
		}
		out := filepath.Join(t.TempDir(), "out")
		c := startTest(t, m, `for d in full null zero; do
			if (exec 3<>/dev/$d) 2>&-; then echo $d+; elif (exec 3</dev/$d) 2>&-; then echo $d-; else echo $d!; fi
		done >`+out)
		_ = c.Wait()
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(string(text)), " "); got != step.want {
			t.Errorf("%s: devices are %q, want %q", step.name, got, step.want)
		}
	}
}

func TestStats(t *testing.T) {
	m := createTest(t, nil)
	c := startTest(t, m, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000")
	eventually(t, "some use of the processor", func() bool {
		s, err := m.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return s.CPU.Usage.Total > 0 && s.Pids.Current >= 1 && s.Memory.Usage.Usage > 0
	})
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.Memory.Usage.Limit == 0 {
		t.Error("no limit reads as 0")
	}
	if s.Pids.Limit != 0 {
		t.Errorf("no limit of pids reads as %d", s.Pids.Limit)
	}
	if n, err := m.OOMKills(); err != nil || n != 0 {
		t.Errorf("OOMKills() = %d, %v", n, err)
	}
	_ = c.Process.Kill()
}

func TestChown(t *testing.T) {
	m := createTest(t, nil)
	if err := m.Chown(12345); err != nil {
		t.Fatal(err)
	}
	l := m.Location()
	owner := func(path string) uint32 {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return st.Uid
	}
	if l.Mode != V2 {
		for _, dir := range l.Paths {
			if uid := owner(dir); uid != 0 {
				t.Errorf("%s belongs to %d: v1 can't be delegated", dir, uid)
			}
		}
		return
	}
	got := map[string]uint32{}
	for _, f := range []string{"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control", "/memory.max", "/cgroup.freeze"} {
		got[f] = owner(l.Paths[""] + f)
	}
	want := map[string]uint32{"": 12345, "/cgroup.procs": 12345, "/cgroup.threads": 12345, "/cgroup.subtree_control": 12345, "/memory.max": 0, "/cgroup.freeze": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// TestOrdinaryUser creates cgroups that only root can create. Callers decide by the
// error whether to continue without a cgroup.
func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("needs an ordinary user")
	}
	l, err := Locate(fmt.Sprintf("/%s-user-%d", folder, os.Getpid()), "id")
	if err != nil {
		t.Skipf("needs cgroups: %v", err)
	}
	m := Open(l)
	defer m.Close()
	if err := m.Create(nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Create() = %v, want fs.ErrPermission", err)
	}
	if err := m.Destroy(); err != nil {
		t.Errorf("Destroy() of what was never created = %v", err)
	}
}
