// Package hook runs the hooks of a container that run in the runtime's namespaces,
// config.md "POSIX-platform Hooks". It also provides the state that hooks in the
// container's namespaces read; those are run by the child.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/trace"
	"github.com/runnel/runnel/nsenter"
)

// Runner runs hooks. Info receives each line that a hook prints, Debug how long each has
// run; nil discards them. Dir is their working directory; "" is that of the runtime.
type Runner struct {
	Info, Debug func(string)
	Dir         string
	Trace       *trace.Trace // nil for none
}

// RunAll runs hooks in their order, and stops at the first that fails. The kind is the
// name of their list, such as "createRuntime". When ctx is done, the running hook is
// killed as at its timeout.
func (r Runner) RunAll(ctx context.Context, kind string, hooks []specs.Hook, state specs.State) error {
	for i := range hooks {
		if err := r.Run(ctx, kind, i, &hooks[i], state); err != nil {
			return err
		}
	}
	return nil
}

// Run runs one hook, the one at index in the list kind. It writes the state to the
// hook's standard input. The hook's output is logged, or made part of the error. At the
// timeout Run kills the hook's process group; processes that have left the group by
// setsid(2) are not reached. The error is a *fault.Fault; its words "error running KIND
// hook #N:" are runc's.
func (r Runner) Run(ctx context.Context, kind string, index int, hook *specs.Hook, state specs.State) error {
	at := Place(kind, index)
	origin := at.String() + " " + hook.Path
	var out, errs output
	begin, end := time.Now(), r.Trace.Begin("hook "+hook.Path, "place", at.String())
	err := r.execute(ctx, hook, state, &out, &errs)
	end(err)
	if r.Debug != nil {
		r.Debug(fmt.Sprintf("%s: ended after %v", origin, time.Since(begin)))
	}
	if err == nil {
		r.Log(origin, out.text(), errs.text())
		return nil
	}
	err = fmt.Errorf("error running %s hook #%d: %s: %w%s%s", kind, index, origin, err,
		Quote("stdout", out.text()), Quote("stderr", errs.text()))
	return &fault.Fault{Err: err, Code: fault.HookFailed, Step: "hook", Field: at.Pointer}
}

// Quote returns what a hook has printed as the end of a sentence; "" if it is blank.
func Quote(what, text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return ", " + what + ": " + text
}

// Place returns the place of a hook in config.json.
func Place(kind string, index int) place.Place {
	return place.At("/hooks").Key(kind).Index(index)
}

// At returns the list and the index of a hook from a place that Place has returned.
func At(p place.Place) (kind, index string) {
	kind, index, _ = strings.Cut(strings.TrimPrefix(p.Pointer, "/hooks/"), "/")
	return kind, index
}

// maxLines is the number of lines of one hook that are logged. Of more lines, the first
// and the last maxLines/2 are logged.
const maxLines = 50

// Log logs the lines that a hook has printed, each with origin before it.
func (r Runner) Log(origin string, outputs ...string) {
	if r.Info == nil {
		return
	}
	for _, output := range outputs {
		output = strings.TrimRight(output, "\n")
		if output == "" {
			continue
		}
		lines := strings.Split(output, "\n")
		if n := len(lines); n > maxLines {
			lines = append(append(lines[:maxLines/2:maxLines/2], strings.Trim(cut, "\n")), lines[n-maxLines/2:]...)
		}
		for _, line := range lines {
			r.Info(origin + ": " + line)
		}
	}
}

// execute runs a hook and waits until it has ended.
func (r Runner) execute(ctx context.Context, hook *specs.Hook, state specs.State, out, errs *output) error {
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

	// The kernel kills the hook when the thread that has started it ends, so that no hook
	// outlives a runtime that is killed (PR_SET_PDEATHSIG, prctl(2)). The goroutine must
	// therefore stay on its thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := r.start(hook, input.FD(), outWriter, errsWriter)
	unix.Close(outWriter)
	unix.Close(errsWriter)
	if err != nil {
		return err
	}
	defer unix.Close(p.fd)
	return p.wait(ctx, hook.Timeout, out, errs)
}

// process is a running hook, the leader of a process group.
type process struct{ pid, fd int }

// kill kills the process group. The leader hasn't been reaped, so its pid can't have
// been reused.
func (p process) kill() { _ = unix.Kill(-p.pid, unix.SIGKILL) }

// start starts a hook with these standard streams. One without env has the runtime's
// environment.
func (r Runner) start(hook *specs.Hook, stdio ...int) (p process, err error) {
	args, env := hook.Args, hook.Env
	if len(args) == 0 {
		args = []string{hook.Path}
	}
	if env == nil {
		env = os.Environ()
	}
	attr := &syscall.ProcAttr{Dir: r.Dir, Env: env, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &p.fd}}
	for _, fd := range stdio {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	p.pid, err = syscall.ForkExec(hook.Path, args, attr)
	if err != nil {
		return p, fmt.Errorf("exec: %w", err)
	}
	return p, nil
}

// wait reads the hook's output until the hook has ended. It doesn't wait for processes
// that the hook has left behind, although they may hold a pipe open: what they print
// later is lost, and they get SIGPIPE.
func (p process) wait(ctx context.Context, timeout *int, outputs ...*output) error {
	cancelled, err := cancel.On(ctx)
	if err != nil {
		p.kill()
		_, _ = reap.Wait(p.pid)
		return err
	}
	defer cancelled.Close()
	var deadline time.Time
	if timeout != nil && *timeout > 0 {
		deadline = time.Now().Add(time.Duration(*timeout) * time.Second)
	}
	late, killed := false, false
	for !p.poll(deadline, cancelled.PollFd(), outputs) {
		late = late || !deadline.IsZero() && !time.Now().Before(deadline)
		if !killed && (late || ctx.Err() != nil) {
			killed = true
			deadline = time.Time{}
			cancelled.Close()
			p.kill()
		}
	}
	for _, o := range outputs {
		o.drain()
	}
	status, err := reap.Wait(p.pid)
	switch {
	case err != nil:
		return fmt.Errorf("wait for the hook: %w", err)
	case late:
		return TimeoutError(float64(*timeout))
	case killed:
		return ctx.Err()
	case status != 0:
		return errors.New(reap.Describe(status))
	}
	return nil
}

// poll waits until there is output, the hook has ended, the deadline has passed, or
// cancelled is ready. It reads the output, and reports whether the hook has ended.
func (p process) poll(deadline time.Time, cancelled unix.PollFd, outputs []*output) bool {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, cancelled}
	for _, o := range outputs {
		fds = append(fds, unix.PollFd{Fd: int32(o.fd), Events: unix.POLLIN})
	}
	timeout := -1
	if !deadline.IsZero() {
		timeout = int(max(0, time.Until(deadline)+time.Millisecond-1) / time.Millisecond)
	}
	if n, _ := unix.Poll(fds, timeout); n <= 0 {
		return false
	}
	for i, o := range outputs {
		if fds[i+2].Revents != 0 {
			o.read()
		}
	}
	return fds[0].Revents != 0
}

// TimeoutError is the error of a hook that was killed at its timeout, which is its
// value in seconds. Its text is runc's.
type TimeoutError float64

func (t TimeoutError) Error() string {
	return fmt.Sprintf("hook ran past specified timeout of %.1fs", float64(t))
}
