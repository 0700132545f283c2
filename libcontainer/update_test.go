package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
)

// resctrlFixture creates a directory that looks like a resctrl file system with one
// group besides the default one.
func resctrlFixture(t *testing.T) resctrl.FS {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "gold"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schemata", "gold/schemata"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("L3:0=fffff\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return resctrl.FS(root)
}

func wantContent(t *testing.T, root resctrl.FS, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(root.Path(name)); err != nil || string(got) != want {
		t.Errorf("%s has %q, %v, want %q", name, got, err, want)
	}
}

// sleeper returns the state of a container whose init is a process that sleeps.
func sleeper(t *testing.T, id string) *state.State {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	stat, err := procfs.ReadStat(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := pidfd.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	inode, err := pidfd.Inode(fd)
	if err != nil {
		t.Fatal(err)
	}
	return &state.State{ID: id, Pid: cmd.Process.Pid, StartTime: stat.StartTime, PidfdInode: inode}
}

func TestIntelRdtUpdate(t *testing.T) {
	root := resctrlFixture(t)
	r := &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=20"}
	stateRoot := t.TempDir()
	dir, err := state.Reserve(stateRoot, "c1", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	c := &Container{
		runtime: &Runtime{Root: stateRoot}, dir: dir,
		state: &state.State{ID: "c1", IntelRdt: &state.Rdt{Group: "gold"}},
	}
	undo, err := c.updateRdt(root, r)
	if err != nil {
		t.Fatalf("in a group: %v", err)
	}
	wantContent(t, root, "gold/schemata", "L3:0=fffff\nL3:0=f\nMB:0=20\n")
	if err := undo(); err != nil {
		t.Error(err)
	}
	wantContent(t, root, "gold/schemata", "L3:0=fffff\nL3:0=f\nMB:0=20\nL3:0=fffff\n")

	c.state = sleeper(t, "c1")
	if _, err := c.updateRdt(root, r); err != nil {
		t.Fatalf("without a group: %v", err)
	}
	wantContent(t, root, "c1/schemata", "L3:0=f\nMB:0=20\n")
	wantContent(t, root, "c1/tasks", strconv.Itoa(c.state.Pid)+"\n")
	if s, err := dir.Load(); err != nil || s.IntelRdt == nil || *s.IntelRdt != (state.Rdt{Group: "c1", Own: true}) {
		t.Errorf("the state has %+v, %v", s, err)
	}
	c.state.IntelRdt = nil
	p := &preparedUpdate{Container: c, Update: Update{IntelRdt: r}}
	if err := p.prepareRdt(root); !errors.Is(err, unix.EEXIST) {
		t.Errorf("with a group of others: %v, want EEXIST", err)
	}
	if err := p.prepareRdt(resctrl.FS(t.TempDir())); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without resctrl: %v, want ENOENT", err)
	}
}
