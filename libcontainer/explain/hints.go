package explain

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter/plan"
)

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

// enterHint returns what an errno of entering a container means. Only root can access an
// init that is undumpable, see specconv.
func enterHint(errno unix.Errno) string {
	if errno == unix.EPERM && os.Geteuid() != 0 {
		return "an ordinary user can enter own containers only, and some of them only when they have been started"
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

// memoryPolicyHint returns what an errno of set_mempolicy(2) means.
func memoryPolicyHint(errno unix.Errno) string {
	if errno != unix.EINVAL {
		return ""
	}
	return "the host has the memory nodes " + procfs.ReadText("/sys/devices/system/node/online") + ", and not every flag goes with every mode"
}

func scoreHint(errno unix.Errno) string {
	if errno == unix.EPERM || errno == unix.EACCES {
		return "less than the runtime's own needs CAP_SYS_RESOURCE on the host"
	}
	return ""
}
