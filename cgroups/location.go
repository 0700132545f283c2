package cgroups

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
)

// Mode is how a host has its cgroups mounted.
type Mode = mode.Mode

// The modes of a host that was probed.
const (
	V1     = mode.V1
	Hybrid = mode.Hybrid
	V2     = mode.V2
)

const root = mode.Root

// HostMode returns how this host has its cgroups mounted.
func HostMode() Mode { return mode.Host() }

// The drivers: with cgroupfs the cgroups are created directly, with systemd by
// systemd for a unit.
const (
	Cgroupfs = "cgroupfs"
	Systemd  = "systemd"
)

// Location is where a container's cgroups are. It is plain data for the
// container's state file, and sufficient to manage the cgroups from another
// process.
type Location struct {
	Mode   Mode
	Driver string
	// Paths has the absolute directory for each controller, "name=systemd"
	// for a named hierarchy and "unified" for the cgroup2 one of a hybrid
	// host. On v2 the only key is "".
	Paths map[string]string
	// Mounts has the mount point for each of these keys.
	Mounts map[string]string
	// Existing lists the directories that existed before Create. Destroy leaves
	// them in place.
	Existing []string
	// Parents lists the directories above those of the container that Create has
	// created, topmost first in each hierarchy. Destroy removes them unless others use
	// them.
	Parents []string
	// Unit is set if the driver is systemd.
	Unit *Unit
}

// ErrNoHierarchy is the error of Locate on a host without cgroups.
var ErrNoHierarchy = errors.New("no cgroup hierarchy is mounted")

// Locate returns where the cgroups of a container are (config-linux.md, Cgroups
// Path). An absolute cgroupsPath begins at the mount points of the hierarchies. A
// relative one, or the id if it is empty, begins at the cgroup of the calling
// process on v1, and at the parent of that cgroup on v2, where a cgroup with
// processes can't have limited children. ".." never leads above the beginning.
// Nothing is changed or created. The error is ErrNoHierarchy if the host has no
// cgroups.
func Locate(cgroupsPath, id string) (Location, error) {
	hostMode := HostMode()
	if hostMode == V2 && path.IsAbs(cgroupsPath) {
		// The usual case needs no more information.
		return locate(hostMode, unifiedMount(), nil, cgroupsPath, id)
	}
	mounts, err := readMounts(hostMode)
	if err != nil {
		return Location{}, err
	}
	var own procfs.Memberships
	if !path.IsAbs(cgroupsPath) {
		if own, err = procfs.OwnCgroups(); err != nil {
			return Location{}, fmt.Errorf("locate cgroups: %w", err)
		}
	}
	return locate(hostMode, mounts, own, cgroupsPath, id)
}

// Own returns the location of the cgroups that the calling process is in.
func Own() (Location, error) {
	l := Location{Mode: HostMode(), Paths: map[string]string{}, Mounts: map[string]string{}}
	mounts, err := readMounts(l.Mode)
	if err != nil {
		return l, err
	}
	own, err := procfs.OwnCgroups()
	if err != nil {
		return l, fmt.Errorf("locate cgroups: %w", err)
	}
	for _, m := range mounts {
		for _, key := range m.keys {
			l.Paths[key] = path.Join(m.point, m.beneath(m.cgroupIn(own)))
			l.Mounts[key] = m.point
		}
	}
	return l, nil
}

// unifiedMount returns the hierarchy of a v2 host at the usual mount point.
func unifiedMount() []mount { return []mount{{keys: []string{""}, point: root, root: "/"}} }

// locate is Locate on a host with these mounts, for a caller in these cgroups. An
// absolute cgroupsPath doesn't depend on the latter.
func locate(hostMode Mode, mounts []mount, own procfs.Memberships, cgroupsPath, id string) (Location, error) {
	l := Location{Mode: hostMode, Driver: Cgroupfs}
	inner, err := innerPath(cgroupsPath, id)
	if err != nil {
		return l, err
	}
	if len(mounts) == 0 {
		return l, ErrNoHierarchy
	}
	l.Paths = make(map[string]string, len(mounts)+2)
	l.Mounts = make(map[string]string, len(mounts)+2)
	for _, m := range mounts {
		dir := m.point
		if !path.IsAbs(cgroupsPath) {
			begin := m.beneath(m.cgroupIn(own))
			if hostMode == V2 {
				begin = path.Dir(begin)
			}
			dir = path.Join(m.point, begin)
		}
		for _, key := range m.keys {
			l.Paths[key] = path.Join(dir, inner)
			l.Mounts[key] = m.point
		}
	}
	return l, nil
}

// cgroupsPathField returns the place of linux.cgroupsPath in config.json.
func cgroupsPathField() place.Place { return place.At("/linux/cgroupsPath") }

// innerPath returns the path below the cgroup at which Locate begins.
func innerPath(cgroupsPath, id string) (string, error) {
	inner := cgroupsPath
	if inner == "" {
		inner = id
	}
	if strings.ContainsRune(inner, 0) {
		return "", place.Errorf(cgroupsPathField(), "%q contains a NUL byte", inner)
	}
	inner = path.Clean("/" + inner)
	if inner == "/" {
		return "", place.Errorf(cgroupsPathField(), "%q is the root of the hierarchy, which can't be a container's cgroup", cgroupsPath)
	}
	return inner, nil
}

func (l *Location) isExisting(dir string) bool { return slices.Contains(l.Existing, dir) }

// found returns the location with what Create has found and created.
func (l Location) found(existing, parents []string) Location {
	l.Existing, l.Parents = existing, parents
	return l
}

// parentsOf returns the parents of a directory among all hierarchies'.
func (l *Location) parentsOf(dir string) []string {
	var list []string
	for _, parent := range l.Parents {
		if strings.HasPrefix(dir, parent+"/") {
			list = append(list, parent)
		}
	}
	return list
}

// hierarchies groups the controllers that are mounted together. The order is
// fixed, and with it the order of creating, joining and removing.
func (l *Location) hierarchies() []v1.Hierarchy {
	list := make([]v1.Hierarchy, 0, len(l.Paths))
	for _, key := range limits.SortedKeys(l.Paths) {
		dir := l.Paths[key]
		at := slices.IndexFunc(list, func(h v1.Hierarchy) bool { return h.Path == dir })
		if at < 0 {
			at = len(list)
			list = append(list, v1.Hierarchy{Mount: l.Mounts[key], Path: dir, Existing: l.isExisting(dir), Parents: l.parentsOf(dir)})
		}
		list[at].Controllers = append(list[at].Controllers, key)
	}
	return list
}
