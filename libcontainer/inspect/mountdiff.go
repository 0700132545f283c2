package inspect

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// mounts compares the mounts of the config with those that init sees, in both directions.
func (c *comparison) mounts() {
	at := place.At("/mounts")
	switch {
	case len(c.Mounts) == 0:
		return
	case !words.HasNamespace(c.spec, specs.MountNamespace):
		c.AddUnknown(at, "the container has no mount namespace of its own")
		return
	case c.MountsTruncated:
		c.AddUnknown(at, "the container has too many mounts")
		return
	}
	m := &mountComparison{comparison: c, expected: map[string]int{}}
	for _, mount := range config.Mounts(c.spec) {
		m.add(mount)
	}
	for _, wanted := range m.wanted {
		m.compare(wanted)
	}
	m.root()
	m.protected()
	if words.CreatesNamespace(c.spec, specs.MountNamespace) {
		m.added()
	}
}

// mountComparison compares mounts.
type mountComparison struct {
	*comparison
	wanted []wantedMount
	// expected counts the mounts at each path that are explained by the config. Those below
	// the paths in subtrees are as well.
	expected map[string]int
	subtrees []string
}

// wantedMount is an entry of mounts, with what later entries have changed.
type wantedMount struct {
	config.Mount
	path string // where it is
}

// add adds an entry of mounts. One that is hidden by a later one isn't compared.
func (m *mountComparison) add(mount config.Mount) {
	at := m.located(mount.Target)
	last := -1
	for i := range m.wanted {
		if m.wanted[i].path == at {
			last = i
		}
	}
	if mount.Remount {
		if last >= 0 {
			w := &m.wanted[last]
			change := words.Attr{Set: mount.Attr.Set | mount.Recursive.Set, Clear: mount.Attr.Clear | mount.Recursive.Clear}
			w.Attr.Set = w.Attr.Set&^change.Clear | change.Set
			w.Attr.Clear = w.Attr.Clear&^change.Set | change.Clear
		}
		return
	}
	if last >= 0 {
		m.wanted = slices.Delete(m.wanted, last, last+1) // the new one hides it
	}
	m.wanted = append(m.wanted, wantedMount{mount, at})
	m.expected[at]++
	if mount.RecursiveBind || mount.IsCgroup() {
		m.subtrees = append(m.subtrees, at)
	}
}

// located returns the mount point for a path of the config: the path itself, or where the
// symbolic links in it lead to.
func (m *mountComparison) located(target string) string {
	target = path.Clean("/" + target)
	if m.top(target) != nil {
		return target
	}
	if resolved := m.Resolve(target); m.top(resolved) != nil {
		return resolved
	}
	return target
}

// top returns the mount that is seen at a path; nil if it isn't a mount point.
func (m *mountComparison) top(at string) *Mount {
	var here []*Mount
	for i := range m.Mounts {
		if m.Mounts[i].Path == at {
			here = append(here, &m.Mounts[i])
		}
	}
	for _, mount := range here {
		if !slices.ContainsFunc(here, func(over *Mount) bool { return over.Parent == mount.ID && over != mount }) {
			return mount
		}
	}
	return nil
}

// attributes are those of MOUNT_ATTR_* that mountinfo names.
var attributes = [...]struct {
	flag uint64
	name string
}{
	{unix.MOUNT_ATTR_RDONLY, "ro"}, {unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
}

func (m *mountComparison) compare(w wantedMount) {
	actual := m.top(w.path)
	if actual == nil {
		m.Add(w.Place(), w.describe(), "")
		return
	}
	if m.isMasked(w.path) {
		return
	}
	isOwn := !w.Bind && !w.IsCgroup()
	if isOwn && !strings.HasPrefix(actual.Type, w.Type) {
		m.Add(w.Place().Key("type"), w.Type, actual.Type)
		return
	}
	set := w.Attr.Set | w.Recursive.Set
	unset := (w.Attr.Clear | w.Recursive.Clear) &^ set
	for _, a := range attributes {
		has := slices.Contains(actual.Options, a.name)
		isReadonly := a.name == "ro" && slices.Contains(actual.SuperOptions, "ro")
		switch {
		case set&a.flag != 0 && !has && !isReadonly:
			m.Add(w.Place().Key("options"), a.name, strings.Join(actual.Options, ","))
		case unset&a.flag != 0 && has && !w.IsCgroup() && !m.isReadonlyPath(w.path):
			m.Add(w.Place().Key("options"), "not "+a.name, strings.Join(actual.Options, ","))
		case a.name == "ro" && isOwn && w.Type != "sysfs" && set&a.flag == 0 && has && !m.isReadonlyPath(w.path):
			m.Add(w.Place().Key("options"), "rw", strings.Join(actual.Options, ","))
		}
	}
}

func (w *wantedMount) describe() string {
	kind := w.Type
	if w.Bind {
		kind = "bind mount of " + w.Source
	}
	return kind + " on " + w.Target
}

func (m *mountComparison) isIn(paths []string, at string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return path.Clean(p) == at || m.located(p) == at })
}

func (m *mountComparison) isMasked(at string) bool {
	return m.spec.Linux != nil && m.isIn(m.spec.Linux.MaskedPaths, at)
}

func (m *mountComparison) isReadonlyPath(at string) bool {
	return m.spec.Linux != nil && m.isIn(m.spec.Linux.ReadonlyPaths, at)
}

// root compares whether the root file system is read-only. Without a mount at "/" init has
// changed its root directory.
func (m *mountComparison) root() {
	top := m.top("/")
	if top == nil || m.spec.Root == nil || !m.spec.Root.Readonly {
		return
	}
	if !slices.Contains(top.Options, "ro") && !slices.Contains(top.SuperOptions, "ro") {
		m.Add(place.At("/root/readonly"), "true", "false")
	}
}

// protected compares the masked and the read-only paths.
func (m *mountComparison) protected() {
	linux := m.spec.Linux
	if linux == nil {
		return
	}
	for i, p := range linux.ReadonlyPaths {
		at := m.located(p)
		m.expected[at]++
		top := m.top(at)
		isOpen := top == nil || !slices.Contains(top.Options, "ro") && !m.isMasked(at)
		if isOpen && m.isKernelFile(path.Clean(p)) {
			m.Add(place.At("/linux/readonlyPaths").Index(i).Named(p), "read-only", "writable")
		}
	}
	for i, p := range linux.MaskedPaths {
		at := m.located(p)
		m.expected[at]++
		if m.top(at) == nil && m.isKernelFile(path.Clean(p)) {
			m.Add(place.At("/linux/maskedPaths").Index(i).Named(p), "masked", "visible")
		}
	}
}

// isKernelFile reports whether a path is certain to exist in the container: it is in its
// procfs or sysfs, and the host's has it.
func (m *mountComparison) isKernelFile(p string) bool {
	for _, w := range m.wanted {
		if (w.Type == "proc" || w.Type == "sysfs") && !w.Bind && strings.HasPrefix(p, w.path+"/") {
			hidesFiles := slices.ContainsFunc(w.Data, func(o string) bool { return strings.HasPrefix(o, "subset=") })
			return !hidesFiles && !m.isBelowMasked(p) && m.Exists(p)
		}
	}
	return false
}

func (m *mountComparison) isBelowMasked(p string) bool {
	return slices.ContainsFunc(m.spec.Linux.MaskedPaths, func(masked string) bool {
		return strings.HasPrefix(p, path.Clean(masked)+"/")
	})
}

// longestAdded is how many added mounts are named.
const longestAdded = 100

// added looks for mounts that neither the config nor the runtime explains.
func (m *mountComparison) added() {
	m.expected["/"]++
	for _, p := range m.RuntimeMounts {
		m.expected[m.located(p)]++
	}
	var devices []string
	for _, d := range words.DefaultDevices {
		devices = append(devices, d.Path)
	}
	if m.spec.Linux != nil {
		for i := range m.spec.Linux.Devices {
			devices = append(devices, m.spec.Linux.Devices[i].Path)
		}
	}
	for _, d := range append(devices, "/dev/console") {
		m.expected[m.located(d)]++
	}
	seen := map[string]int{}
	var added []Mount
	for _, mount := range m.Mounts {
		if m.isInSubtree(mount.Path) {
			continue
		}
		if seen[mount.Path]++; seen[mount.Path] > m.expected[mount.Path] {
			added = append(added, mount)
		}
	}
	for i, mount := range added {
		if i == longestAdded {
			m.Add(place.At("/mounts"), "", strconv.Itoa(len(added)-i)+" more mounts")
			break
		}
		m.Add(place.At("/mounts"), "", mount.Type+" on "+mount.Path)
	}
}

func (m *mountComparison) isInSubtree(at string) bool {
	return slices.ContainsFunc(m.subtrees, func(top string) bool {
		return strings.HasPrefix(at, strings.TrimSuffix(top, "/")+"/")
	})
}
