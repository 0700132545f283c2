package config

import (
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

func (c *checker) mounts() {
	for i := range c.spec.Mounts {
		m := CompileMount(i, c.spec.Mounts[i])
		at := m.Place()
		c.destination(at, &m)
		c.mountKind(at, &m)
		c.mountFeatures(at, &m)
		c.idmappedMount(at, &m)
		c.mappedOptions(at, &m)
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

// isMountableInProc lists what may be covered in a container's /proc: files that
// say something about the host as a whole, which lxcfs and its like replace.
// Anything else would let an image forge what the runtime and others read there
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
	switch {
	case m.Remount:
		if len(m.Data)+len(m.Superblock) > 0 {
			c.errorf(at.Key("options"), "remounting with %q is not supported", strings.Join(append(m.Superblock, m.Data...), ",")).Hint = "only the attributes of the mount itself can be changed"
		}
	case m.Bind:
		if m.Source == "" {
			c.errorf(at.Key("source"), "bind mount without a source")
		}
		if len(m.Data) > 0 {
			// The kernel ignores them, mount(2), and so do other runtimes.
			c.warnf(at.Key("options"), "bind mounts cannot have any filesystem-specific options applied: %q is ignored", strings.Join(m.Data, ","))
		}
		for _, s := range m.Superblock {
			c.warnf(at.Key("options"), "option %q has no effect on a bind mount", s)
		}
	case m.Type == "" || m.Type == "none":
		c.errorf(at.Key("type"), "mount without a file system type").Hint = `a bind mount has the option "bind" or "rbind"`
	case m.IsCgroup():
		if len(m.Data) > 0 {
			c.errorf(at.Key("options"), "cgroup mounts take no file system options, but there is %q", strings.Join(m.Data, ","))
		}
	}
	if m.CopyUp && (m.Bind || m.Remount || m.Type != "tmpfs") {
		c.errorf(at.Key("options"), "tmpcopyup is for mounts of type tmpfs only")
	}
	for _, name := range m.Notices {
		c.warnf(at.Key("options"), "option %q has no effect: the file system decides", name)
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
	case len(m.UIDMappings) == 0 && len(c.spec.Linux.UIDMappings) == 0:
		c.errorf(at.Key("options"), "id-mapped mount without mappings").Hint = "give the mount uidMappings and gidMappings, or the container a user namespace with mappings"
	}
	c.mappings(at.Key("uidMappings"), m.UIDMappings)
	c.mappings(at.Key("gidMappings"), m.GIDMappings)
}

// mappedOptions finds owners that don't exist in the container's user namespace:
// the kernel answers these with a bare "invalid argument".
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
