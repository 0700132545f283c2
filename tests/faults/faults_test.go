//go:build faults && linux && amd64

// Package faults breaks every command at each of its system calls, and checks that nothing
// is left.
//
// A tracer runs the command and breaks one system call of it or of the processes that it
// starts: the call fails, or the process is killed, or it stands still while somebody else
// deletes the container. Afterwards `delete --force` must remove everything and the id must
// be free. A create that fails must have removed everything itself.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const id = "c"

// A scenario is a command in a situation.
type scenario struct {
	name    string
	before  [][]string // commands that make the situation
	command []string
	// clean says that a failure of the command must leave nothing.
	clean bool
	// faults are those beside the ones that every command gets.
	faults []fault
	// after is the status that the container has after the command whatever fails in its
	// process; empty if the command may end it.
	after string
}

var (
	create = []string{"create", id}
	begin  = []string{"start", id}
	remove = []string{"delete", "--force", id}
	kill   = []string{"kill", id, "KILL"}
)

// The bundle's program is sleep; scenarios that need one that ends at once use short. The
// container of joining shares its pid namespace, and enters it last.
const short = "--bundle=short"

var scenarios = []scenario{
	{name: "create", command: create, clean: true},
	{name: "create-joining", command: []string{"create", "--bundle=joining", id}, clean: true},
	{name: "run", command: []string{"run", short, id}},
	{name: "run-detached", command: []string{"run", "--detach", id}, clean: true},
	{name: "start", before: [][]string{create}, command: begin, faults: []fault{{"held during start", injection{Hold: begin}}}},
	{name: "exec", before: [][]string{create, begin}, command: []string{"exec", id, "/bin/true"}, after: "running"},
	{name: "exec-detached", before: [][]string{create, begin}, command: []string{"exec", "--detach", id, "/bin/sleep", "1000"}, after: "running"},
	{name: "kill", before: [][]string{create, begin}, command: kill},
	{name: "pause", before: [][]string{create, begin}, command: []string{"pause", id}},
	{name: "resume", before: [][]string{create, begin, {"pause", id}}, command: []string{"resume", id}},
	{name: "update", before: [][]string{create, begin}, command: []string{"update", "--pids-limit", "50", id}, after: "running"},
	{name: "delete", before: [][]string{create, begin, kill}, command: []string{"delete", id}},
	{name: "delete-force", before: [][]string{create, begin}, command: remove},
	{name: "delete-created", before: [][]string{create}, command: remove},
	{name: "state", before: [][]string{create, begin}, command: []string{"state", id}, after: "running"},
	{name: "list", before: [][]string{create, begin}, command: []string{"list"}, after: "running"},
	{name: "ps", before: [][]string{create, begin}, command: []string{"ps", id}, after: "running"},
	{name: "gc", before: [][]string{create, begin}, command: []string{"gc"}, after: "running"},
	{name: "gc-stopped", before: [][]string{create, begin, kill}, command: []string{"gc", "--stopped"}},
	{name: "mounts-list", before: [][]string{create, begin}, command: []string{"mounts", "list", id}, after: "running"},
	{name: "mounts-add", before: [][]string{create, begin}, command: []string{"mounts", "add", "--source", "/etc", "--target", "/dev/added", id}, after: "running"},
	{name: "mounts-remove", before: [][]string{create, begin, {"mounts", "add", "--type", "tmpfs", "--target", "/dev/added", id}},
		command: []string{"mounts", "remove", "--force", id, "/dev/added"}, after: "running"},
	{name: "events", before: [][]string{create, begin}, command: []string{"events", "--stats", id}, after: "running"},
}

// A fault is one way to break a system call.
type fault struct {
	name string
	injection
}

var faults = []fault{
	{"killed", injection{Kill: true}},
	{"held during delete", injection{Hold: remove}},
	{"ENOMEM", injection{Errno: unix.ENOMEM}},
	{"EMFILE", injection{Errno: unix.EMFILE}},
	{"ENOSPC", injection{Errno: unix.ENOSPC}},
	{"EINTR", injection{Errno: unix.EINTR}},
}

// TestFaults tries each fault at FAULTS system calls of each command's processes, by default
// 6 that are spread evenly, at all of them with FAULTS=all, or at the Nth with FAULTS=@N. ONLY names scenarios.
func TestFaults(t *testing.T) {
	b := setUp(t)
	b.bundle(t, b.dir, b.cgroup, `"sleep", "1000"`)
	b.bundle(t, "short", b.cgroup, `"true"`)
	b.bundle(t, "joining", b.cgroup, `"sleep", "1000"`)
	b.joinPIDNamespace(t, "joining")
	only := strings.Fields(os.Getenv("ONLY"))
	for _, s := range scenarios {
		if len(only) > 0 && !slices.Contains(only, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			counted := b.try(t, s, injection{})
			if counted == nil {
				return
			}
			for _, of := range []role{parent, child} {
				for _, f := range append(s.faults, faults...) {
					if of == child && slices.Equal(f.Hold, begin) {
						continue // nobody can start a process that stands still
					}
					for _, at := range points(t, len(counted.Calls[of])) {
						broken := f.injection
						broken.Role, broken.At = of, at
						b.try(t, s, broken)
					}
				}
			}
			t.Logf("%d calls of the command, %d of its child", len(counted.Calls[parent]), len(counted.Calls[child]))
		})
	}
	// The number of calls differs a little from run to run.
	if b.reached < b.tries*9/10 {
		t.Errorf("only %d of %d tries reached their call", b.reached, b.tries)
	}
}

// try makes the situation of a scenario, runs its command with an injection, and checks what
// is there afterwards. It returns nil if the command couldn't be run.
func (b *bench) try(t *testing.T, s scenario, broken injection) *report {
	t.Helper()
	for _, command := range s.before {
		if _, err := b.run(command); err != nil {
			t.Fatalf("before: %v", err)
		}
	}
	if slices.Equal(s.command, begin) {
		broken.Init = b.init(t)
	}
	seen, output := b.inject(t, s.command, broken)
	b.tries++
	if seen == nil {
		_, _ = b.run(remove)
		return nil
	}
	if broken.At <= len(seen.Calls[broken.Role]) {
		b.reached++
	}
	at := fmt.Sprintf("%s at call %d of the %s (%s)", describe(broken), broken.At, broken.Role, name(seen, broken))
	if seen.Hangs {
		t.Errorf("%s: that hangs", at)
	}
	failed := seen.Status != 0
	switch {
	case broken.At == 0 && failed:
		t.Errorf("%s without a fault: exit status %d: %s", s.name, seen.Status, output)
	case broken.Errno != 0 && failed && len(output) == 0:
		t.Errorf("%s: exit status %d without a word", at, seen.Status)
	case bytes.Contains(output, []byte("goroutine ")) && !bytes.Contains(output, []byte("failed to create new OS thread")):
		t.Errorf("%s: %s", at, output)
	}
	if broken.Errno != 0 && failed && s.clean {
		if left := b.settled(); left != nil {
			t.Errorf("%s: the failure left %v", at, left)
		}
	}
	if s.after != "" && broken.Hold == nil {
		b.expect(t, at, s.after)
	}
	if slices.Equal(broken.Hold, begin) {
		b.expect(t, at, "running")
	}
	if _, err := b.run(remove); err != nil {
		t.Errorf("%s: %v", at, err)
	}
	if left := b.settled(); left != nil {
		t.Fatalf("%s: left after delete --force: %v\n%s", at, left, output)
	}
	return seen
}

func describe(broken injection) string {
	switch {
	case broken.Kill:
		return "killed"
	case broken.Hold != nil:
		return "held during " + broken.Hold[0]
	}
	return broken.Errno.Error()
}

// name returns the name of the system call that was broken.
func name(seen *report, broken injection) string {
	calls := seen.Calls[broken.Role]
	if broken.At == 0 || broken.At > len(calls) {
		return "not reached"
	}
	number := strconv.Itoa(calls[broken.At-1])
	header, _ := os.ReadFile("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
	for line := range strings.Lines(string(header)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[2] == number {
			return strings.TrimPrefix(fields[1], "__NR_")
		}
	}
	return number
}

// inject runs a command of the runtime under the tracer.
func (b *bench) inject(t *testing.T, command []string, broken injection) (*report, []byte) {
	t.Helper()
	broken.Argv = b.argv(command)
	if broken.Hold != nil {
		broken.Hold = b.argv(broken.Hold)
	}
	broken.File = filepath.Join(b.dir, "report")
	_ = os.Remove(broken.File)
	description, err := json.Marshal(broken)
	if err != nil {
		t.Fatal(err)
	}
	output, err := os.CreateTemp(b.dir, "output")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(output.Name())
	defer output.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), tracerVariable+"="+string(description))
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Run()
	said, _ := os.ReadFile(output.Name())
	if err != nil {
		// The command runs on without its tracer.
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		t.Errorf("%s at call %d of the %s: the command hangs, or the tracer fails: %v: %s", describe(broken), broken.At, broken.Role, err, said)
		return nil, said
	}
	content, err := os.ReadFile(broken.File)
	if err != nil {
		t.Fatal(err)
	}
	seen := &report{}
	if err := json.Unmarshal(content, seen); err != nil {
		t.Fatal(err)
	}
	return seen, said
}

func (b *bench) expect(t *testing.T, at, want string) {
	t.Helper()
	status, _, err := b.state()
	if err != nil || status != want {
		t.Errorf("%s: the container is %s (%v), want %s", at, status, err, want)
	}
}

// points spreads tries over system calls.
func points(t *testing.T, count int) []int {
	t.Helper()
	tries := 6
	switch value := os.Getenv("FAULTS"); {
	case value == "":
	case value == "all":
		tries = count
	case strings.HasPrefix(value, "@"):
		at, err := strconv.Atoi(value[1:])
		if err != nil {
			t.Fatalf("FAULTS=%s: @ and the number of a call", value)
		}
		return []int{at}
	default:
		var err error
		if tries, err = strconv.Atoi(value); err != nil {
			t.Fatalf("FAULTS=%s: neither a number nor all", value)
		}
	}
	tries = min(tries, count)
	var at []int
	for i := range tries {
		at = append(at, 1+i*count/tries)
	}
	return at
}
