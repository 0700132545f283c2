package cgroups

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/internal/procfs"
)

// mount is one mounted hierarchy.
type mount struct {
	keys  []string // its controllers, as keys of Location.Paths
	point string   // mount point
	root  string   // the cgroup of the hierarchy that is visible at the mount point
}

// readMounts returns the hierarchies that are mounted on this host.
func readMounts(hostMode Mode) ([]mount, error) {
	list, err := procfs.Mounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("locate cgroups: %w", err)
	}
	return hierarchyMounts(list, hostMode), nil
}

// hierarchyMounts selects one mount of each hierarchy: hosts have the same
// hierarchies mounted a second time for their containers.
func hierarchyMounts(infos []*mountinfo.Info, hostMode Mode) []mount {
	var list []mount
	for _, info := range infos {
		m := mount{root: info.Root, point: info.Mountpoint, keys: mountKeys(info, hostMode)}
		if len(m.keys) == 0 {
			continue
		}
		at := slices.IndexFunc(list, func(o mount) bool { return slices.Equal(o.keys, m.keys) })
		switch {
		case at < 0:
			list = append(list, m)
		case list[at].point == m.point || !isUsual(list[at].point) && isUsual(m.point):
			// A mount on top of another, or one at the usual place.
			list[at] = m
		}
	}
	return list
}

// isUsual reports whether a mount point is one where distributions mount cgroups.
func isUsual(point string) bool { return point == root || strings.HasPrefix(point, root+"/") }

// mountKeys returns the keys of Location.Paths for a mount, none if a host of this
// mode has no use for it.
func mountKeys(info *mountinfo.Info, hostMode Mode) []string {
	switch {
	case info.FSType == "cgroup2" && hostMode == V2:
		return []string{""}
	case info.FSType == "cgroup2" && hostMode == Hybrid:
		return []string{v1.Unified}
	case info.FSType != "cgroup" || hostMode == V2:
		return nil
	}
	var keys []string
	for option := range strings.SplitSeq(info.VFSOptions, ",") {
		if isController(option) {
			keys = append(keys, option)
		}
	}
	return keys
}

// isController distinguishes controllers from the other options of a v1 mount.
// The list is complete, because new controllers are added to v2 only.
func isController(option string) bool {
	switch option {
	case "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids",
		"net_cls", "net_prio", "perf_event", "hugetlb", "rdma", "misc", "debug":
		return true
	}
	return strings.HasPrefix(option, "name=")
}

// beneath converts the path of a cgroup in its hierarchy to the path below the
// mount point. A cgroup that isn't visible there, because the mount shows another
// part of the hierarchy or a cgroup namespace hides it, becomes the mount's root.
func (m *mount) beneath(cgroup string) string {
	if slices.Contains(strings.Split(cgroup, "/"), "..") {
		return "/"
	}
	if m.root == "/" {
		return path.Clean("/" + cgroup)
	}
	rest, ok := strings.CutPrefix(cgroup+"/", m.root+"/")
	if !ok {
		return "/"
	}
	return path.Clean("/" + rest)
}

// cgroupIn returns the cgroup of a process in the hierarchy of a mount, "/" if it
// has none there.
func (m *mount) cgroupIn(own procfs.Memberships) string {
	key := m.keys[0]
	if key == v1.Unified {
		key = ""
	}
	cgroup, ok := own.Path(key)
	if !ok {
		return "/"
	}
	return cgroup
}
