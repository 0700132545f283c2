package preflight

import (
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/specconv/config"
)

// noexecRootfs reports whether the rootfs is on a mount with noexec, which the container's
// root inherits.
func (c *check) noexecRootfs() bool {
	var st unix.Statfs_t
	return c.onHost && unix.Statfs(c.rootfs, &st) == nil && st.Flags&unix.ST_NOEXEC != 0
}

// coveredProgram checks the program with an absolute path in a mount: whether it is in
// the source of a bind mount, which has noexec. Of other mounts nothing is known.
func (c *check) coveredProgram(name, file string) {
	m := c.mountOf(file)
	if m == nil || !c.onHost || !m.Bind || m.Source == "" {
		return
	}
	source := m.Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(c.dir, source)
	}
	// Links on the way to the source are the host's, but what those in it mean depends on
	// the container.
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return
	}
	inside := path.Join(source, strings.TrimPrefix(file, m.Target))
	real, err := filepath.EvalSymlinks(inside)
	if err == nil && real == inside && isProgram(inside) == nil && m.isNoexec(source) {
		c.report(config.Error, programPlace, explain.NoexecMount(m.Target), "exec: %q: %v", name, unix.EACCES)
	}
}

// mount is a mount of the config with the changes of later remounts.
type mount struct{ config.Mount }

// mountOf returns the mount that an absolute path in the container is in, if no symbolic
// links lead elsewhere; nil if it is in none.
func (c *check) mountOf(file string) *mount {
	var found *mount
	for _, m := range config.Mounts(c.Spec) {
		switch {
		case !strings.HasPrefix(file+"/", strings.TrimSuffix(m.Target, "/")+"/"):
		case !m.Remount:
			found = &mount{m}
		case found != nil && found.Target == m.Target:
			found.Attr.Set = found.Attr.Set&^m.Attr.Clear | m.Attr.Set
			found.Attr.Clear = found.Attr.Clear&^m.Attr.Set | m.Attr.Clear
		}
	}
	return found
}

// isNoexec reports whether the bind mount of source will have noexec.
func (m *mount) isNoexec(source string) bool {
	const noexec = unix.MOUNT_ATTR_NOEXEC
	switch {
	case (m.Attr.Set|m.Recursive.Set)&noexec != 0:
		return true
	case (m.Attr.Clear|m.Recursive.Clear)&noexec != 0:
		return false
	}
	var st unix.Statfs_t
	return unix.Statfs(source, &st) == nil && st.Flags&unix.ST_NOEXEC != 0
}
