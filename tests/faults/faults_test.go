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
	// changed reports whether the container has what the command changes; the error is for one
	// that has a part of it. A command that is killed may leave a part; after each fault a
	// second try has to make the rest.
	changed func(b *bench) (bool, error)
}

var (
	create = []string{"create", id}
	begin  = []string{"start", id}
	remove = []string{"delete", "--force", id}
	kill   = []string{"kill", id, "KILL"}
)

// The bundle's program is sleep; scenarios that need one that ends at once use short. The
// container of joining shares its pid namespace, and enters it last. That of brief ends after
// a moment, that of filtered calls what its profile refuses, and Landlock restricts that of
// restricted.
const short = "--bundle=short"

var (
	addMounts    = []string{"mounts", "add", "--type=tmpfs", "--target=/added", id}
	bindMount    = []string{"mounts", "add", "--source=rootfs/bin", "--target=/added", "--options=ro", id}
	updateAll    = []string{"update", "--pids-limit=50", "--cpu-share=512", "--memory=64m", id}
	addDevice    = []string{"update", "--pids-limit=50", "--device-add=/dev/fuse:rw", id}
	removeDevice = []string{"update", "--device-remove=/dev/fuse", id}
)

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
	{name: "mounts-add", before: [][]string{create, begin}, command: addMounts, after: "running", changed: added},
	{name: "mounts-add-bind", before: [][]string{create, begin}, command: bindMount, after: "running", changed: added},
	{name: "mounts-remove", before: [][]string{create, begin, addMounts}, command: []string{"mounts", "remove", id, "/added"}, after: "running", changed: not(added)},
	{name: "mounts-list", before: [][]string{create, begin}, command: []string{"mounts", "list", id}, after: "running"},
	{name: "update-several", before: [][]string{create, begin}, command: updateAll, after: "running", changed: limited},
	{name: "update-device-add", before: [][]string{create, begin}, command: addDevice, after: "running", changed: hasDevice},
	{name: "update-device-remove", before: [][]string{create, begin, addDevice}, command: removeDevice, after: "running", changed: not(hasDevice)},
	{name: "exec-ns", before: [][]string{create, begin}, command: []string{"exec", "--ns=net,uts", id, "/bin/true"}, after: "running"},
	{name: "seccomp-record", command: []string{"seccomp", "record", short, "--output=profile.json", id}, changed: written("profile.json")},
	{name: "run-seccomp-log", command: []string{"run", "--bundle=filtered", "--seccomp-log=refused", id}},
	{name: "run-trace", command: []string{"--trace=trace.json", "run", short, id}},
	{name: "run-restricted", command: []string{"run", "--detach", "--bundle=restricted", id}, clean: true},
	{name: "wait", before: [][]string{{"create", "--bundle=brief", id}, begin}, command: []string{"wait", id}},
	{name: "inspect", before: [][]string{create, begin}, command: []string{"inspect", id}, after: "running"},
	{name: "stats", before: [][]string{create, begin}, command: []string{"stats", "--no-stream", "--interval=100ms", id}, after: "running"},
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
	b.bundle(t, "brief", b.cgroup, `"sleep", "0.5"`)
	b.bundle(t, "filtered", b.cgroup, `"sh", "-c", "umask 0"`)
	edit(t, "filtered", map[string]string{
		`"linux": {`: `"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["umask"], "action": "SCMP_ACT_ERRNO"}]},`,
	})
	b.bundle(t, "restricted", b.cgroup, `"sleep", "1000"`)
	edit(t, "restricted", map[string]string{`"linux": {`: `"annotations": {"org.runnel.landlock.write": "/dev"}, "linux": {`})
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
	switch {
	case s.changed == nil:
	case broken.Hold != nil:
		_, _ = s.changed(b) // the container was deleted meanwhile: what is there by then is right
	default:
		b.expectChange(t, at, s, broken, failed)
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

// expectChange checks that a command has made all of its change, or none if it has failed, and
// that a second try makes it.
func (b *bench) expectChange(t *testing.T, at string, s scenario, broken injection, failed bool) {
	t.Helper()
	switch changed, err := s.changed(b); {
	case broken.Kill && changed && err == nil:
		return
	case broken.Kill:
	case err != nil:
		t.Errorf("%s: half of the change: %v", at, err)
	case changed == failed:
		t.Errorf("%s: the command has failed: %t, and the change is there: %t", at, failed, changed)
	case changed:
		return
	}
	if len(s.before) == 0 {
		_, _ = b.run(remove)
	}
	if _, err := b.run(s.command); err != nil {
		t.Errorf("%s: the second try: %v", at, err)
		return
	}
	if changed, err := s.changed(b); err != nil || !changed {
		t.Errorf("%s: after the second try the change is there: %t (%v)", at, changed, err)
	}
}

// not is for a command that takes away what another one adds.
func not(is func(*bench) (bool, error)) func(*bench) (bool, error) {
	return func(b *bench) (bool, error) {
		changed, err := is(b)
		return !changed, err
	}
}

// added reports whether the container has the mount at /added.
func added(b *bench) (bool, error) {
	_, pid, err := b.state()
	if err != nil {
		return false, err
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	return strings.Contains(string(content), " /added "), err
}

// limited reports whether the container has the limits of updateAll.
func limited(b *bench) (bool, error) {
	content, err := b.run(append([]string{"update", "--dry-run", "--format=json"}, updateAll[1:]...))
	if err != nil {
		return false, err
	}
	var changes []struct{ Target, Old, New string }
	if err := json.Unmarshal(content, &changes); err != nil {
		return false, fmt.Errorf("%w: %s", err, content)
	}
	reached := slices.DeleteFunc(slices.Clone(changes), func(c struct{ Target, Old, New string }) bool { return c.Old != c.New })
	if n := len(reached); n != 0 && n != len(changes) {
		return false, fmt.Errorf("%+v", changes)
	}
	return len(reached) != 0, nil
}

// hasDevice reports whether the container has the node /dev/fuse, may open it, and knows that
// it was added.
func hasDevice(b *bench) (bool, error) {
	_, pid, err := b.state()
	if err != nil {
		return false, err
	}
	_, err = os.Lstat(fmt.Sprintf("/proc/%d/root/dev/fuse", pid))
	has := err == nil
	_, err = b.run([]string{"exec", id, "/bin/sh", "-c", ": </dev/fuse"})
	opens := err == nil
	_, err = b.run([]string{"update", "--dry-run", "--device-remove=/dev/fuse", id})
	knows := err == nil
	if has != opens || has != knows {
		return false, fmt.Errorf("the node is there: %t, can be opened: %t, can be removed: %t", has, opens, knows)
	}
	return has, nil
}

// written reports whether a seccomp profile is complete, and removes it.
func written(profile string) func(*bench) (bool, error) {
	return func(*bench) (bool, error) {
		content, err := os.ReadFile(profile)
		if os.IsNotExist(err) {
			return false, nil
		}
		_ = os.Remove(profile)
		if err != nil || !json.Valid(content) || !bytes.Contains(content, []byte("exit_group")) {
			return false, fmt.Errorf("%s is %q (%w)", profile, content, err)
		}
		return true, nil
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
