package preflight

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// hostProblems finds the problems with this host that create finds only while it acts.
func (c *check) hostProblems() {
	c.limits()
	c.hostHooks()
	c.sources()
	c.fileSystems()
	c.namespaces()
	c.ids()
	c.hostDevices()
	c.sysctls()
	c.netDevices()
	c.profiles()
	c.hostSeccomp()
	c.cgroup()
	c.criu()
	c.options()
	c.timeOffsets()
	c.memoryNodes()
}

// hasCapability reports whether the runtime has a capability in the initial user
// namespace.
func (c *check) hasCapability(number int) bool {
	return !c.host.InUserNS && c.host.Permitted&(1<<number) != 0
}

// limits checks process.rlimits: raising a hard limit requires CAP_SYS_RESOURCE, and
// the number of descriptors is limited by fs.nr_open, setrlimit(2).
func (c *check) limits() {
	p := c.Spec.Process
	if p == nil {
		return
	}
	for i := range p.Rlimits {
		r := &p.Rlimits[i]
		resource, ok := words.Rlimit(r.Type)
		var own unix.Rlimit
		if !ok || unix.Prlimit(0, resource, nil, &own) != nil {
			continue
		}
		most, err := strconv.ParseUint(procfs.ReadText("/proc/sys/fs/nr_open"), 10, 64)
		var hint string
		switch {
		case resource == unix.RLIMIT_NOFILE && err == nil && r.Hard > most:
			hint = fmt.Sprintf("fs.nr_open is %d", most)
		case r.Hard > own.Max && !c.hasCapability(unix.CAP_SYS_RESOURCE):
			hint = fmt.Sprintf("the runtime lacks CAP_SYS_RESOURCE, and its own hard limit is %d", own.Max)
		default:
			continue
		}
		c.report(config.Error, place.At("/process/rlimits").Index(i), hint, "set %s to %d:%d: %v", r.Type, r.Soft, r.Hard, unix.EPERM)
	}
	if s := p.Scheduler; s != nil && needsNice(s) && !c.hasCapability(unix.CAP_SYS_NICE) {
		c.report(config.Warning, place.At("/process/scheduler"), "", "%s may be refused: the runtime lacks CAP_SYS_NICE", s.Policy)
	}
}

// needsNice reports whether a scheduling policy requires CAP_SYS_NICE.
func needsNice(s *specs.Scheduler) bool {
	return s.Nice < 0 || s.Policy == specs.SchedFIFO || s.Policy == specs.SchedRR || s.Policy == specs.SchedDeadline
}

// hostHooks checks the hooks whose programs are on the host. For poststop it adds
// warnings, because the failure of such a hook is only logged.
func (c *check) hostHooks() {
	h := c.Spec.Hooks
	if h == nil {
		return
	}
	for _, list := range []struct {
		name     string
		hooks    []specs.Hook
		severity config.Severity
	}{
		{"prestart", h.Prestart, config.Error}, //nolint:staticcheck // deprecated, and required
		{"createRuntime", h.CreateRuntime, config.Error},
		{"createContainer", h.CreateContainer, config.Error},
		{"poststart", h.Poststart, config.Error},
		{"poststop", h.Poststop, config.Warning},
	} {
		for i, hook := range list.hooks {
			if !filepath.IsAbs(hook.Path) {
				continue
			}
			if err := isProgram(hook.Path); err != nil {
				c.report(list.severity, place.At("/hooks").Key(list.name).Index(i).Key("path"), "", "hook %s: %v", hook.Path, err)
			}
		}
	}
}

// isProgram returns the error with which execve(2) would refuse a file before reading
// it.
func isProgram(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}

// sources checks that the sources of bind mounts exist, and that a directory is mounted
// on a directory and a file on a file.
func (c *check) sources() {
	image := c.emptyImage()
	if image != nil {
		defer image.Close()
	}
	for i, m := range config.Mounts(c.Spec) {
		switch {
		case m.Remount:
		case m.Bind && c.Spec.Mounts[i].Source != "":
			c.source(i, m.Target, image)
		case image != nil && !m.Bind:
			c.mountPoint(&m, image)
		}
		if image != nil && !m.Remount {
			image.Cover(m.Target)
		}
	}
}

// mountPoint checks that a file system is mounted on a directory, or on nothing yet.
func (c *check) mountPoint(m *config.Mount, image *program.Image) {
	covered, err := image.Find(m.Target)
	if err == nil && covered.Kind() != unix.S_IFDIR || err == unix.ENOTDIR {
		c.report(config.Error, m.Place().Key("destination"), explain.TargetHint(unix.ENOTDIR, false),
			"mount %s on %s: its mount point: %v", m.Type, m.Target, unix.ENOTDIR)
	}
}

// emptyImage returns the rootfs without any mount; nil if there is no rootfs.
func (c *check) emptyImage() *program.Image {
	if c.image == nil {
		return nil
	}
	image, err := program.OpenImage(c.rootfs)
	if err != nil {
		return nil
	}
	return image
}

// source checks the source of the ith mount.
func (c *check) source(i int, target string, image *program.Image) {
	source := c.Spec.Mounts[i].Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(c.dir, source)
	}
	if c.isMounted(source, image) {
		return
	}
	at := config.MountPlace(i, c.Spec.Mounts[i].Destination).Key("source")
	var st unix.Stat_t
	if err := unix.Stat(source, &st); err != nil {
		c.errorf(at, "bind source %s: %v", source, err)
		return
	}
	if image == nil {
		return
	}
	covered, err := image.Find(target)
	if err == nil && (covered.Kind() == unix.S_IFDIR) != (st.Mode&unix.S_IFMT == unix.S_IFDIR) {
		c.report(config.Error, at, explain.TargetHint(unix.ENOTDIR, false), "bind %s on %s: %v", source, target, unix.ENOTDIR)
	}
}

// isMounted reports whether a path of the host is in the rootfs and leads through one of
// the mounts that image has by now: what is there can't be known.
func (c *check) isMounted(name string, image *program.Image) bool {
	rest, ok := strings.CutPrefix(filepath.Clean(name), c.rootfs+"/")
	if !ok || image == nil {
		return false
	}
	_, err := image.Find("/" + rest)
	return errors.Is(err, program.ErrCovered)
}

// fileSystems finds file system types that the kernel doesn't know and has no module
// for.
func (c *check) fileSystems() {
	for i, m := range config.Mounts(c.Spec) {
		kind := c.Spec.Mounts[i].Type
		if m.Bind || m.Remount || kind == "" || kind == "none" || kind == "cgroup" || hasFileSystem(kind) {
			continue
		}
		hint := "unknown file system type"
		if near := spelling.Hint(kind, commonTypes[:]); near != "" {
			hint += ": " + near
		}
		c.report(config.Error, m.Place().Key("type"), hint, "mount %s on %s: %v", kind, m.Target, unix.ENODEV)
	}
}

// commonTypes are the types of mounts that containers have.
var commonTypes = [...]string{"bind", "cgroup", "cgroup2", "devpts", "fuse", "mqueue", "overlay", "proc", "sysfs", "tmpfs"}

// hasFileSystem reports whether the kernel knows a file system type or has a module for it.
func hasFileSystem(kind string) bool {
	kind, _, _ = strings.Cut(kind, ".") // such as fuse.sshfs: the kernel ignores the subtype
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil || isListed(known, kind) {
		return true
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return true
	}
	aliases, _ := os.ReadFile("/lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/modules.alias")
	return bytes.Contains(aliases, []byte("\nalias fs-"+kind+" "))
}

// isListed reports whether a type is in the text of /proc/filesystems, filesystems(5).
func isListed(filesystems []byte, kind string) bool {
	for line := range bytes.Lines(filesystems) {
		fields := bytes.Fields(line)
		if len(fields) > 0 && string(fields[len(fields)-1]) == kind {
			return true
		}
	}
	return false
}

// namespaces checks that the namespaces to join exist and have their type, and that new
// namespaces may be created, namespaces(7).
func (c *check) namespaces() {
	for i, ns := range c.Spec.Linux.Namespaces {
		t, ok := words.Namespace(ns.Type)
		at := place.At("/linux/namespaces").Index(i)
		switch {
		case !ok:
		case ns.Path != "":
			if err := nsenter.CheckNamespace(ns.Path, t.Flag); filepath.IsAbs(ns.Path) && err != nil {
				c.errorf(config.NamespacePlace(i, ns.Type).Key("path"), "%v", err)
			}
		default:
			c.newNamespace(at, ns.Type)
		}
	}
}

// limitName returns the name of a namespace type in /proc/sys/user/max_*_namespaces.
func limitName(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.MountNamespace:
		return "mnt"
	case specs.NetworkNamespace:
		return "net"
	}
	return string(t)
}

// newNamespace checks that a namespace may be created.
func (c *check) newNamespace(at place.Place, t specs.LinuxNamespaceType) {
	if r := NamespaceRefusal(t, c.host.EUID); r.Text != "" {
		c.report(r.Severity, at, r.Hint, "%s", r.Text)
	}
}

// Refusal says why this host may refuse something, by its settings.
type Refusal struct {
	Severity   config.Severity // a Warning if it depends on more
	Text, Hint string
}

// NamespaceRefusal returns why this host refuses to create a namespace of a type for a user;
// the zero Refusal if it doesn't.
func NamespaceRefusal(t specs.LinuxNamespaceType, euid uint32) Refusal {
	file := "/proc/sys/user/max_" + limitName(t) + "_namespaces"
	if procfs.ReadText(file) == "0" {
		return Refusal{config.Error, "make namespaces: " + file + " is 0", explain.NamespaceHint(unix.ENOSPC)}
	}
	if t != specs.UserNamespace || euid == 0 {
		return Refusal{}
	}
	switch {
	case procfs.ReadText("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return Refusal{config.Error, "make namespaces: kernel.unprivileged_userns_clone is 0: users may not make user namespaces",
			"without root a container needs one"}
	case procfs.ReadText("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return Refusal{config.Warning, "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor may deny user namespaces to users",
			"give runnel an AppArmor profile with userns"}
	}
	return Refusal{}
}

// hostDevices checks the host's devices for a container in a user namespace, where
// device nodes can't be created and those of the host are bind mounted instead.
func (c *check) hostDevices() {
	if !c.host.InUserNS && !words.HasNamespace(c.Spec, specs.UserNamespace) {
		return
	}
	for i := range c.Spec.Linux.Devices {
		d := &c.Spec.Linux.Devices[i]
		target, format, ok := config.DeviceOnHost(d)
		if !ok || !filepath.IsAbs(d.Path) {
			continue
		}
		at := config.DevicePlace(i, d)
		var st unix.Stat_t
		err := unix.Stat(target, &st)
		switch {
		case err != nil:
			c.report(config.Error, at, "in a user namespace a device is the host's", "device %s: bind the host's %s: %v", d.Path, target, err)
		case st.Mode&unix.S_IFMT != format || unix.Major(st.Rdev) != uint32(d.Major) || unix.Minor(st.Rdev) != uint32(d.Minor):
			c.report(config.Error, at, "in a user namespace a device is the host's", "device %s: the host's %s is another one", d.Path, target)
		}
	}
}

// sysctls checks that the sysctls exist: namespaces have the same ones as the host,
// except for those of network devices.
func (c *check) sysctls() {
	for _, key := range slices.Sorted(maps.Keys(c.Spec.Linux.Sysctl)) {
		name := words.SysctlPath(key)
		path := "/proc/sys/" + name
		if unix.Access(path, unix.F_OK) != unix.ENOENT {
			continue
		}
		severity := config.Error
		if c.mayHaveDevice(name) {
			severity = config.Warning
		}
		c.report(severity, place.At("/linux/sysctl").Key(key), "", "there is no %s on this host", path)
	}
}

// mayHaveDevice reports whether a sysctl is one of a network device, which others may put
// into the container's network namespace, such as a hook.
func (c *check) mayHaveDevice(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts) < 5 || parts[0] != "net" || parts[2] != "conf" && parts[2] != "neigh" {
		return false
	}
	_, isMoved := c.Spec.Linux.NetDevices[parts[3]]
	return isMoved || c.fillsRootfs() || !words.CreatesNamespace(c.Spec, specs.NetworkNamespace)
}

// netDevices checks that the network devices exist.
func (c *check) netDevices() {
	for _, name := range slices.Sorted(maps.Keys(c.Spec.Linux.NetDevices)) {
		if unix.Access("/sys/class/net/"+filepath.Base(name), unix.F_OK) == unix.ENOENT {
			c.AddError(config.Error, place.Place{}, place.Errorf(place.At("/linux/netDevices").Key(name), "find the device: %w", unix.ENODEV))
		}
	}
}

// profiles checks that the AppArmor profile is loaded. Only root may read which
// profiles are.
func (c *check) profiles() {
	p := c.Spec.Process
	if p == nil || p.ApparmorProfile == "" || p.ApparmorProfile == "unconfined" || !c.host.AppArmor {
		return
	}
	text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err == nil && !isLoaded(text, p.ApparmorProfile) {
		c.report(config.Error, place.At("/process/apparmorProfile"), "apparmor_parser(8) loads it", "profile %q is not loaded", p.ApparmorProfile)
	}
}

// isLoaded reports whether profiles, lines of the form "name (mode)", contains a name.
// It returns true for a name with several parts, a stack or a namespace, which it can't
// look up.
func isLoaded(profiles []byte, name string) bool {
	if strings.Contains(name, "//") || strings.HasPrefix(name, ":") {
		return true
	}
	for line := range bytes.Lines(profiles) {
		if loaded, _, ok := bytes.Cut(line, []byte(" (")); ok && string(loaded) == name {
			return true
		}
	}
	return false
}

// hostSeccomp checks whether the kernel supports the profile, and whether the agent's
// socket exists.
func (c *check) hostSeccomp() {
	s := c.Spec.Linux.Seccomp
	if s == nil {
		return
	}
	c.addAll(config.Error, seccomp.CheckHost(s))
	if s.ListenerPath == "" {
		return
	}
	var st unix.Stat_t
	err := unix.Stat(s.ListenerPath, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		err = unix.ENOTSOCK
	}
	if err != nil {
		c.report(config.Error, place.At("/linux/seccomp/listenerPath"), "the seccomp agent must listen there", "seccomp agent %s: %v", s.ListenerPath, err)
	}
}

// criu checks criu(8) and its configuration file for a container that names one, and so is
// meant to be checkpointed.
func (c *check) criu() {
	if _, ok := c.Spec.Annotations[criu.ConfigAnnotation]; !ok {
		return
	}
	at := place.At("/annotations").Key(criu.ConfigAnnotation)
	if err := criu.Check(); err != nil {
		c.report(config.Warning, at, "checkpoint and restore need it", "%v", err)
	}
	if _, err := criu.ConfigFile(c.Spec.Annotations); err != nil {
		c.AddError(config.Warning, at, err)
	}
}

// cgroup checks whether the cgroup can be created and its limits can be set.
func (c *check) cgroup() {
	if c.policy.None {
		return
	}
	const someID = "ID"
	location, err := c.policy.Locate(c.Spec, someID)
	if err != nil && cgroups.CheckPath(c.Spec.Linux.CgroupsPath, c.policy.Systemd, c.Spec.Annotations) != nil {
		return // that is reported already
	}
	if err != nil {
		c.AddError(config.Error, place.At("/linux/cgroupsPath"), err)
		return
	}
	if location == nil {
		return
	}
	if err := cgroups.CheckCreate(*location); err != nil && !c.policy.Dispensable(c.Spec, err) {
		c.AddError(config.Error, place.At("/linux/cgroupsPath"), c.policy.Explain(c.Spec, err))
		return
	}
	c.processors(location.Mode)
	c.addAll(config.Error, cgroups.CheckHost(*location, c.Spec.Linux.Resources))
}

// processors checks that the processors and memory nodes of a cpuset are online: cgroup
// v1 rejects others, and cgroup v2 ignores them. It ignores lists in the kernel's
// extended syntax.
func (c *check) processors(mode cgroups.Mode) {
	r := c.Spec.Linux.Resources
	if r == nil || r.CPU == nil {
		return
	}
	severity := config.Error
	if mode == cgroups.V2 {
		severity = config.Warning
	}
	for _, l := range []struct{ name, wanted, what, file string }{
		{"cpus", r.CPU.Cpus, "processors", "/sys/devices/system/cpu/online"},
		{"mems", r.CPU.Mems, "memory nodes", "/sys/devices/system/node/online"},
	} {
		online := procfs.ReadText(l.file)
		wanted, err1 := words.ParseList(l.wanted)
		there, err2 := words.ParseList(online)
		if err1 == nil && err2 == nil && len(there) > 0 && !isSubset(wanted, there) {
			c.report(severity, place.At("/linux/resources/cpu").Key(l.name), "", "%q are not all there: the host has the %s %s", l.wanted, l.what, online)
		}
	}
}

// isSubset reports whether each bit of wanted is set in there.
func isSubset(wanted, there []byte) bool {
	for i, b := range wanted {
		if i >= len(there) && b != 0 || i < len(there) && b&^there[i] != 0 {
			return false
		}
	}
	return true
}

// timeOffsets checks that the clocks of a new time namespace are neither negative nor
// beyond what the kernel counts to, time_namespaces(7).
func (c *check) timeOffsets() {
	for _, clock := range []struct {
		name string
		id   int32
	}{{"monotonic", unix.CLOCK_MONOTONIC}, {"boottime", unix.CLOCK_BOOTTIME}} {
		offset, ok := c.Spec.Linux.TimeOffsets[clock.name]
		var now unix.Timespec
		if !ok || unix.ClockGettime(clock.id, &now) != nil {
			continue
		}
		const most = (1<<63 - 1) / 1_000_000_000 / 2 // KTIME_SEC_MAX / 2
		if offset.Secs < -int64(now.Sec) || offset.Secs > most-int64(now.Sec) {
			c.report(config.Error, place.At("/linux/timeOffsets").Key(clock.name), "",
				"the clock is at %d seconds now, and would be negative or too large", now.Sec)
		}
	}
}

// memoryNodes checks that the nodes of linux.memoryPolicy are there.
func (c *check) memoryNodes() {
	p := c.Spec.Linux.MemoryPolicy
	if p == nil {
		return
	}
	online := procfs.ReadText("/sys/devices/system/node/online")
	wanted, err := words.ParseList(p.Nodes)
	there, err2 := words.ParseList(online)
	if err == nil && err2 == nil && len(there) > 0 && len(wanted) > 0 && !isSubset(wanted, there) {
		c.report(config.Warning, place.At("/linux/memoryPolicy/nodes"), "", "%q are not all there: the host has the memory nodes %s", p.Nodes, online)
	}
}
