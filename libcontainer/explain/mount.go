package explain

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

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
	switch f.Part {
	case nsenter.PartSource:
		if f.Errno == unix.EINVAL && !o.Recursive {
			hint = "in a user namespace a directory can only be bound together with the mounts below it: rbind"
		}
		return "bind source " + source, hint
	case nsenter.PartIDMap:
		if f.Errno == unix.EINVAL {
			hint = "its file system may not support idmapped mounts, or the mount is idmapped already"
		}
		return "idmapped mount of " + source, hint
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

func describeUnmount(o plan.Unmount, f *nsenter.Failure) (what, hint string) {
	what = "unmount " + o.Path
	switch {
	case f.Part == nsenter.PartTarget && f.Errno == unix.ELOOP:
		hint = "a symbolic link is in the path by now"
	case f.Part == nsenter.PartVerify:
		hint = "the container has changed what is mounted there"
	case f.Errno == unix.EBUSY:
		hint = "a process of the container uses it, or something is mounted below it; --lazy detaches it all the same"
	case f.Errno == unix.EINVAL:
		hint = "in a user namespace, a mount that came with others can't be taken away from them"
	}
	return what, hint
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
