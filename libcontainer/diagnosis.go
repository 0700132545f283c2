package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// diagnose looks at the host and at the rootfs for what has made step i fail; ""
// if nothing is found. It changes nothing, and what it says has been seen.
func (s setup) diagnose(i int, op plan.Op, f *nsenter.Failure) string {
	switch o := op.(type) {
	case plan.Exec:
		return joinHints(s.noexec(f), diagnose(s.rootfs, f.Text, f.Errno))
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

func (s setup) diagnoseBind(i int, o plan.Bind, f *nsenter.Failure) string {
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
func (s setup) restricted(fsType string, f *nsenter.Failure) string {
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
func (s setup) barredOption(option string) string {
	_, value, _ := strings.Cut(option, "=")
	for _, dir := range strings.Split(value, ":") {
		if found, barred := s.unmappedBelow("/", dir); barred {
			return found
		}
	}
	return ""
}

// tooHigh is for a limit above what setrlimit(2) allows.
func (s setup) tooHigh(o plan.Rlimit, errno unix.Errno) string {
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
func (s setup) noexec(f *nsenter.Failure) string {
	if f.Part != nsenter.PartNoexec {
		return ""
	}
	for i := len(s.plan.Steps) - 1; i >= 0; i-- {
		target, set := mountedAt(s.plan.Steps[i].Op)
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
func (s setup) unmapped(i int, name string, errno unix.Errno) string {
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
func (s setup) unmappedBelow(root, rest string) (found string, barred bool) {
	const othersEnter = 0o001
	shown := ""
	for _, part := range strings.Split(rest, "/") {
		shown = path.Join(shown, part)
		st, err := statInRoot(root, "/"+shown)
		if err != nil {
			break
		}
		found = ""
		if !isMapped(s.linux.UIDMappings, st.Uid) {
			found = fmt.Sprintf("%s belongs to uid %d, which isn't mapped into the user namespace", path.Join(root, shown), st.Uid)
		}
		if found != "" && st.Mode&othersEnter == 0 {
			return found, true
		}
	}
	return found, false
}

func (s setup) mapsIDs() bool { return s.linux != nil && len(s.linux.UIDMappings) > 0 }

func statInRoot(root, name string) (st unix.Stat_t, err error) {
	fd, err := openInRoot(root, name, unix.O_PATH)
	if err != nil {
		return st, err
	}
	defer unix.Close(fd)
	return st, unix.Fstat(fd, &st)
}

// origin says where on the host name is: in the rootfs, or in the source of the
// last bind before step i that covers it.
func (s setup) origin(i int, name string) (root, rest string) {
	root, rest = s.rootfs, name
	covered := ""
	for _, step := range s.plan.Steps[:i] {
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
func (s setup) source(file string) string {
	for i := range s.plan.Files {
		if s.plan.Files[i].Name == file {
			return s.plan.Files[i].Path
		}
	}
	return ""
}

func isMapped(mappings []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range mappings {
		if id >= m.HostID && id-m.HostID < m.Size {
			return true
		}
	}
	return false
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
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	var over []string
	isThere := false
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		isThere = isThere || fields[4] == dir
		if name := fields[4]; strings.HasPrefix(name, dir+"/") && !isStandardMount(name) {
			over = append(over, name)
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

// mapsFault is for id maps that the kernel has refused: user_namespaces(7).
func mapsFault(linux *specs.Linux, err error) error {
	known, ok := during("maps", CodeNamespaceFailed, err).(*Fault)
	if !ok {
		return err
	}
	switch mapsRoot := isMapped(linux.UIDMappings, 0); {
	case !errors.Is(err, unix.EPERM):
	case mapsRoot && !hasCapability(unix.CAP_SETFCAP):
		known.hint("the runtime lacks CAP_SETFCAP, which since Linux 5.12 mapping the id 0 takes")
	case !hasCapability(unix.CAP_SETUID) || !hasCapability(unix.CAP_SETGID):
		known.hint("the runtime lacks CAP_SETUID or CAP_SETGID")
	default:
		known.hint("the ids must be mapped in the runtime's own user namespace")
	}
	return known
}

// cgroupHint is for what a runtime may do with the cgroups of a host.
func cgroupHint(errno unix.Errno) string {
	if errno == unix.EROFS {
		return "the cgroups are mounted read-only for the runtime, as in a container"
	}
	return refusal("", errno)
}

// startChild is nsenter.Start with what is known of its errors.
func startChild(p *plan.Plan, o nsenter.Options) (*nsenter.Child, error) {
	child, err := nsenter.Start(p, o)
	if err == nil {
		return child, nil
	}
	// Files of the plan that can't be opened begin with their place.
	known, _ := during("clone", CodeNamespaceFailed, err).(*Fault)
	if strings.HasPrefix(known.Field, "/mounts/") || known.Field == "/root/path" {
		known.Code, known.Step = CodeMountFailed, "bind"
	} else if known.Field != "" {
		known.Step = "join"
	}
	var errno unix.Errno
	errors.As(err, &errno)
	if known.Field == "" {
		known.hint(joinHints(namespaceHint(errno), refusal("", errno)))
	}
	return nil, known
}
