package explain

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
)

// diagnose looks at the host and at the rootfs for what has made step i fail; ""
// if nothing is found. It changes nothing, and what it says has been seen.
func (s Setup) diagnose(i int, op plan.Op, f *nsenter.Failure) string {
	switch o := op.(type) {
	case plan.Exec:
		return joinHints(s.noexec(f), program.Explain(s.Rootfs, f.Text, f.Errno))
	case plan.ResolveExec:
		if hint := s.noexec(f); hint != "" {
			return hint
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
	case plan.Device:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Directory:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Symlink:
		return s.unmapped(i, o.Path, f.Errno)
	case plan.Rlimit:
		return s.tooHigh(o, f.Errno)
	case plan.Root:
		return barrier(o.Path, f.Errno)
	case plan.Join, plan.JoinProcess, plan.Unshare, plan.Fork, plan.Propagation, plan.Pivot, plan.Hostname:
		return refusal("", f.Errno)
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

// restricted is for a file system that the kernel doesn't let a user namespace have,
// or not with these options.
func (s Setup) restricted(fsType string, f *nsenter.Failure) string {
	if f.Errno == unix.EACCES && f.Part == nsenter.PartParameter && s.mapsIDs() {
		return s.barredOption(f.Text)
	}
	if f.Errno != unix.EPERM || !s.mapsIDs() || fsType == "proc" || fsType == "sysfs" {
		return ""
	}
	if f.Part == nsenter.PartCreate && fsType != "overlay" {
		return "the kernel lets no user namespace mount " + fsType
	}
	return "an option of it may not be used in a user namespace"
}

// barredOption finds the directory that keeps the root of the user namespace from
// one that an option names, such as overlay's lowerdir=A:B.
func (s Setup) barredOption(option string) string {
	_, value, _ := strings.Cut(option, "=")
	for _, dir := range strings.Split(value, ":") {
		if found, barred := s.unmappedBelow("/", dir); barred {
			return found
		}
	}
	return ""
}

// tooHigh is for a limit above what setrlimit(2) allows.
func (s Setup) tooHigh(o plan.Rlimit, errno unix.Errno) string {
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

// hasCapability reads the runtime's effective set.
func hasCapability(n uint) bool {
	caps, err := strconv.ParseUint(procfs.SelfStatus("CapEff"), 16, 64)
	return err != nil || caps>>n&1 != 0
}

// noexec is for a program that the child has found on a mount without execution.
// Which mount that is, the plan shows.
func (s Setup) noexec(f *nsenter.Failure) string {
	if f.Part != nsenter.PartNoexec {
		return ""
	}
	for i := len(s.Plan.Steps) - 1; i >= 0; i-- {
		target, set := mountedAt(s.Plan.Steps[i].Op)
		if set&unix.MOUNT_ATTR_NOEXEC != 0 && isBelow(path.Clean("/"+f.Text), target) {
			return "the mount " + target + " is noexec"
		}
	}
	return "it is on a mount that is noexec"
}

// mountedAt gives the mount point of a step and the attributes that it sets.
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

func isBelow(name, dir string) bool {
	return dir != "" && (name == dir || dir == "/" || strings.HasPrefix(name, dir+"/"))
}

// unmapped finds what belongs to an id outside of the container's user namespace,
// whose root has no power over it (user_namespaces(7)), on the way to name, which
// step i was about to use: a directory that others can't enter, or else the last
// thing that is there.
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

// unmappedBelow is unmapped for a path below root. barred: what it has found is a
// directory that others can't enter.
func (s Setup) unmappedBelow(root, rest string) (found string, barred bool) {
	const othersEnter = 0o001
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
		if found != "" && st.Mode&othersEnter == 0 {
			return found, true
		}
	}
	return found, false
}

func (s Setup) mapsIDs() bool { return s.Linux != nil && len(s.Linux.UIDMappings) > 0 }

// origin says where on the host name is: in the rootfs, or in the source of the
// last bind before step i that covers it.
func (s Setup) origin(i int, name string) (root, rest string) {
	root, rest = s.Rootfs, name
	covered := ""
	for _, step := range s.Plan.Steps[:i] {
		b, ok := step.Op.(plan.Bind)
		if ok && isBelow(name, b.Target) && len(b.Target) >= len(covered) {
			covered = b.Target
			root, rest = b.Source, strings.TrimPrefix(name, b.Target)
			if root == "" {
				root = s.source(b.File)
			}
		}
	}
	return root, rest
}

// source is the path of a tree that the parent has opened.
func (s Setup) source(file string) string {
	for i := range s.Plan.Files {
		if s.Plan.Files[i].Name == file {
			return s.Plan.Files[i].Path
		}
	}
	return ""
}

// barrier finds the directory of the host that the runtime's user can't enter on
// the way to name.
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

// refusal is for EPERM and EACCES of what a runtime may do on a host: it looks
// for what keeps this one from it.
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

// covered names the mounts that keep a user namespace from having a procfs or
// sysfs of its own: it may not show what they hide (mount_namespaces(7)).
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
		return "in a user namespace it needs one that is mounted at " + dir + " here"
	case len(over) > 0:
		return "in a user namespace it needs one here without other mounts on it, and there is " + strings.Join(over[:min(len(over), 3)], ", ")
	}
	return ""
}

// isStandardMount: the kernel has empty directories for these, which hide nothing.
func isStandardMount(name string) bool {
	return strings.HasPrefix(name, "/sys/fs/") || strings.HasPrefix(name, "/sys/kernel/") || name == "/proc/sys/fs/binfmt_misc"
}

// Maps returns the error for id maps that the kernel has refused, user_namespaces(7);
// nil stays nil.
func Maps(linux *specs.Linux, err error) error {
	err = fault.Wrap("maps", fault.NamespaceFailed, err)
	known := fault.Of(err)
	if known == nil {
		return err
	}
	switch _, mapsRoot := config.ContainerID(linux.UIDMappings, 0); {
	case !errors.Is(err, unix.EPERM):
	case mapsRoot && !hasCapability(unix.CAP_SETFCAP):
		known.AddHint("the runtime lacks CAP_SETFCAP, which since Linux 5.12 mapping the id 0 takes")
	case !hasCapability(unix.CAP_SETUID) || !hasCapability(unix.CAP_SETGID):
		known.AddHint("the runtime lacks CAP_SETUID or CAP_SETGID")
	default:
		known.AddHint("the ids must be mapped in the runtime's own user namespace")
	}
	return err
}

// Cgroup returns err as a fault of cgroups, with a hint at what keeps the runtime from
// them; nil stays nil. The step is "cgroup" or "intel-rdt".
func Cgroup(step string, err error) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	err = fault.Wrap(step, fault.CgroupFailed, err)
	var errno unix.Errno
	if errors.As(err, &errno) {
		hint := refusal("", errno)
		if errno == unix.EROFS {
			hint = "the cgroups are mounted read-only for the runtime, as in a container"
		}
		fault.Of(err).AddHint(hint)
	}
	return err
}

// Start returns the error for a child that nsenter.Start couldn't start; nil stays nil.
func Start(err error) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	err = fault.Wrap("clone", fault.NamespaceFailed, err)
	known := fault.Of(err)
	// The files of a plan that can't be opened have a place.
	switch {
	case strings.HasPrefix(known.Field, "/mounts/") || known.Field == "/root/path":
		known.Code, known.Step = fault.MountFailed, "bind"
	case known.Field != "":
		known.Step = "join"
	default:
		var errno unix.Errno
		errors.As(err, &errno)
		known.AddHint(joinHints(NamespaceHint(errno), refusal("", errno)))
	}
	return err
}
