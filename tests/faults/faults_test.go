//go:build faults

// Package faults injects a fault into each system call of the runtime during create,
// and checks that nothing is left.
//
// strace(1) injects the fault: either SIGKILL at the Nth call of a kind, after which
// `delete --force` must remove everything, or an errno, after which the failed create
// itself must have removed everything.
package faults

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ignored lists the system calls for which a fault shows nothing: those of the Go
// scheduler and of memory management, and close, which closes the descriptor even if it
// fails.
const ignored = " close futex nanosleep rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack mmap munmap madvise mprotect gettid getpid " +
	"tgkill sched_yield sched_getaffinity arch_prctl set_tid_address set_robust_list rseq prlimit64 exit exit_group brk " +
	"getuid geteuid getgid getegid uname restart_syscall epoll_pwait epoll_create1 epoll_ctl eventfd2 sched_setaffinity clock_gettime "

// maxTries is the number of faults that are tried for one kind of call by default;
// FAULTS=all tries every call.
const maxTries = 4

// createTimeout ends a create that hangs; what it leaves makes the test fail.
const createTimeout = 10 * time.Second

type bench struct {
	runtime, bundle, root string
}

func setUp(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("creating containers requires root")
	}
	for _, tool := range []string{"strace", "busybox"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine", tool)
		}
	}
	runtime := os.Getenv("RUNTIME")
	if runtime == "" {
		runtime = "../../runnel"
	}
	runtime, err := filepath.Abs(runtime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(runtime); err != nil {
		t.Skipf("no runtime to test: %v (run make first)", err)
	}
	b := &bench{runtime: runtime, bundle: t.TempDir(), root: t.TempDir()}
	busybox, _ := exec.LookPath("busybox")
	run(t, "mkdir", "-p", b.bundle+"/rootfs/bin")
	run(t, "cp", busybox, b.bundle+"/rootfs/bin/sh")
	run(t, b.runtime, "spec", "--bundle", b.bundle)
	edit(t, b.bundle+"/config.json", `"terminal": true`, `"terminal": false`)
	return b
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(content, []byte(from)) {
		t.Fatalf("%s has no %q", path, from)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte(from), []byte(to), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

// create runs `create` under strace with additional arguments of strace.
func (b *bench) create(id string, strace ...string) error {
	// -b execve detaches strace from the child. The child reports its own failures, and
	// strace would wait until the container has ended.
	args := append([]string{"-f", "-b", "execve", "-qq"}, strace...)
	args = append(args, b.runtime, "--root", b.root, "create", "--bundle", b.bundle, id)
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", args...)
	cmd.WaitDelay = time.Second
	return cmd.Run()
}

func (b *bench) delete(id string) error {
	out, err := exec.Command(b.runtime, "--root", b.root, "delete", "--force", id).CombinedOutput()
	if err != nil {
		return fmt.Errorf("delete --force: %w: %s", err, out)
	}
	return nil
}

// calls counts the calls of a create by name: the most of any one thread.
func (b *bench) calls(t *testing.T) map[string]int {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	if err := b.create("profile", "-o", log); err != nil {
		t.Fatalf("create without a fault: %v", err)
	}
	if err := b.delete("profile"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	perThread := map[string]map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		tid, rest, _ := strings.Cut(lines.Text(), " ")
		name, _, found := strings.Cut(strings.TrimSpace(rest), "(")
		if !found || strings.ContainsAny(name, " <+-") || strings.Contains(ignored, " "+name+" ") {
			continue
		}
		if perThread[name] == nil {
			perThread[name] = map[string]int{}
		}
		perThread[name][tid]++
	}
	counts := map[string]int{}
	for name, threads := range perThread {
		for _, n := range threads {
			counts[name] = max(counts[name], n)
		}
	}
	if len(counts) < 20 {
		t.Fatalf("strace saw only %v", counts)
	}
	return counts
}

// points spreads the tries over the calls of one kind.
func points(count int) []int {
	tries := maxTries
	if os.Getenv("FAULTS") == "all" || count < tries {
		tries = count
	}
	var at []int
	for i := range tries {
		at = append(at, 1+i*count/tries)
	}
	return at
}

// leftovers returns the state directory, cgroups, mounts and processes of a container
// that exist.
func (b *bench) leftovers(id string) []string {
	var left []string
	if _, err := os.Lstat(filepath.Join(b.root, id)); err == nil {
		left = append(left, "state directory")
	}
	cgroups, _ := filepath.Glob("/sys/fs/cgroup/*/" + id)
	nested, _ := filepath.Glob("/sys/fs/cgroup/*/*/*/" + id)
	direct, _ := filepath.Glob("/sys/fs/cgroup/" + id)
	left = append(left, append(append(cgroups, nested...), direct...)...)
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil && bytes.Contains(mounts, []byte(b.bundle)) {
		left = append(left, "mounts below "+b.bundle)
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range stats {
		if line, _ := os.ReadFile(path); bytes.HasPrefix(line, []byte("runnel-child")) {
			left = append(left, "process "+path)
		}
	}
	return left
}

// settled returns what is still left after the kernel has had time to remove a killed
// process.
func (b *bench) settled(id string) []string {
	var left []string
	for range 100 {
		if left = b.leftovers(id); len(left) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return left
}

func TestKilledCreateCanBeDeleted(t *testing.T) {
	b := setUp(t)
	for name, count := range b.calls(t) {
		for _, n := range points(count) {
			id := fmt.Sprintf("kill-%s-%d", name, n)
			_ = b.create(id, "-o", "/dev/null", "-e", "trace="+name, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", name, n))
			if err := b.delete(id); err != nil {
				t.Errorf("killed at %s number %d: %v", name, n, err)
			}
			if left := b.settled(id); left != nil {
				t.Errorf("killed at %s number %d: left after delete --force: %v", name, n, left)
			}
		}
	}
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	b := setUp(t)
	for name, count := range b.calls(t) {
		for _, n := range points(count) {
			id := fmt.Sprintf("fail-%s-%d", name, n)
			// The thread may continue after the fault and succeed; then there is a
			// container.
			err := b.create(id, "-o", "/dev/null", "-e", "trace="+name, "-e", fmt.Sprintf("inject=%s:error=ENOMEM:when=%d", name, n))
			if err == nil {
				err = b.delete(id)
				if err != nil {
					t.Errorf("ENOMEM at %s number %d was survived, but: %v", name, n, err)
				}
			}
			if left := b.settled(id); left != nil {
				t.Errorf("ENOMEM at %s number %d: left: %v", name, n, left)
				_ = b.delete(id)
			}
		}
	}
}
