package libcontainer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
)

// leftovers returns what a container leaves behind when it isn't removed: its children,
// descriptors, goroutines, mounts, cgroups and state.
type leftovers struct {
	fds        []string
	goroutines int
	mounts     string
}

func count(t *testing.T) leftovers {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return leftovers{openFDs(t), runtime.NumGoroutine(), string(mounts)}
}

func openFDs(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var fds []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			fds = append(fds, e.Name()+" "+to)
		}
	}
	return fds
}

// expectNothing fails the test if there is more than before, in the state root, or in a
// cgroup whose name contains name.
func (before leftovers) expectNothing(t *testing.T, root, name string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Second)
	for runtime.NumGoroutine() > before.goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	after := count(t)
	if len(after.fds) > len(before.fds) {
		t.Errorf("descriptors: %q, before %q", after.fds, before.fds)
	}
	if after.goroutines > before.goroutines {
		t.Errorf("%d goroutines, before %d", after.goroutines, before.goroutines)
	}
	// Others may mount something meanwhile, but not below the directory of this test.
	for line := range strings.Lines(after.mounts) {
		if strings.Contains(line, filepath.Dir(root)+"/") && !strings.Contains(before.mounts, line) {
			t.Errorf("mount: %s", line)
		}
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != unix.ECHILD {
		t.Errorf("waitid for any child = %v, want ECHILD: %s", err, children(t))
	}
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("state directory %s", e.Name())
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*"} {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(pattern), "*"+name+"*"))
		if len(found) > 0 {
			t.Errorf("cgroups %q", found)
		}
	}
}

func children(t *testing.T) string {
	t.Helper()
	var found []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(content), ") "); ok && strings.Fields(rest)[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, string(content))
		}
	}
	return strings.Join(found, "")
}

// newRuntime returns a Runtime that logs warnings, and a bundle, both of the test.
func newRuntime(t *testing.T, change func(*specs.Spec), args ...string) (r *libcontainer.Runtime, dir, name string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir = newBundle(args...)
	t.Cleanup(func() { os.RemoveAll(dir) })
	name = "runnel-" + filepath.Base(dir)
	spec := libcontainer.Example(false)
	spec.Process.Terminal = false
	spec.Process.Args = append([]string{"busybox"}, args...)
	spec.Linux.CgroupsPath = "/" + name
	if change != nil {
		change(spec)
	}
	writeConfig(dir, spec)
	r = &libcontainer.Runtime{Root: filepath.Join(dir, "state"), Warn: func(text string) { t.Log("warning:", text) }}
	return r, dir, name
}

func inUserNamespace(s *specs.Spec) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 0, Size: 65536}}
	s.Linux.GIDMappings = s.Linux.UIDMappings
}

func inJoinedPIDNamespace(s *specs.Spec) {
	i := slices.IndexFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.PIDNamespace })
	s.Linux.Namespaces[i].Path = "/proc/self/ns/pid"
}

func inTimeNamespace(s *specs.Spec) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 1000}}
}

func withHooks(s *specs.Spec) {
	h := []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "sleep 0.003"}}}
	s.Hooks = &specs.Hooks{CreateRuntime: h, Poststart: h, Poststop: h}
}

// TestCancel has contexts done at any time, and looks for what is left.
func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
	}{
		{"plain", nil},
		{"user namespace", inUserNamespace},
		{"joined pid namespace", inJoinedPIDNamespace},
		{"time namespace", inTimeNamespace},
		{"hooks", withHooks},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, dir, name := newRuntime(t, c.change, "sleep", "1000")
			create := libcontainer.CreateOptions{ID: "c", Bundle: dir}
			t.Run("create", func(t *testing.T) {
				cancelAtRandom(t, r, name, func(ctx context.Context) (*libcontainer.Process, error) {
					return r.Create(ctx, create)
				})
			})
			t.Run("run", func(t *testing.T) {
				cancelAtRandom(t, r, name, func(ctx context.Context) (*libcontainer.Process, error) {
					return r.Run(ctx, libcontainer.RunOptions{CreateOptions: create})
				})
			})
			t.Run("start", func(t *testing.T) {
				cancelAtRandom(t, r, name, func(ctx context.Context) (*libcontainer.Process, error) {
					p, err := r.Create(context.Background(), create)
					if err != nil {
						return nil, err
					}
					_ = p.Container().Start(ctx, "")
					return p, nil
				})
			})
		})
	}
}

const cancelledTimes = 20

// cancelAtRandom launches with contexts that are done after some time, which covers a
// little more than a whole launch.
func cancelAtRandom(t *testing.T, r *libcontainer.Runtime, name string, launch func(context.Context) (*libcontainer.Process, error)) {
	var whole time.Duration
	var before leftovers
	for i := range cancelledTimes {
		ctx, stop := context.WithCancel(context.Background())
		if i == 2 { // what is loaded once is
			before = count(t)
		}
		if i > 2 {
			ctx, stop = context.WithTimeout(context.Background(), rand.N(whole*5/4))
		}
		begin := time.Now()
		p, err := launch(ctx)
		if i < 2 {
			whole = time.Since(begin)
		}
		stop()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "killed") {
			t.Errorf("error %v", err)
		}
		if p != nil {
			if err := p.Container().Delete(true); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			p.Close()
		}
		if i > 2 {
			before.expectNothing(t, r.Root, name)
		}
		if t.Failed() {
			t.Fatalf("the context was done at run %d", i)
		}
	}
}

// TestCancelExec is TestCancel for Exec. What is left of one in the container's pid
// namespace would keep the container from ending.
func TestCancelExec(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
	}{{"plain", nil}, {"user namespace", inUserNamespace}} {
		t.Run(c.name, func(t *testing.T) {
			r, dir, name := newRuntime(t, c.change, "sleep", "1000")
			outside := count(t)
			ctx := context.Background()
			init, err := r.Run(ctx, libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "c", Bundle: dir}})
			if err != nil {
				t.Fatal(err)
			}
			container := init.Container()
			options := libcontainer.ExecOptions{Override: libcontainer.ProcessOverride{Args: []string{"busybox", "true"}}}
			var whole time.Duration
			var before []string
			for i := range 5 * cancelledTimes {
				ctx, stop := context.WithCancel(ctx)
				if i == 2 {
					before = openFDs(t)
				}
				if i > 2 {
					ctx, stop = context.WithTimeout(ctx, rand.N(whole*5/4))
				}
				begin := time.Now()
				p, err := container.Exec(ctx, options)
				if i < 2 {
					whole = time.Since(begin)
				}
				stop()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("exec %d: %v", i, err)
				}
				if p != nil {
					if _, err := p.Wait(context.Background()); err != nil {
						t.Error(err)
					}
					p.Close()
				}
				time.Sleep(time.Millisecond)
				if left := strings.Split(strings.TrimSpace(children(t)), "\n"); len(left) > 1 {
					t.Fatalf("exec %d: children %q", i, left)
				}
				if after := openFDs(t); i > 2 && len(after) > len(before) {
					t.Fatalf("exec %d: descriptors %q, before %q", i, after, before)
				}
			}
			if err := container.Delete(true); err != nil {
				t.Error(err)
			}
			if _, err := init.Wait(ctx); err != nil {
				t.Error(err)
			}
			init.Close()
			outside.expectNothing(t, r.Root, name)
		})
	}
}

// TestCancelStart has a context done while the container doesn't answer.
func TestCancelStart(t *testing.T) {
	r, dir, name := newRuntime(t, nil, "sleep", "1000")
	before := count(t)
	p, err := r.Create(t.Context(), libcontainer.CreateOptions{ID: "c", Bundle: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if err := p.Container().Start(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start = %v", err)
	}
	if status, err := p.Container().Status(); status != libcontainer.Stopped || err != nil {
		t.Errorf("status %s, %v", status, err)
	}
	if status, err := p.Wait(t.Context()); status.Signal != unix.SIGKILL || err != nil {
		t.Errorf("Wait = %+v, %v", status, err)
	}
	if err := p.Container().Delete(false); err != nil {
		t.Error(err)
	}
	p.Close()
	stop()
	before.expectNothing(t, r.Root, name)
}

// TestCancelReady has a context done while Run waits for READY=1.
func TestCancelReady(t *testing.T) {
	r, dir, name := newRuntime(t, nil, "sleep", "1000")
	manager, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(manager)
	address := filepath.Join(dir, "notify")
	if err := unix.Bind(manager, &unix.SockaddrUnix{Name: address}); err != nil {
		t.Fatal(err)
	}
	before := count(t)
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	o := libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "c", Bundle: dir, NotifySocket: address}}
	if _, err := r.Run(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v", err)
	}
	stop()
	before.expectNothing(t, r.Root, name)
	// Close doesn't end the relay, which the end of the process does.
	o.Attached = true
	p, err := r.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if err := r.Delete("c", true); err != nil {
		t.Error(err)
	}
	if status, err := p.Wait(t.Context()); status.Signal != unix.SIGKILL || err != nil {
		t.Errorf("Wait = %+v, %v", status, err)
	}
	before.expectNothing(t, r.Root, name)
}
