package config

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/words"
)

// Mount is an entry of mounts with its options compiled.
type Mount struct {
	specs.Mount
	// Index is the index of the entry; it is negative for a mount that the runtime adds.
	Index int
	// Target is the destination as an absolute, clean path in the root.
	Target string
	words.MountOptions
}

// Mounts compiles the entries of mounts.
func Mounts(spec *specs.Spec) []Mount {
	list := make([]Mount, len(spec.Mounts))
	for i := range spec.Mounts {
		list[i] = CompileMount(i, spec.Mounts[i])
	}
	return list
}

// CompileMount compiles an entry. The index is negative for a mount that the runtime
// adds.
func CompileMount(index int, m specs.Mount) Mount {
	p := Mount{Mount: m, Index: index, MountOptions: words.CompileOptions(m.Options)}
	// A relative destination is deprecated, but legal: it starts at the root.
	p.Target = path.Clean("/" + m.Destination)
	// Without such an option a type "bind" would name a file system, which
	// doesn't exist.
	switch m.Type {
	case "bind":
		p.Bind = true
	case "rbind":
		p.Bind, p.RecursiveBind = true, true
	}
	// Clients that are older than the option give maps alone.
	p.IDMap = p.IDMap || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
	return p
}

// MountPlace returns the place of an entry of mounts.
func MountPlace(index int, destination string) place.Place {
	return place.At("/mounts").Index(index).Named(destination)
}

// Place returns the place of the entry, the zero Place for a mount that the runtime adds.
func (m *Mount) Place() place.Place {
	if m.Index < 0 {
		return place.Place{}
	}
	return MountPlace(m.Index, m.Destination)
}

// IsCgroup reports whether the mount shows the cgroups of the container in the form
// that the host has.
func (m *Mount) IsCgroup() bool {
	return !m.Bind && (m.Type == "cgroup" || m.Type == "cgroup2")
}

// BindsDev reports whether the container's /dev is a bind mount, in which nothing is
// created.
func BindsDev(spec *specs.Spec) bool {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		if path.Clean("/"+m.Destination) == "/dev" && !words.CompileOptions(m.Options).Remount {
			return CompileMount(i, *m).Bind
		}
	}
	return false
}

func (c *checker) mounts() {
	for i := range c.spec.Mounts {
		m := CompileMount(i, c.spec.Mounts[i])
		at := m.Place()
		c.destination(at, &m)
		c.mountKind(at, &m)
		c.mountFeatures(at, &m)
		c.idmappedMount(at, &m)
		c.mappedOptions(at, &m)
		c.sameTarget(at, i, m.Target)
	}
}

// sameTarget warns of a mount that hides an earlier one completely.
func (c *checker) sameTarget(at place.Place, i int, target string) {
	isRemount := func(m *specs.Mount) bool { return words.CompileOptions(m.Options).Remount }
	if isRemount(&c.spec.Mounts[i]) {
		return
	}
	for j := range c.spec.Mounts[:i] {
		earlier := &c.spec.Mounts[j]
		if path.Clean("/"+earlier.Destination) == target && !isRemount(earlier) {
			c.warnf(at.Key("destination"), "hides mounts[%d], which has the same destination", j)
			return
		}
	}
}

func (c *checker) destination(at place.Place, m *Mount) {
	at = at.Key("destination")
	switch {
	case m.Destination == "":
		c.errorf(at, "mount destination is empty")
		return
	case !path.IsAbs(m.Destination):
		c.warnf(at, "mount destination %s is not absolute", m.Destination).Hint = "relative ones are deprecated; it is taken as relative to /"
	}
	switch {
	case m.Target == "/" && !m.Remount:
		c.errorf(at, "mount destination %s is the container's root itself", m.Destination)
	case m.Target == "/proc" && !m.Remount && !m.Bind && m.Type != "proc":
		c.errorf(at, "%q cannot be mounted because it is not of type proc", m.Target)
	case strings.HasPrefix(m.Target, "/proc/") && !m.Remount && !isMountableInProc(m.Target):
		c.errorf(at, "%q cannot be mounted because it is inside /proc", m.Target)
	}
}

// isMountableInProc reports whether a file of the container's /proc may be mounted over:
// files with facts about the whole host may, which lxcfs and its like replace. Mounts on
// anything else would let an image forge what the runtime and others read there
// (CVE-2019-16884, CVE-2019-19921).
func isMountableInProc(target string) bool {
	switch target {
	case "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
		"/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled":
		return true
	}
	return false
}

func (c *checker) mountKind(at place.Place, m *Mount) {
	for _, option := range m.Foreign {
		c.foreignOption(at.Key("options"), option)
	}
	switch {
	case m.Remount && m.Bind:
		c.errorf(at.Key("options"), "a bind mount cannot be a remount").Hint = `to change the mount that is there, leave out "bind" and the type; to mount the source, "remount"`
	case m.Remount:
		if len(m.Data)+len(m.Superblock) > 0 {
			c.errorf(at.Key("options"), "remounting with %q is not supported", strings.Join(append(m.Superblock, m.Data...), ",")).Hint = "only the attributes of the mount itself can be changed"
		}
	case m.Bind:
		if m.Source == "" {
			c.errorf(at.Key("source"), "bind mount without a source")
		}
		for _, option := range m.Data {
			c.unknownOption(at.Key("options"), option)
		}
		for _, s := range m.Superblock {
			c.warnf(at.Key("options"), "option %q has no effect on a bind mount", s)
		}
	case m.Type == "" || m.Type == "none":
		c.errorf(at.Key("type"), "mount without a file system type").Hint = `a bind mount has the option "bind" or "rbind"`
	case m.IsCgroup():
		c.cgroupOptions(at.Key("options"), m)
	}
	if m.CopyUp && (m.Bind || m.Remount || m.Type != "tmpfs") {
		c.errorf(at.Key("options"), "tmpcopyup is for mounts of type tmpfs only")
	}
	for _, name := range m.Notices {
		c.warnf(at.Key("options"), "option %q has no effect: the file system decides", name)
	}
}

// addedMount reports what can be mounted only when a container is created. Who mounts it has
// entered the container by then: paths in the source or the options of a file system would be
// those of the container, which could have made its own device node there.
func (c *checker) addedMount(m Mount) {
	switch {
	case m.Remount:
		c.errorf(m.Place().Key("options"), "a mount that is there can't be changed by adding one")
	case !m.Bind && m.Type != "tmpfs":
		c.errorf(m.Place().Key("type"), "a file system of type %q can't be added to a container that exists, only bind mounts and tmpfs", m.Type).Hint = "mount it on the host, and add a bind mount of that"
	}
}

func (c *checker) foreignOption(at place.Place, option string) {
	hint := "it is an extension of crun"
	if strings.Contains(option, "idmap") {
		hint += ": give the mount uidMappings and gidMappings"
	}
	c.errorf(at, "option %q is not supported", option).Hint = hint
}

// unknownOption reports an option of a bind mount that would be one of a file system. The
// kernel would ignore it (mount(2)), and a misspelled "nosuid" with it. Those of tmpfs, which
// are no misspelling of anything, are often left behind when the type is changed; OCI's
// validation suite has them on bind mounts.
func (c *checker) unknownOption(at place.Place, option string) {
	name, _, hasValue := strings.Cut(option, "=")
	if hasValue && slices.Contains([]string{"gid", "mode", "nr_blocks", "nr_inodes", "size", "uid"}, name) {
		c.warnf(at, "option %q has no effect on a bind mount", option)
		return
	}
	hint := spelling.Hint(option, words.OptionNames())
	if strings.EqualFold(option, "readonly") {
		hint = `did you mean "ro"?`
	}
	c.errorf(at, "unknown option %q: bind mounts cannot have any filesystem-specific options applied", option).Hint = hint
}

// cgroupOptions warns about options that have no effect: only a mount of cgroup v2 in a
// cgroup namespace gets any. Clients pass on those of the host's mount, which the others
// have anyway.
func (c *checker) cgroupOptions(at place.Place, m *Mount) {
	if c.host.Cgroups == mode.V2 && c.ns.Has(unix.CLONE_NEWCGROUP) {
		return
	}
	for _, option := range m.Data {
		switch option {
		case "nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot", "memory_hugetlb_accounting", "pids_localevents":
		default:
			c.warnf(at, "option %q has no effect on a cgroup mount here", option)
		}
	}
}

func (c *checker) mountFeatures(at place.Place, m *Mount) {
	if !m.Bind && !m.Remount && m.Attr.Set&m.Recursive.Clear != 0 {
		c.errorf(at.Key("options"), "options contradict each other")
	}
	if c.host.Kernel.AtLeast(5, 12) {
		return
	}
	if m.Recursive.Set|m.Recursive.Clear != 0 {
		c.errorf(at.Key("options"), "recursive mount options need Linux 5.12")
	}
	if m.IDMap {
		c.errorf(at.Key("options"), "id-mapped mounts need Linux 5.12")
	}
	if m.Attr.Set&unix.MOUNT_ATTR_NOSYMFOLLOW != 0 && !c.host.Kernel.AtLeast(5, 10) {
		c.errorf(at.Key("options"), "option nosymfollow needs Linux 5.10")
	}
}

func (c *checker) idmappedMount(at place.Place, m *Mount) {
	if !m.IDMap {
		return
	}
	switch {
	case !m.Bind:
		c.errorf(at, "id-mapped mounts are only supported for bind-mounts")
	case c.host.EUID != 0:
		c.errorf(at, "id-mapped mounts are not supported for rootless containers")
	case (len(m.UIDMappings) == 0) != (len(m.GIDMappings) == 0):
		c.errorf(at, "id-mapped mounts must have both uid and gid mappings specified")
	case len(m.UIDMappings) == 0 && !c.ns.Has(unix.CLONE_NEWUSER):
		c.errorf(at.Key("options"), "id-mapped mount without mappings").Hint = "give the mount uidMappings and gidMappings, or the container a user namespace"
	}
	c.mappings(at.Key("uidMappings"), m.UIDMappings)
	c.mappings(at.Key("gidMappings"), m.GIDMappings)
}

// mappedOptions reports owners that don't exist in the container's user namespace, which
// the kernel refuses with a bare "invalid argument".
func (c *checker) mappedOptions(at place.Place, m *Mount) {
	if c.ns.Created&unix.CLONE_NEWUSER == 0 || m.Bind {
		return
	}
	linux := c.spec.Linux
	for _, param := range m.Data {
		key, value, _ := strings.Cut(param, "=")
		var list []specs.LinuxIDMapping
		switch key {
		case "uid":
			list = linux.UIDMappings
		case "gid":
			list = linux.GIDMappings
		default:
			continue
		}
		id, err := strconv.ParseUint(value, 10, 32)
		if err == nil && len(list) > 0 && !isMapped(list, uint32(id)) {
			c.errorf(at.Key("options"), "cannot specify %s mount option for rootless container: %s %d is not mapped", param, key, id).Hint = "leave the option out or map the id in linux." + key + "Mappings"
		}
	}
}
