package preflight

import (
	"bytes"
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
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/program"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// hostProblems is what create finds out about this host only while it acts.
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
	c.noexec()
}

// hasCapability: the runtime has it, and in the first user namespace.
func (c *check) hasCapability(number int) bool {
	return !c.host.InUserNS && c.host.Permitted&(1<<number) != 0
}

// limits: to raise a hard limit takes CAP_SYS_RESOURCE, and that of descriptors
// has one of its own, setrlimit(2).
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
		c.found(config.Error, place.At("/process/rlimits").Index(i), hint, "set %s to %d:%d: %v", r.Type, r.Soft, r.Hard, unix.EPERM)
	}
	if s := p.Scheduler; s != nil && needsNice(s) && !c.hasCapability(unix.CAP_SYS_NICE) {
		c.found(config.Warning, place.At("/process/scheduler"), "", "%s may be refused: the runtime lacks CAP_SYS_NICE", s.Policy)
	}
}

func needsNice(s *specs.Scheduler) bool {
	return s.Nice < 0 || s.Policy == specs.SchedFIFO || s.Policy == specs.SchedRR || s.Policy == specs.SchedDeadline
}

// hostHooks are those whose programs are the host's. Of a poststop hook that fails
// nobody hears but the log.
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
				c.found(list.severity, place.At("/hooks").Key(list.name).Index(i).Key("path"), "", "hook %s: %v", hook.Path, err)
			}
		}
	}
}

// isProgram returns the error that execve(2) would have before it reads a file.
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

// sources are those of bind mounts: there, and of the kind of what they cover.
func (c *check) sources() {
	image := c.emptyImage()
	if image != nil {
		defer image.Close()
	}
	for i, m := range config.Mounts(c.Spec) {
		if m.Bind && !m.Remount && c.Spec.Mounts[i].Source != "" {
			c.source(i, m.Target, image)
		}
		if image != nil && !m.Remount {
			image.Cover(m.Target)
		}
	}
}

// emptyImage is the rootfs before any mount; nil without one.
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

func (c *check) source(i int, target string, image *program.Image) {
	source := c.Spec.Mounts[i].Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(c.dir, source)
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
		c.errorf(at, "bind %s on %s: %s", source, target, explain.TargetHint(unix.ENOTDIR, false))
	}
}

// fileSystems: a type that the kernel doesn't know and has no module for.
func (c *check) fileSystems() {
	for i, m := range config.Mounts(c.Spec) {
		kind := c.Spec.Mounts[i].Type
		if m.Bind || m.Remount || kind == "" || kind == "none" || kind == "cgroup" || hasFileSystem(kind) {
			continue
		}
		c.found(config.Error, m.Place().Key("type"), "unknown file system type", "mount %s on %s: %v", kind, m.Target, unix.ENODEV)
	}
}

func hasFileSystem(kind string) bool {
	kind, _, _ = strings.Cut(kind, ".") // fuse.sshfs: what follows is for user space
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

// isListed reads /proc/filesystems, filesystems(5).
func isListed(filesystems []byte, kind string) bool {
	for line := range bytes.Lines(filesystems) {
		fields := bytes.Fields(line)
		if len(fields) > 0 && string(fields[len(fields)-1]) == kind {
			return true
		}
	}
	return false
}

// namespaces: those to be joined are there and of their type, and those to be made
// may be made, namespaces(7).
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

// limitName is the end of /proc/sys/user/max_*_namespaces.
func limitName(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.MountNamespace:
		return "mnt"
	case specs.NetworkNamespace:
		return "net"
	}
	return string(t)
}

func (c *check) newNamespace(at place.Place, t specs.LinuxNamespaceType) {
	file := "/proc/sys/user/max_" + limitName(t) + "_namespaces"
	if procfs.ReadText(file) == "0" {
		c.found(config.Error, at, explain.NamespaceHint(unix.ENOSPC), "make namespaces: %s is 0", file)
	}
	if t != specs.UserNamespace || c.host.EUID == 0 {
		return
	}
	const hint = "without root a container needs one"
	switch {
	case procfs.ReadText("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		c.found(config.Error, at, hint, "make namespaces: kernel.unprivileged_userns_clone is 0: users may not make user namespaces")
	case procfs.ReadText("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		c.found(config.Warning, at, "give runnel an AppArmor profile with userns", "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor may deny user namespaces to users")
	}
}

// hostDevices: in a user namespace nodes can't be made, and the host's are bound.
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
			c.found(config.Error, at, "in a user namespace a device is the host's", "device %s: bind the host's %s: %v", d.Path, target, err)
		case st.Mode&unix.S_IFMT != format || unix.Major(st.Rdev) != uint32(d.Major) || unix.Minor(st.Rdev) != uint32(d.Minor):
			c.found(config.Error, at, "in a user namespace a device is the host's", "device %s: the host's %s is another one", d.Path, target)
		}
	}
}

// sysctls: one that isn't in the host's namespaces may be in new ones, such as
// those of a network device.
func (c *check) sysctls() {
	for _, key := range slices.Sorted(maps.Keys(c.Spec.Linux.Sysctl)) {
		path := "/proc/sys/" + words.SysctlPath(key)
		if unix.Access(path, unix.F_OK) == unix.ENOENT {
			c.AddError(config.Warning, place.Place{}, place.Errorf(place.At("/linux/sysctl").Key(key), "there is no %s on this host", path))
		}
	}
}

func (c *check) netDevices() {
	for _, name := range slices.Sorted(maps.Keys(c.Spec.Linux.NetDevices)) {
		if unix.Access("/sys/class/net/"+filepath.Base(name), unix.F_OK) == unix.ENOENT {
			c.AddError(config.Error, place.Place{}, place.Errorf(place.At("/linux/netDevices").Key(name), "find the device: %w", unix.ENODEV))
		}
	}
}

// profiles: that of AppArmor must be loaded. Only root may read which are.
func (c *check) profiles() {
	p := c.Spec.Process
	if p == nil || p.ApparmorProfile == "" || p.ApparmorProfile == "unconfined" || !c.host.AppArmor {
		return
	}
	text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err == nil && !isLoaded(text, p.ApparmorProfile) {
		c.found(config.Error, place.At("/process/apparmorProfile"), "apparmor_parser(8) loads it", "profile %q is not loaded", p.ApparmorProfile)
	}
}

// isLoaded looks for a name among lines "name (mode)". What has parts, a stack or a
// namespace, isn't looked for.
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
		c.found(config.Error, place.At("/linux/seccomp/listenerPath"), "the agent has to listen there", "seccomp agent %s: %v", s.ListenerPath, err)
	}
}

// cgroup: where it will be, and whether its limits can be set there.
func (c *check) cgroup() {
	const someID = "runnel-check"
	location, err := c.policy.Locate(c.Spec, someID)
	if err != nil {
		c.AddError(config.Error, place.At("/linux/cgroupsPath"), err)
		return
	}
	if location == nil {
		return
	}
	if err := cgroups.CheckCreate(*location); err != nil && !c.policy.Dispensable(c.Spec, err) {
		c.AddError(config.Error, place.At("/linux/cgroupsPath"), err)
		return
	}
	c.processors(location.Mode)
	c.addAll(config.Error, cgroups.CheckHost(*location, c.Spec.Linux.Resources))
}

// processors and memory nodes have to be there for a cpuset of v1; one of v2 does
// without those that aren't. A list in the kernel's longer syntax isn't looked at.
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
			c.found(severity, place.At("/linux/resources/cpu").Key(l.name), "", "%q are not all there: the host has the %s %s", l.wanted, l.what, online)
		}
	}
}

func isSubset(wanted, there []byte) bool {
	for i, b := range wanted {
		if i >= len(there) && b != 0 || i < len(there) && b&^there[i] != 0 {
			return false
		}
	}
	return true
}

// noexec: a rootfs without programs.
func (c *check) noexec() {
	if c.image == nil || c.Spec.Process == nil {
		return
	}
	var st unix.Statfs_t
	if unix.Statfs(c.rootfs, &st) == nil && st.Flags&unix.ST_NOEXEC != 0 {
		c.found(config.Warning, place.At("/root/path"), "", "rootfs %s is on a mount with noexec: no program in it can run", c.rootfs)
	}
}
