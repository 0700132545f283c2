package libcontainer

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// explain makes a sentence of what the child says of a failed step: what it was
// about, where in config.json it stands, the kernel's errno, and a hint where
// the errno misleads. errors.Is finds the errno.
func explain(p *plan.Plan, rootfs string, f *nsenter.Failure) error {
	i := len(p.Steps) - f.Left
	if i < 0 || i >= len(p.Steps) {
		return fmt.Errorf("unable to start container process: a step that isn't in the plan: %w", f.Errno)
	}
	step := &p.Steps[i]
	if hook, ok := step.Op.(plan.Hook); ok {
		return explainHook(step.Origin, hook, f)
	}
	reason := f.Errno.Error()
	if f.Part == nsenter.PartSearch && f.Errno == unix.ENOENT {
		reason = "executable file not found in $PATH"
	}
	what, hint := describe(step.Op, f)
	if _, ok := step.Op.(plan.Exec); ok {
		if found := diagnose(rootfs, f.Text, f.Errno); found != "" {
			hint = found
		}
		f.Text = ""
	}
	if step.Origin != "" {
		what = step.Origin + ": " + what
	}
	if f.Text != "" {
		hint = joinHints(f.Text, hint)
	}
	if hint != "" {
		hint = " (" + hint + ")"
	}
	return &StepError{text: fmt.Sprintf("unable to start container process: %s: %s%s", what, reason, hint), errno: f.Errno}
}

// StepError is a failed step of the child. It unwraps to the errno.
type StepError struct {
	text  string
	errno unix.Errno
}

func (e *StepError) Error() string { return e.text }
func (e *StepError) Unwrap() error { return e.errno }

func joinHints(hints ...string) string {
	var set []string
	for _, h := range hints {
		if h != "" {
			set = append(set, h)
		}
	}
	return strings.Join(set, "; ")
}

// describe says what the step was about to do, and what its errno may mean.
func describe(op plan.Op, f *nsenter.Failure) (what, hint string) {
	switch o := op.(type) {
	case plan.Mount:
		return describeMount(o, f)
	case plan.Bind:
		return describeBind(o, f)
	case plan.Find:
		return describeFind(o, f)
	case plan.Exec:
		return describeExec(o, f)
	case plan.Device:
		return describeDevice(o, f)
	case plan.Chdir:
		return describeChdir(o, f)
	case plan.Identity:
		return describeIdentity(o, f)
	case plan.Console:
		return describeConsole(f)
	}
	return describeSimple(op, f)
}

func describeMount(o plan.Mount, f *nsenter.Failure) (what, hint string) {
	what = fmt.Sprintf("mount %s on %s", o.FSType, o.Target)
	switch f.Part {
	case nsenter.PartTarget:
		return what + ": " + targetWords(o.NoSymlink), targetHint(f.Errno, o.NoSymlink)
	case nsenter.PartOpenType:
		return what, "unknown file system type"
	case nsenter.PartParameter:
		return what + ": option", ""
	case nsenter.PartCopy:
		return what + ": copy up what is in the image", ""
	case nsenter.PartPropagation:
		return what + ": set its propagation", ""
	}
	if f.Errno == unix.EPERM && (o.FSType == "sysfs" || o.FSType == "proc") {
		return what, "in a user namespace this needs a network or pid namespace of its own, and a host on which it isn't covered by other mounts"
	}
	return what, ""
}

func targetWords(noSymlink bool) string {
	if noSymlink {
		return "its mount point must be a directory and not a symbolic link"
	}
	return "its mount point"
}

func targetHint(errno unix.Errno, noSymlink bool) string {
	switch {
	case errno == unix.EROFS:
		return "it isn't in the rootfs, and can't be made there because that is read-only"
	case errno == unix.EACCES || errno == unix.EPERM:
		return "the rootfs may belong to an id that isn't mapped into the user namespace"
	case errno == unix.ENOTDIR && !noSymlink:
		return "a file can only be mounted on a file, and a directory on a directory"
	}
	return ""
}

func describeBind(o plan.Bind, f *nsenter.Failure) (what, hint string) {
	source := o.Source
	if source == "" {
		source = o.File
	}
	switch f.Part {
	case nsenter.PartSource:
		return "bind source " + source, ""
	case nsenter.PartNotProc:
		return fmt.Sprintf("bind %s on %s", source, o.Target), "only a procfs may be mounted on /proc"
	case nsenter.PartTarget:
		return fmt.Sprintf("bind %s on %s: %s", source, o.Target, targetWords(o.NoSymlink)), targetHint(f.Errno, o.NoSymlink)
	case nsenter.PartAttach:
		if f.Errno == unix.ENOTDIR {
			hint = targetHint(f.Errno, false)
		}
	case nsenter.PartLocked:
		return fmt.Sprintf("bind %s on %s: cannot clear locked flags", source, o.Target),
			"the source is mounted with flags that a user namespace may not take away"
	case nsenter.PartAttribute:
		return fmt.Sprintf("bind %s on %s: set its options", source, o.Target), attributeHint(f.Errno)
	case nsenter.PartPropagation:
		return fmt.Sprintf("bind %s on %s: set its propagation", source, o.Target), ""
	}
	return fmt.Sprintf("bind %s on %s", source, o.Target), hint
}

func attributeHint(errno unix.Errno) string {
	if errno == unix.ENOSYS {
		return "recursive mount options need Linux 5.12"
	}
	return ""
}

func describeFind(o plan.Find, f *nsenter.Failure) (what, hint string) {
	if f.Part != nsenter.PartSearch && (f.Errno == unix.ENOENT || f.Errno == unix.ENOTDIR) {
		return fmt.Sprintf("exec: %q: stat %s", o.Name, o.Name), ""
	}
	return fmt.Sprintf("exec: %q", o.Name), permissionHint(f.Errno)
}

func permissionHint(errno unix.Errno) string {
	switch errno {
	case unix.EISDIR:
		// execve(2) says EACCES of a directory; podman makes 126 of these words.
		return "permission denied: it must be a regular file"
	case unix.EACCES:
		return "it must be a regular file with execute permission for the user of the process, on a mount without noexec"
	}
	return ""
}

func describeExec(o plan.Exec, f *nsenter.Failure) (what, hint string) {
	name := ""
	if len(o.Args) > 0 {
		name = o.Args[0]
	}
	switch f.Errno {
	case unix.ENOENT:
		hint = "the file is there, but the interpreter that it names isn't: the loader of a dynamically linked program, or the #! line of a script"
	case unix.ENOEXEC:
		hint = "it is for another architecture, or a script without a #! line"
	case unix.EACCES:
		hint = "its interpreter isn't executable, or an LSM denies it"
	case unix.E2BIG:
		hint = "the arguments and the environment are too long"
	}
	return fmt.Sprintf("exec: %q", name), hint
}

func describeDevice(o plan.Device, f *nsenter.Failure) (what, hint string) {
	what = "device " + o.Path
	switch f.Part {
	case nsenter.PartMismatch:
		return what, "what is there is not the device that is asked for"
	case nsenter.PartSource, nsenter.PartVerify:
		return fmt.Sprintf("%s: bind the host's %s", what, o.Source), ""
	case nsenter.PartOwner:
		return what + ": set its owner", ""
	}
	return what, ""
}

func describeChdir(o plan.Chdir, f *nsenter.Failure) (what, hint string) {
	if f.Part == nsenter.PartOutside {
		return fmt.Sprintf("chdir to cwd %q: current working directory is outside of container mount namespace root -- possible container breakout detected", o.Path), ""
	}
	return fmt.Sprintf("chdir to cwd (%q) set in config.json failed", o.Path), ""
}

func describeIdentity(o plan.Identity, f *nsenter.Failure) (what, hint string) {
	switch f.Part {
	case nsenter.PartGroups:
		what = "set the additional groups"
	case nsenter.PartGID:
		what = fmt.Sprintf("set gid %d", o.GID)
	default:
		what = fmt.Sprintf("set uid %d", o.UID)
	}
	if f.Errno == unix.EINVAL {
		hint = "it isn't mapped into the user namespace"
	}
	return what, hint
}

func describeConsole(f *nsenter.Failure) (what, hint string) {
	switch f.Part {
	case nsenter.PartVerify, nsenter.PartOpen:
		return "terminal: open /dev/pts/ptmx", "a terminal needs a devpts mounted at /dev/pts in the container"
	case nsenter.PartSend:
		return "terminal: send its master to the console socket", ""
	case nsenter.PartTarget, nsenter.PartAttach:
		return "terminal: bind it on /dev/console", ""
	}
	return "terminal", ""
}

func describeSimple(op plan.Op, f *nsenter.Failure) (what, hint string) {
	switch o := op.(type) {
	case plan.Join:
		return "join the namespace", ""
	case plan.JoinProcess:
		return "enter the container", ""
	case plan.Unshare, plan.Fork:
		return "make namespaces", namespaceHint(f.Errno)
	case plan.BecomeRoot:
		return "become root of the user namespace", ""
	case plan.Root:
		return fmt.Sprintf("rootfs %s", o.Path), ""
	case plan.Sysctl:
		return fmt.Sprintf("write %q to /proc/sys/%s", o.Value, o.Path), ""
	case plan.Label:
		return fmt.Sprintf("write %q to /proc/self/%s", o.Value, o.Path), ""
	case plan.Mask:
		return "mask " + o.Path, ""
	case plan.Readonly:
		return "make " + o.Path + " read-only", ""
	case plan.Directory:
		return "make directory " + o.Path, ""
	case plan.Symlink:
		return "link " + o.Path, ""
	case plan.Rlimit:
		return fmt.Sprintf("set %s to %d:%d", o.Name, o.Soft, o.Hard), limitHint(f.Errno)
	case plan.OOMScoreAdj:
		return fmt.Sprintf("set oom_score_adj to %d", o.Value), limitHint(f.Errno)
	case plan.Capabilities:
		return "set capabilities", ""
	case plan.Seccomp:
		return "load the seccomp filter", ""
	case plan.Attributes:
		return "change the mount " + o.Path, ""
	case plan.Propagation:
		return "set the propagation of " + o.Path, propagationHint(f.Errno)
	}
	return op.Kind().String(), ""
}

func propagationHint(errno unix.Errno) string {
	if errno == unix.EINVAL {
		return "it isn't a mount point: the runtime may run in a chroot"
	}
	return ""
}

func namespaceHint(errno unix.Errno) string {
	switch errno {
	case unix.EPERM:
		return "without root this needs a user namespace, and a host that allows them to users"
	case unix.ENOSPC:
		return "a limit in /proc/sys/user is reached"
	}
	return ""
}

func limitHint(errno unix.Errno) string {
	if errno == unix.EPERM || errno == unix.EACCES {
		return "the runtime lacks CAP_SYS_RESOURCE"
	}
	return ""
}

// explainHook has runc's words: tests and users look for "error running KIND
// hook #N:". The origin is "hooks.KIND[N] PATH".
func explainHook(origin string, hook plan.Hook, f *nsenter.Failure) error {
	kind, index := "createContainer", "0"
	if place, ok := strings.CutPrefix(origin, "hooks."); ok {
		if open := strings.IndexByte(place, '['); open > 0 {
			kind = place[:open]
			index, _, _ = strings.Cut(place[open+1:], "]")
		}
	}
	cause := f.Errno.Error()
	switch f.Part {
	case nsenter.PartStatus:
		cause = describeStatus(unix.WaitStatus(f.Errno))
	case nsenter.PartTimeout:
		cause = fmt.Sprintf("hook ran past specified timeout of %.1fs", float64(hook.Timeout))
	}
	return fmt.Errorf("error running %s hook #%s: %s: %s, output: %s", kind, index, origin, cause, f.Text)
}
