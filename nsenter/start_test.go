package nsenter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("creates namespaces and mounts: needs root")
	}
}

// busyboxRoot returns a rootfs with busybox as /bin/sh and friends.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no busybox on this machine")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/busybox"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "ls", "cat", "true"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// outcome runs a plan to its end. It returns what the program printed, the last
// failure, and the wait status.
func outcome(t *testing.T, p *plan.Plan) (output string, failure *Failure, status unix.WaitStatus) {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	reader := os.NewFile(uintptr(pipe[0]), "pipe")
	defer reader.Close()
	c, err := Start(p, Options{Stdio: [3]int{0, pipe[1], pipe[1]}, Cgroup: -1})
	unix.Close(pipe[1])
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.Next()
		if errors.Is(err, ErrGone) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == Failed {
			failure = m.Failure
			continue
		}
		if m.Kind != Created {
			if err := c.Go(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, _ := reader.Read(buf)
		if n <= 0 {
			break
		}
		b.Write(buf[:n])
	}
	if _, err := unix.Wait4(c.Pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	unix.Close(c.PidFD)
	return b.String(), failure, status
}

// inRoot returns a plan whose steps run before the pivot.
func inRoot(root string, steps []plan.Op, args ...string) *plan.Plan {
	p := &plan.Plan{CloneFlags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	p.Add(place.Place{}, plan.SetUndumpable{})
	p.Add(place.Place{}, plan.Session{})
	p.Add(place.Place{}, plan.Propagation{Path: "/", Flags: unix.MS_REC | unix.MS_SLAVE})
	p.Add(place.At("/root/path"), plan.Root{Path: root})
	for _, op := range steps {
		p.Add(place.At("/step"), op)
	}
	p.Add(place.Place{}, plan.Checkpoint{Point: plan.CheckpointNamespaces})
	p.Add(place.Place{}, plan.Pivot{})
	p.Add(place.At("/process/cwd"), plan.Chdir{Path: "/", Early: true})
	p.Add(place.At("/process/args/0"), plan.ResolveExec{Name: args[0], Path: []string{"/bin"}})
	p.Add(place.Place{}, plan.Exec{Args: args, Env: []string{"PATH=/bin"}})
	return p
}

func TestChildRunsAProgramInItsRoot(t *testing.T) {
	needRoot(t)
	root := busyboxRoot(t)
	steps := []plan.Op{
		plan.Mount{FSType: "proc", Source: "proc", Target: "/proc", NoSymlink: true},
		plan.Mount{FSType: "tmpfs", Source: "tmpfs", Target: "/new/dir", Params: []string{"size=64k", "mode=700"}},
		plan.Device{Path: "/dev/null", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 3},
		plan.Symlink{Target: "/proc/self/fd", Path: "/dev/fd"},
		plan.Mask{Path: "/proc/kcore"},
		plan.Mask{Path: "/proc/scsi"},
		plan.Mask{Path: "/proc/acpi"},
		plan.Mask{Path: "/nowhere"},
		plan.Readonly{Path: "/proc/sys"},
	}
	out, failure, status := outcome(t, inRoot(root, steps, "sh", "-c",
		`echo pid $$; ls -ld /new/dir | cat; ls /proc/self/fd | cat; echo x > /proc/sys/kernel/hostname; echo end`))
	if failure != nil {
		t.Fatalf("failure: %+v", failure)
	}
	if status.ExitStatus() != 0 {
		t.Errorf("exit status %d", status.ExitStatus())
	}
	for _, want := range []string{"pid 1\n", "drwx------", "0\n1\n2\n3\n", "Read-only file system", "end\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

func TestChildReportsWhichStepFailed(t *testing.T) {
	needRoot(t)
	root := busyboxRoot(t)
	for _, c := range []struct {
		op    plan.Op
		errno unix.Errno
		part  Part
	}{
		{plan.Bind{Source: "/no/such/file", Target: "/x"}, unix.ENOENT, PartSource},
		{plan.Mount{FSType: "nosuchfs", Source: "x", Target: "/x"}, unix.ENODEV, PartOpenType},
		{plan.Mount{FSType: "tmpfs", Source: "x", Target: "/x", Params: []string{"size=banana"}}, unix.EINVAL, PartParameter},
		{plan.Mount{FSType: "tmpfs", Source: "x", Target: "/bin/busybox"}, unix.ENOTDIR, PartTarget},
		{plan.Bind{Source: "/tmp", Target: "/proc", ProcOnly: true}, unix.EINVAL, PartNotProc},
	} {
		p := inRoot(root, []plan.Op{c.op}, "true")
		_, failure, _ := outcome(t, p)
		if failure == nil {
			t.Errorf("%#v: no failure", c.op)
			continue
		}
		if failure.Step.Total != len(p.Steps) || failure.Step.Kind != c.op.Kind() {
			t.Errorf("%#v: a %s in a plan of %d steps, want %d", c.op, failure.Step.Kind, failure.Step.Total, len(p.Steps))
		}
		got := p.Steps[failure.Step.Index]
		if got.Origin != place.At("/step") || failure.Errno != c.errno || failure.Part != c.part {
			t.Errorf("%#v: step %s, %v, part %d; want %v, part %d", c.op, got.Op.Kind(), failure.Errno, failure.Part, c.errno, c.part)
		}
	}
}

// Symbolic links of an image always lead to files of the image.
func TestChildStaysInItsRoot(t *testing.T) {
	needRoot(t)
	root := busyboxRoot(t)
	outside := t.TempDir()
	links := map[string]string{
		"abs":      outside,
		"up":       "../../../../../../../.." + outside,
		"dangling": "../made/by/link",
		"loop":     "loop",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	steps := []plan.Op{
		plan.Directory{Path: "/abs/a", Mode: 0o755},
		plan.Directory{Path: "/up/b", Mode: 0o755},
		plan.Directory{Path: "/dangling/c", Mode: 0o755},
		plan.Bind{Source: "/dev/null", Target: "/up/file"},
		plan.Device{Path: "/abs/null", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 3},
		plan.Symlink{Target: "x", Path: "/up/link"},
	}
	if _, failure, _ := outcome(t, inRoot(root, steps, "true")); failure != nil {
		t.Fatalf("failure: %+v", failure)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("created outside of the root: %v", entries)
	}
	for _, path := range []string{outside + "/a", outside + "/b", "/made/by/link/c", outside + "/file", outside + "/null"} {
		if _, err := os.Lstat(root + path); err != nil {
			t.Errorf("not created in the root: %v", err)
		}
	}
	_, failure, _ := outcome(t, inRoot(root, []plan.Op{plan.Directory{Path: "/loop/x", Mode: 0o755}}, "true"))
	if failure == nil || failure.Errno != unix.ELOOP {
		t.Errorf("a loop of links: %+v, want ELOOP", failure)
	}
}
