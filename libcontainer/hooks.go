package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
)

// runHooks runs hooks of the runtime's namespaces one after the other and stops
// at the first that fails.
func (r *Runtime) runHooks(kind string, hooks []specs.Hook, state specs.State) error {
	for i := range hooks {
		if err := r.runHook(kind, i, &hooks[i], state); err != nil {
			return err
		}
	}
	return nil
}

// runHook runs one hook: config.md#posix-platform-hooks. The state goes to its
// standard input. What it prints goes to the log, or into the error. At its
// timeout its whole process group is killed; what has left that group, by
// setsid(2), is out of reach. The words "error running KIND hook #N:" are runc's.
func (r *Runtime) runHook(kind string, index int, hook *specs.Hook, state specs.State) error {
	origin := "hooks." + kind + "[" + strconv.Itoa(index) + "] " + hook.Path
	var out, errs hookOutput
	err := execHook(hook, state, &out, &errs)
	if err == nil {
		r.logHook(origin, out.text(), errs.text())
		return nil
	}
	err = fmt.Errorf("error running %s hook #%d: %s: %w, stdout: %s, stderr: %s", kind, index, origin, err,
		strings.TrimSpace(out.text()), strings.TrimSpace(errs.text()))
	return &Fault{Err: err, Code: CodeHookFailed, Step: "hook", Field: "/hooks/" + kind + "/" + strconv.Itoa(index)}
}

// mostLines of one hook are logged; of more, the first and the last half.
const mostLines = 50

// logHook logs the lines that a hook has printed.
func (r *Runtime) logHook(origin string, outputs ...string) {
	if r.Info == nil {
		return
	}
	for _, output := range outputs {
		output = strings.TrimRight(output, "\n")
		if output == "" {
			continue
		}
		lines := strings.Split(output, "\n")
		if n := len(lines); n > mostLines {
			lines = append(append(lines[:mostLines/2:mostLines/2], strings.Trim(cut, "\n")), lines[n-mostLines/2:]...)
		}
		for _, line := range lines {
			r.Info(origin + ": " + line)
		}
	}
}

func execHook(hook *specs.Hook, state specs.State, out, errs *hookOutput) error {
	content, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state for hooks: %w", err)
	}
	input, err := nsenter.NewStateFile()
	if err != nil {
		return err
	}
	defer input.Close()
	if err := input.Fill(content); err != nil {
		return err
	}
	outWriter, err := out.open()
	if err != nil {
		return err
	}
	defer out.close()
	errsWriter, err := errs.open()
	if err != nil {
		unix.Close(outWriter)
		return err
	}
	defer errs.close()

	// The hook's parent is a thread of its own, whose end is the hook's, too: a
	// runtime that is killed leaves none behind (PR_SET_PDEATHSIG, prctl(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := startHook(hook, input.FD(), outWriter, errsWriter)
	unix.Close(outWriter)
	unix.Close(errsWriter)
	if err != nil {
		return err
	}
	defer unix.Close(p.fd)
	return p.wait(hook.Timeout, out, errs)
}

// hookProcess is a running hook, which leads a process group.
type hookProcess struct{ pid, fd int }

func startHook(hook *specs.Hook, stdio ...int) (p hookProcess, err error) {
	args, env := hook.Args, hook.Env
	if len(args) == 0 {
		args = []string{hook.Path}
	}
	if env == nil {
		env = []string{} // nil would be that of the runtime
	}
	attr := &syscall.ProcAttr{Env: env, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &p.fd}}
	for _, fd := range stdio {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	p.pid, err = syscall.ForkExec(hook.Path, args, attr)
	if err != nil {
		return p, fmt.Errorf("exec: %w", err)
	}
	return p, nil
}

// wait reads what the hook prints until it has ended. A process that it has left
// behind isn't waited for, although it may hold a pipe open: what that prints
// later is lost, and it gets SIGPIPE.
func (p hookProcess) wait(timeout *int, outputs ...*hookOutput) error {
	var deadline time.Time
	if timeout != nil && *timeout > 0 {
		deadline = time.Now().Add(time.Duration(*timeout) * time.Second)
	}
	late := false
	for !p.poll(deadline, outputs) {
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			late = true
			deadline = time.Time{}
			_ = unix.Kill(-p.pid, unix.SIGKILL)
		}
	}
	for _, o := range outputs {
		o.drain()
	}
	status, err := wait(p.pid)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the hook: %w", err)
	case late:
		return hookTimeout(float64(*timeout))
	case status != 0:
		return errors.New(describeStatus(status))
	}
	return nil
}

// poll waits for output, the hook's end or the deadline, and tells whether the
// hook has ended.
func (p hookProcess) poll(deadline time.Time, outputs []*hookOutput) bool {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	for _, o := range outputs {
		fds = append(fds, unix.PollFd{Fd: int32(o.fd), Events: unix.POLLIN})
	}
	left := -1
	if !deadline.IsZero() {
		left = int(max(0, time.Until(deadline)+time.Millisecond-1) / time.Millisecond)
	}
	if n, _ := unix.Poll(fds, left); n <= 0 {
		return false
	}
	for i, o := range outputs {
		if fds[i+1].Revents != 0 {
			o.read()
		}
	}
	return fds[0].Revents != 0
}

// hookTimeout is runc's text.
type hookTimeout float64

func (t hookTimeout) Error() string {
	return fmt.Sprintf("hook ran past specified timeout of %.1fs", float64(t))
}
