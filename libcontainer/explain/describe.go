package explain

import (
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// Describe returns what the step was doing, and what its errno may mean.
func Describe(op plan.Op, f *nsenter.Failure) (what, hint string) {
	switch o := op.(type) {
	case plan.Mount:
		return describeMount(o, f)
	case plan.Bind:
		return describeBind(o, f)
	case plan.CloneTree:
		return describeBind(plan.Bind{Source: o.Source, Target: o.Target, Recursive: o.Recursive}, f)
	case plan.Unmount:
		return describeUnmount(o, f)
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

// LandlockHint says how to name a path in an annotation of Landlock that doesn't exist.
func LandlockHint(path string) string { return `write "-` + path + `" for a path that may be missing` }

func describeLandlockPath(o plan.LandlockPath, f *nsenter.Failure) (what, hint string) {
	if f.Errno == unix.ENOENT {
		hint = LandlockHint(o.Path)
	}
	return "allow " + o.Path + " by Landlock", hint
}

func describeSimple(op plan.Op, f *nsenter.Failure) (what, hint string) {
	switch o := op.(type) {
	case plan.Cgroup:
		return "enter the cgroup", ""
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
	case plan.Toolbox:
		if f.Part == nsenter.PartCopy {
			return "make a root with tools: clone " + path.Join("/", f.Text), "the container's root has too much in it, or something that can't be cloned"
		}
		return "make a root with tools", ""
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
	case plan.MemoryPolicy:
		return "set the memory policy", memoryPolicyHint(f.Errno)
	case plan.OOMScoreAdj:
		return fmt.Sprintf("set oom_score_adj to %d", o.Value), scoreHint(f.Errno)
	case plan.Capabilities:
		return "set capabilities", ""
	case plan.Seccomp:
		return "load the seccomp filter", ""
	case plan.Landlock:
		return "make a Landlock ruleset", ""
	case plan.LandlockPath:
		return describeLandlockPath(o, f)
	case plan.LandlockPort:
		return fmt.Sprintf("allow TCP port %d by Landlock", o.Port), ""
	case plan.LandlockRestrict:
		if f.Errno == unix.EPERM {
			hint = "it requires process.noNewPrivileges, or a runtime with CAP_SYS_ADMIN"
		}
		return "restrict the process by Landlock", hint
	case plan.MakeReadonly:
		return "make the mount " + o.Target + " read-only", ""
	case plan.Attributes:
		return "change the mount " + o.Path, ""
	case plan.Propagation:
		return "set the propagation of " + o.Path, propagationHint(f.Errno)
	}
	return op.Kind().String(), ""
}
