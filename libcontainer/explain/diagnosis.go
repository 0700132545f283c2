package explain

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
)

// diagnose looks at the host and at the rootfs for the reason why step i has failed,
// and returns a hint; "" if it finds none. It changes nothing, and reports only what it
// has seen.
func (s Setup) diagnose(i int, op plan.Op, f *nsenter.Failure) string {
	switch o := op.(type) {
	case plan.Exec:
		return joinHints(s.noexec(f), program.Explain(s.Rootfs, f.Text, f.Errno))
	case plan.ResolveExec:
		if hint := s.noexec(f); hint != "" {
			return hint
		}
		if f.Errno == unix.ENOENT || f.Errno == unix.ENOTDIR {
			return LookupHint(o.Name, o.Path, s.cwd(i))
		}
		return s.unmapped(i, o.Name, f.Errno)
	case plan.Chdir:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Mount:
		if f.Part == nsenter.PartTarget {
			return s.unmapped(i, o.Target, f.Errno)
		}
		return joinHints(s.restricted(o.FSType, f), refusal(o.FSType, f.Errno))
	case plan.Bind:
		return s.diagnoseBind(i, o, f)
	case plan.CloneTree:
		return s.diagnoseBind(i, plan.Bind{Source: o.Source}, f)
	case plan.Device:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Directory:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Symlink:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Rlimit:
		return s.explainRlimit(o, f.Errno)
	case plan.Root:
		return barrier(o.Path, f.Errno)
	case plan.Join, plan.JoinProcess, plan.Unshare, plan.Fork, plan.Propagation, plan.Pivot, plan.Hostname:
		return refusal("", f.Errno)
	}
	return ""
}

// cwd returns the working directory at step i; "" if it isn't known.
func (s Setup) cwd(i int) string {
	for i--; i >= 0; i-- {
		if o, ok := s.Plan.Steps[i].Op.(plan.Chdir); ok {
			return o.Path
		}
	}
	return ""
}

func (s Setup) diagnoseBind(i int, o plan.Bind, f *nsenter.Failure) string {
	switch f.Part {
	case nsenter.PartTarget:
		return s.unmapped(i, o.Target, f.Errno)
	case nsenter.PartSource:
		if hint := barrier(o.Source, f.Errno); hint != "" {
			return hint
		}
	case nsenter.PartLocked:
		return ""
	}
	return refusal("", f.Errno)
}

// restricted returns a hint for a file system that the kernel doesn't permit in a user
// namespace, or not with these options.
func (s Setup) restricted(fsType string, f *nsenter.Failure) string {
	if f.Errno == unix.EACCES && f.Part == nsenter.PartParameter && s.mapsIDs() {
		return s.explainOption(f.Text)
	}
	if f.Errno != unix.EPERM || !s.mapsIDs() || fsType == "proc" || fsType == "sysfs" {
		return ""
	}
	if f.Part == nsenter.PartCreate && fsType != "overlay" {
		return "the kernel doesn't permit mounting " + fsType + " in a user namespace"
	}
	return "an option of it may not be used in a user namespace"
}

// explainOption returns a hint for a directory that is named by an option, such as
// overlay's lowerdir=A:B, if the root of the user namespace can't reach it.
func (s Setup) explainOption(option string) string {
	_, value, _ := strings.Cut(option, "=")
	for _, dir := range strings.Split(value, ":") {
		if found, blocks := s.unmappedBelow("/", dir); blocks {
			return found
		}
	}
	return ""
}

// explainRlimit returns a hint for a limit that is higher than setrlimit(2) permits.
func (s Setup) explainRlimit(o plan.Rlimit, errno unix.Errno) string {
	if errno != unix.EPERM {
		return ""
	}
	most, err := strconv.ParseUint(procfs.ReadText("/proc/sys/fs/nr_open"), 10, 64)
	if err == nil && o.Resource == unix.RLIMIT_NOFILE && o.Hard > most {
		return fmt.Sprintf("fs.nr_open is %d", most)
	}
	if !hasCapability(unix.CAP_SYS_RESOURCE) || s.mapsIDs() {
		return "it is above the runtime's own, and the process has no CAP_SYS_RESOURCE on the host"
	}
	return ""
}

// hasCapability reports whether the runtime has a capability in its effective set.
func hasCapability(n uint) bool {
	caps, err := strconv.ParseUint(procfs.SelfStatus("CapEff"), 16, 64)
	return err != nil || caps>>n&1 != 0
}

// noexec returns a hint for a program that the child has found on a mount with noexec.
// The plan shows which mount that is.
func (s Setup) noexec(f *nsenter.Failure) string {
	if f.Part != nsenter.PartNoexec {
		return ""
	}
	for i := len(s.Plan.Steps) - 1; i >= 0; i-- {
		target, set := mountedAt(s.Plan.Steps[i].Op)
		if set&unix.MOUNT_ATTR_NOEXEC != 0 && isBelow(path.Clean("/"+f.Text), target) {
			return NoexecMount(target)
		}
	}
	return SomeNoexec
}

// SomeNoexec is the hint about a program on a mount with noexec.
const SomeNoexec = "it is on a mount that is noexec"

// NoexecMount is the hint about a program on the mount at target, if that is known.
func NoexecMount(target string) string { return "the mount " + target + " is noexec" }

// mountedAt returns the mount point that a step mounts or changes, and the attributes
// that it sets.
func mountedAt(op plan.Op) (target string, set uint64) {
	switch o := op.(type) {
	case plan.Mount:
		return o.Target, o.Attr.Set
	case plan.Bind:
		return o.Target, o.Attr.Set | o.RecAttr.Set
	case plan.Attributes:
		return o.Path, o.Attr.Set
	}
	return "", 0
}

// isBelow reports whether name is dir or below it; "" contains nothing.
func isBelow(name, dir string) bool {
	return dir != "" && (name == dir || dir == "/" || strings.HasPrefix(name, dir+"/"))
}

// unmapped returns a hint at a file or directory, on the path name that step i uses,
// that belongs to an id outside of the container's user namespace: the namespace's root
// has no privileges over it (user_namespaces(7)). It is the first directory that others
// can't search, or else the last part of the path that exists. It returns "" if there
// is none.
func (s Setup) unmapped(i int, name string, errno unix.Errno) string {
	if !s.mapsIDs() {
		return ""
	}
	switch errno {
	case unix.EACCES, unix.EPERM, unix.EOVERFLOW:
	default:
		return ""
	}
	root, rest := s.origin(i, path.Clean("/"+name))
	found, _ := s.unmappedBelow(root, rest)
	return found
}

// unmappedBelow does the same for a path below root. blocks reports that the directory
// can't be searched by others.
func (s Setup) unmappedBelow(root, rest string) (found string, blocks bool) {
	const othersSearch = 0o001
	shown := ""
	for _, part := range strings.Split(rest, "/") {
		shown = path.Join(shown, part)
		st, err := program.Stat(root, "/"+shown)
		if err != nil {
			break
		}
		found = ""
		if _, ok := config.ContainerID(s.Linux.UIDMappings, st.Uid); !ok {
			found = fmt.Sprintf("%s belongs to uid %d, which isn't mapped into the user namespace", path.Join(root, shown), st.Uid)
		}
		if found != "" && st.Mode&othersSearch == 0 {
			return found, true
		}
	}
	return found, false
}

// mapsIDs reports whether the container has a user namespace of its own.
func (s Setup) mapsIDs() bool { return s.Linux != nil && len(s.Linux.UIDMappings) > 0 }

// origin returns the host's path of name, as a root and a path below it: in the source
// of the last bind mount before step i that contains name, or else in the rootfs.
func (s Setup) origin(i int, name string) (root, rest string) {
	root, rest = s.Rootfs, name
	covered := ""
	for _, step := range s.Plan.Steps[:i] {
		b, ok := step.Op.(plan.Bind)
		if ok && isBelow(name, b.Target) && len(b.Target) >= len(covered) {
			covered = b.Target
			root, rest = b.Source, strings.TrimPrefix(name, b.Target)
		}
	}
	return root, rest
}

// barrier returns a hint at the directory on the path name that the runtime's user
// can't search.
func barrier(name string, errno unix.Errno) string {
	if errno != unix.EACCES {
		return ""
	}
	for i := 1; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		dir := name[:i]
		if unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS) != unix.EACCES {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil {
			return ""
		}
		return fmt.Sprintf("uid %d can't enter %s, of uid %d with mode %#o", os.Geteuid(), dir, st.Uid, st.Mode&0o7777)
	}
	return ""
}

// refusal returns a hint for EPERM or EACCES of an operation that a runtime may
// normally do on a host: it looks for what prevents this one from doing it.
func refusal(fsType string, errno unix.Errno) string {
	if errno != unix.EPERM && errno != unix.EACCES {
		return ""
	}
	var hints []string
	if fsType == "proc" || fsType == "sysfs" {
		hints = append(hints, covered(fsType))
	}
	if procfs.SelfStatus("Seccomp") == "2" {
		hints = append(hints, "a seccomp filter is in force for the runtime itself, as in a container")
	}
	if os.Geteuid() == 0 && !hasCapability(unix.CAP_SYS_ADMIN) {
		hints = append(hints, "the runtime lacks CAP_SYS_ADMIN, as in a container that isn't privileged")
	}
	return joinHints(append(hints, confinedHint())...)
}

// covered returns a hint at the mounts that prevent a user namespace from mounting a
// new procfs or sysfs: it must not show what they hide (mount_namespaces(7)).
func covered(fsType string) string {
	dir := "/proc"
	if fsType == "sysfs" {
		dir = "/sys"
	}
	mounts, err := procfs.Mounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return ""
	}
	var over []string
	isThere := false
	for _, m := range mounts {
		isThere = isThere || m.Mountpoint == dir
		if m.Mountpoint != dir && !isStandardMount(m.Mountpoint) {
			over = append(over, m.Mountpoint)
		}
	}
	switch {
	case !isThere:
		return "in a user namespace it requires that " + fsType + " is mounted at " + dir + " on the host"
	case len(over) > 0:
		return "in a user namespace it requires that nothing is mounted below " + dir + " on the host, but there is " + strings.Join(over[:min(len(over), 3)], ", ")
	}
	return ""
}

// isStandardMount reports whether the kernel has an empty directory for this mount
// point. Such a mount hides nothing.
func isStandardMount(name string) bool {
	return strings.HasPrefix(name, "/sys/fs/") || strings.HasPrefix(name, "/sys/kernel/") || name == "/proc/sys/fs/binfmt_misc"
}

// Maps returns err, of writing id maps, as a Fault with a hint at the reason why the
// kernel has refused them, user_namespaces(7); nil if err is nil.
func Maps(linux *specs.Linux, err error) error {
	err = fault.Wrap("maps", fault.NamespaceFailed, err)
	known := fault.Of(err)
	if known == nil {
		return err
	}
	switch _, mapsRoot := config.ContainerID(linux.UIDMappings, 0); {
	case !errors.Is(err, unix.EPERM):
	case mapsRoot && !hasCapability(unix.CAP_SETFCAP):
		known.AddHint("the runtime lacks CAP_SETFCAP, which mapping the id 0 requires since Linux 5.12")
	case !hasCapability(unix.CAP_SETUID) || !hasCapability(unix.CAP_SETGID):
		known.AddHint("the runtime lacks CAP_SETUID or CAP_SETGID")
	default:
		known.AddHint("the ids must be mapped in the runtime's own user namespace")
	}
	return err
}

// Cgroup returns err, of an operation on cgroups, as a Fault with a hint at what
// prevents the operation; nil if err is nil. The step is "cgroup" or "intel-rdt".
func Cgroup(step string, err error) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	err = fault.Wrap(step, fault.CgroupFailed, err)
	var errno unix.Errno
	if errors.As(err, &errno) {
		hint := cmp.Or(cpusetHint(err), refusal("", errno))
		if errno == unix.EROFS {
			hint = "the cgroups are mounted read-only for the runtime, as in a container"
		}
		fault.Of(err).AddHint(hint)
	}
	return err
}

// cpusetHint returns which processors or memory nodes the host has, for an error of
// choosing others.
func cpusetHint(err error) string {
	switch place.Of(err) {
	case place.At("/linux/resources/cpu/cpus"):
		return "the host has the processors " + procfs.ReadText("/sys/devices/system/cpu/online")
	case place.At("/linux/resources/cpu/mems"):
		return "the host has the memory nodes " + procfs.ReadText("/sys/devices/system/node/online")
	}
	return ""
}

// Start returns err, of nsenter.Start, as a Fault; nil if err is nil.
func Start(err error) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	err = fault.Wrap("clone", fault.NamespaceFailed, err)
	known := fault.Of(err)
	// If the file of a namespace couldn't be opened, the error has its place.
	if known.Field != "" {
		known.Step = "join"
		return err
	}
	var errno unix.Errno
	errors.As(err, &errno)
	known.AddHint(joinHints(NamespaceHint(errno), refusal("", errno)))
	return err
}
