// Package explain turns a failure of the child, or of starting it, into an error that a
// user can act on. It looks on the host and in the rootfs for what the errno hides,
// after the failure and without changing anything: a hint says only what was seen.
package explain

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
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
	what, hint := describe(step.Op, f)
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
	known.Err = &stepError{text: fmt.Sprintf("unable to start container process: %s: %s%s", what, reason, hint), errno: f.Errno}
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
}

func (e *stepError) Error() string { return e.text }
func (e *stepError) Unwrap() error { return e.errno }

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
	case plan.Mount, plan.Bind, plan.Directory, plan.Device, plan.Symlink, plan.Attributes, plan.Mask,
		plan.Readonly, plan.Pivot, plan.Root, plan.Propagation, plan.Proc:
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

// describe returns what the step was doing, and what its errno may mean.
func describe(op plan.Op, f *nsenter.Failure) (what, hint string) {
	switch o := op.(type) {
	case plan.Mount:
		return describeMount(o, f)
	case plan.Bind:
		return describeBind(o, f)
	case plan.ResolveExec:
		return describeResolveExec(o, f)
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
		return what + ": " + targetWords(o.NoSymlink), TargetHint(f.Errno, o.NoSymlink)
	case nsenter.PartOpenType:
		if f.Errno == unix.EPERM {
			return what, namespaceOfMount(o.FSType)
		}
		return what, typeHint(f.Errno)
	case nsenter.PartParameter:
		return what + ": option", mountHint(o, f.Errno)
	case nsenter.PartCopy:
		return what + ": copy up what is in the image", ""
	case nsenter.PartPropagation:
		return what + ": set its propagation", ""
	}
	if f.Errno == unix.EPERM {
		return what, namespaceOfMount(o.FSType)
	}
	return what, mountHint(o, f.Errno)
}

func typeHint(errno unix.Errno) string {
	if errno == unix.ENODEV {
		return "the kernel knows no such file system: see /proc/filesystems; a module may be missing"
	}
	return ""
}

// maxLayers is OVL_MAX_STACK of the kernel's overlayfs.
const maxLayers = 500

// mountHint returns what an errno of mounting a file system means.
func mountHint(o plan.Mount, errno unix.Errno) string {
	overlay := o.FSType == "overlay"
	switch {
	case overlay && countLayers(o.Params) > maxLayers:
		return fmt.Sprintf("it has %d layers in lowerdir, and overlay takes %d", countLayers(o.Params), maxLayers)
	case overlay && errno == unix.ELOOP:
		return "one of its directories is within another"
	case overlay && errno == unix.EBUSY:
		return "its upperdir or workdir is in use by another overlay"
	case overlay && errno == unix.EINVAL:
		return "upperdir and workdir must be on one mount, of a file system with extended attributes and not an overlay itself; the kernel's log says more"
	case overlay && errno == unix.ESTALE:
		return "its upperdir was made for other layers"
	case errno == unix.E2BIG:
		return "the options must fit into one page, 4096 bytes: shorter paths help"
	case errno == unix.EBUSY && strings.HasPrefix(o.FSType, "cgroup"):
		return "the hierarchy is mounted with other controllers or options already"
	case errno == unix.ENOTBLK:
		return "its source must be a block device"
	case errno == unix.ENODEV:
		return "the device of its source isn't there"
	}
	return ""
}

func countLayers(params []string) int {
	n := 0
	for _, p := range params {
		if dirs, ok := strings.CutPrefix(p, "lowerdir="); ok {
			n += 1 + strings.Count(strings.ReplaceAll(dirs, `\:`, ""), ":")
		} else if strings.HasPrefix(p, "lowerdir+=") {
			n++
		}
	}
	return n
}

// namespaceOfMount returns which namespace a user namespace must own to mount a file
// system, mount_namespaces(7).
func namespaceOfMount(fsType string) string {
	kind := map[string]string{"proc": "pid", "sysfs": "network", "mqueue": "ipc", "cgroup": "cgroup", "cgroup2": "cgroup"}[fsType]
	switch {
	case kind == "":
		return ""
	case fsType == "proc" || fsType == "sysfs":
		return "in a user namespace this needs a " + kind + " namespace of its own in linux.namespaces, and a host on which nothing is mounted over parts of its own; else bind mount the host's"
	}
	return "in a user namespace this needs a " + kind + " namespace of its own in linux.namespaces"
}

func targetWords(noSymlink bool) string {
	if noSymlink {
		return "its mount point must be a directory and not a symbolic link"
	}
	return "its mount point"
}

// TargetHint returns what an errno of opening a mount point means; "" if it needs no
// explanation.
func TargetHint(errno unix.Errno, noSymlink bool) string {
	switch {
	case errno == unix.EROFS:
		return "it isn't in the rootfs, and can't be created there because that is read-only"
	case errno == unix.ELOOP:
		return "the image has a loop of symbolic links there, or a link where none may be"
	case errno == unix.EXDEV:
		return "a symbolic link of the image leads to where nothing may be mounted"
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
		return fmt.Sprintf("bind %s on %s: %s", source, o.Target, targetWords(o.NoSymlink)), TargetHint(f.Errno, o.NoSymlink)
	case nsenter.PartAttach:
		if f.Errno == unix.ENOTDIR {
			hint = TargetHint(f.Errno, false)
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
	switch errno {
	case unix.ENOSYS:
		return "recursive mount options need Linux 5.12"
	case unix.EPERM:
		return "in a user namespace the options that the source is mounted with can't be taken away (mount_namespaces(7))"
	}
	return ""
}

func describeResolveExec(o plan.ResolveExec, f *nsenter.Failure) (what, hint string) {
	if f.Part != nsenter.PartSearch && (f.Errno == unix.ENOENT || f.Errno == unix.ENOTDIR) {
		return fmt.Sprintf("exec: %q: stat %s", o.Name, o.Name), ""
	}
	return fmt.Sprintf("exec: %q", o.Name), ProgramHint(f.Errno)
}

// ProgramHint returns what an errno of looking up a program means; "" if it needs no
// explanation.
func ProgramHint(errno unix.Errno) string {
	switch errno {
	case unix.EISDIR:
		// For a directory execve(2) returns EACCES; podman turns these words into
		// exit status 126.
		return "permission denied: it must be a regular file"
	case unix.EACCES:
		return "it must be a regular file with execute permission for the user of the process"
	case unix.ELOOP:
		return "its symbolic links lead in a circle"
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
	case unix.ETXTBSY:
		hint = "somebody has it open for writing"
	case unix.EAGAIN:
		hint = "the user has more processes than RLIMIT_NPROC allows"
	}
	return fmt.Sprintf("exec: %q", name), hint
}

func describeDevice(o plan.Device, f *nsenter.Failure) (what, hint string) {
	what = "device " + o.Path
	switch f.Part {
	case nsenter.PartMismatch:
		return what, "what is there is not the device that is asked for"
	case nsenter.PartSource, nsenter.PartVerify:
		if f.Errno == unix.ENOENT {
			hint = "a user namespace can't make devices, only have the host's of the same path"
		}
		return fmt.Sprintf("%s: bind the host's %s", what, o.Source), hint
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

// NoDevpts and NoDevptsHint describe a terminal in a container without a devpts.
const (
	NoDevpts     = "terminal: open /dev/pts/ptmx"
	NoDevptsHint = "a terminal needs a devpts mounted at /dev/pts in the container"
)

func describeConsole(f *nsenter.Failure) (what, hint string) {
	switch f.Part {
	case nsenter.PartVerify, nsenter.PartOpen:
		return NoDevpts, NoDevptsHint
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
		return "join the namespace", joinHint(f.Errno)
	case plan.JoinProcess:
		return "enter the container", enterHint(f.Errno)
	case plan.Unshare, plan.Fork:
		return "make namespaces", NamespaceHint(f.Errno)
	case plan.BecomeRoot:
		return "become root of the user namespace", ""
	case plan.Root:
		return fmt.Sprintf("rootfs %s", o.Path), ""
	case plan.Sysctl:
		return fmt.Sprintf("write %q to /proc/sys/%s", o.Value, o.Path), ""
	case plan.Label:
		return fmt.Sprintf("write %q to /proc/self/%s", o.Value, o.Path), labelHint(o, f.Errno)
	case plan.Mask:
		return "mask " + o.Path, ""
	case plan.Readonly:
		return "make " + o.Path + " read-only", ""
	case plan.Directory:
		return "make directory " + o.Path, ""
	case plan.Symlink:
		return "link " + o.Path, ""
	case plan.Rlimit:
		return fmt.Sprintf("set %s to %d:%d", o.Name, o.Soft, o.Hard), ""
	case plan.OOMScoreAdj:
		return fmt.Sprintf("set oom_score_adj to %d", o.Value), scoreHint(f.Errno)
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

// labelHint returns what the kernel's LSMs mean by the errno of a write to
// /proc/self/attr.
func labelHint(o plan.Label, errno unix.Errno) string {
	isApparmor := o.Fallback != ""
	switch {
	case isApparmor && errno == unix.ENOENT:
		return `no such profile is loaded: "apparmor_parser -r FILE" loads one, "aa-status" lists them`
	case isApparmor && (errno == unix.EACCES || errno == unix.EPERM):
		return joinHints("the profile that confines the runtime must allow change_profile to it", confinedHint())
	case !isApparmor && errno == unix.EINVAL:
		return "the SELinux policy that is loaded doesn't know this label"
	}
	return ""
}

// confinedHint returns a hint at the AppArmor profile or the label that this process is
// confined by, which may be what has denied a step. The child has the same until the
// end of its plan.
func confinedHint() string {
	module, name := "AppArmor profile", procfs.SelfLabel("apparmor/current")
	if name == "" {
		module, name = "label", procfs.SelfLabel("current")
	}
	if name == "" || name == "unconfined" || name == "kernel" {
		return ""
	}
	return "the runtime is confined by the " + module + " " + name + ", which may deny this: see the kernel's log"
}

// joinHint returns what an errno of setns(2) means, which requires CAP_SYS_ADMIN in the
// user namespace that owns the namespace.
func joinHint(errno unix.Errno) string {
	if errno == unix.EPERM {
		return "it belongs to another user namespace, which must be joined by its path, too"
	}
	return ""
}

// enterHint returns what an errno of entering a container means. The init of a
// container that hasn't been started is undumpable, so only root can access it.
func enterHint(errno unix.Errno) string {
	if errno == unix.EPERM && os.Geteuid() != 0 {
		return "an ordinary user can enter own containers only, and when they have been started"
	}
	return ""
}

func propagationHint(errno unix.Errno) string {
	if errno == unix.EINVAL {
		return "it isn't a mount point: the runtime may run in a chroot"
	}
	return ""
}

// NamespaceHint returns what an errno of creating namespaces means; "" if it needs no
// explanation.
func NamespaceHint(errno unix.Errno) string {
	switch errno {
	case unix.EPERM:
		return "without root this needs a user namespace, and a host that allows them to users"
	case unix.ENOSPC:
		return "a limit in /proc/sys/user is reached, or namespaces are nested more than 32 levels deep"
	case unix.EUSERS:
		return "user namespaces can be nested only 32 levels deep"
	case unix.EAGAIN:
		return "there are too many processes: RLIMIT_NPROC, pids.max of a cgroup, or kernel.pid_max"
	case unix.EMFILE, unix.ENFILE:
		return "too many files are open: RLIMIT_NOFILE of the runtime, or fs.file-max"
	}
	return ""
}

func scoreHint(errno unix.Errno) string {
	if errno == unix.EPERM || errno == unix.EACCES {
		return "less than the runtime's own needs CAP_SYS_RESOURCE on the host"
	}
	return ""
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
	return fmt.Errorf("error running %s hook #%s: %s %s: %w, output: %s", kind, index, origin, o.Path, cause, hook.Printable(f.Text))
}
