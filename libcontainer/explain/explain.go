// Package explain turns a failure of the child, or of starting it, into an error that a
// user can act on. It looks on the host and in the rootfs for what the errno hides,
// after the failure and without changing anything: a hint says only what was seen.
package explain

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// Setup is the information that explains a failed step.
type Setup struct {
	// Plan has at least the steps from the failed one on.
	Plan   *plan.Plan
	Rootfs string
	Linux  *specs.Linux // nil if it has no influence on the steps of Plan
	// Task is what the steps were for; "" is to start a process.
	Task string
}

// Step returns the error for a failed step that the child has reported: what the step
// was about, its place in config.json, the kernel's errno, and a hint if the errno is
// misleading. It is a *fault.Fault, and errors.Is finds the errno.
func (s Setup) Step(f *nsenter.Failure) error {
	i, ok := Find(s.Plan, f.Step)
	if !ok {
		return fmt.Errorf("unable to start container process: %s: a step that isn't in the plan: %w", f.Step.Kind, f.Errno)
	}
	step := &s.Plan.Steps[i]
	known := &fault.Fault{Code: codeOf(step.Op, f), Step: step.Op.Kind().String(), Field: step.Origin.Pointer}
	if h, ok := step.Op.(plan.Hook); ok {
		known.Err = explainHook(step.Origin, h, f)
		return known
	}
	reason := f.Errno.Error()
	if f.Part == nsenter.PartSearch && f.Errno == unix.ENOENT {
		reason = "executable file not found in $PATH"
	}
	what, hint := Describe(step.Op, f)
	if found := s.diagnose(i, step.Op, f); found != "" {
		hint = found
	}
	if hint == "" && (f.Errno == unix.EACCES || f.Errno == unix.EPERM) {
		hint = confinedHint()
	}
	known.Hint = hint
	switch step.Op.(type) {
	case plan.Exec, plan.ResolveExec:
	default:
		hint = joinHints(f.Text, hint)
	}
	if !step.Origin.IsZero() {
		what = step.Origin.String() + ": " + what
	}
	if hint != "" {
		hint = " (" + hint + ")"
	}
	known.Err = &stepError{text: fmt.Sprintf("%s: %s: %s%s", cmp.Or(s.Task, "unable to start container process"), what, reason, hint), errno: f.Errno, kind: step.Op.Kind()}
	return known
}

// Find returns the index in p of the step that the child names at. p may have only the
// last steps of the child's plan; ok is false for earlier ones.
func Find(p *plan.Plan, at nsenter.Position) (i int, ok bool) {
	i = len(p.Steps) - at.Total + at.Index
	return i, i >= 0 && i < len(p.Steps) && p.Steps[i].Op.Kind() == at.Kind
}

// stepError is the error of a step that has failed in the child. It unwraps to the
// errno.
type stepError struct {
	text  string
	errno unix.Errno
	kind  plan.Kind
}

func (e *stepError) Error() string { return e.text }
func (e *stepError) Unwrap() error { return e.errno }

// Is reports whether target is fault.ErrNotExecuted and the step was execve(2).
func (e *stepError) Is(target error) bool {
	return target == fault.ErrNotExecuted && e.kind == plan.KindExec
}

// joinHints joins the hints that aren't "".
func joinHints(hints ...string) string {
	var set []string
	for _, h := range hints {
		if h != "" {
			set = append(set, h)
		}
	}
	return strings.Join(set, "; ")
}

// codeOf returns the code of a failed step.
func codeOf(op plan.Op, f *nsenter.Failure) fault.Code {
	switch op.(type) {
	case plan.ResolveExec, plan.Exec:
		switch f.Errno {
		case unix.ENOENT, unix.ENOTDIR:
			return fault.ProgramNotFound
		case unix.E2BIG, unix.ENOMEM, unix.EAGAIN:
			return fault.ProcessFailed
		}
		return fault.ProgramNotExecutable
	case plan.Mount, plan.Bind, plan.CloneTree, plan.Unmount, plan.Toolbox, plan.Directory, plan.Device, plan.Symlink, plan.Attributes,
		plan.MakeReadonly, plan.Mask, plan.Readonly, plan.Pivot, plan.Root, plan.Propagation, plan.Proc:
		return fault.MountFailed
	case plan.Join, plan.JoinProcess, plan.Unshare, plan.Fork, plan.BecomeRoot:
		return fault.NamespaceFailed
	case plan.Cgroup:
		return fault.CgroupFailed
	case plan.Loopback:
		return fault.NetworkFailed
	case plan.Hook:
		return fault.HookFailed
	}
	return fault.ProcessFailed
}

// explainHook returns the error of a hook in runc's words: tests and users look for
// "error running KIND hook #N:".
func explainHook(origin place.Place, o plan.Hook, f *nsenter.Failure) error {
	kind, index := hook.At(origin)
	var cause error = f.Errno
	switch f.Part {
	case nsenter.PartStatus:
		cause = errors.New(reap.Describe(f.Status))
	case nsenter.PartTimeout:
		cause = hook.TimeoutError(float64(o.Timeout))
	}
	return fmt.Errorf("error running %s hook #%s: %s %s: %w%s", kind, index, origin, o.Path, cause, hook.Quote("output", hook.Printable(f.Text)))
}
