package cgroups

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/runnel/runnel/cgroups/v1"
)

// mount is one mounted hierarchy.
type mount struct {
	keys  []string // its controllers, by the keys of Location.Paths
	point string   // where it is mounted
	root  string   // which cgroup of the hierarchy is seen there
}

// parseMounts finds the hierarchies in /proc/self/mountinfo (proc(5)). Each
// is taken once: hosts have the same hierarchies mounted a second time for
// their containers.
func parseMounts(mountinfo string, mode Mode) []mount {
	var list []mount
	for line := range strings.Lines(mountinfo) {
		// Most mounts are something else.
		if !strings.Contains(line, " - cgroup") {
			continue
		}
		m, ok := parseMount(line, mode)
		if !ok {
			continue
		}
		at := slices.IndexFunc(list, func(o mount) bool { return slices.Equal(o.keys, m.keys) })
		switch {
		case at < 0:
			list = append(list, m)
		case list[at].point == m.point || !isOurs(list[at].point) && isOurs(m.point):
			// What is mounted on top of another, or at the usual place.
			list[at] = m
		}
	}
	return list
}

// isOurs reports whether a mount point is where the host has its cgroups.
func isOurs(point string) bool { return point == root || strings.HasPrefix(point, root+"/") }

// parseMount reads one line. It passes over hierarchies that the mode has no
// use for.
func parseMount(line string, mode Mode) (mount, bool) {
	before, after, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
	fields, kind := strings.Fields(before), strings.Fields(after)
	if len(fields) < 6 || len(kind) < 3 {
		return mount{}, false
	}
	m := mount{root: unescape(fields[3]), point: unescape(fields[4])}
	switch {
	case kind[0] == "cgroup2" && mode == V2:
		m.keys = []string{""}
	case kind[0] == "cgroup2" && mode == Hybrid:
		m.keys = []string{v1.Unified}
	case kind[0] == "cgroup" && mode != V2:
		for option := range strings.SplitSeq(kind[2], ",") {
			if isController(option) {
				m.keys = append(m.keys, option)
			}
		}
	}
	return m, len(m.keys) > 0
}

// isController tells controllers from the other options of a v1 mount. New
// controllers come to v2 only, so options are what may get more.
func isController(option string) bool {
	switch option {
	case "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids",
		"net_cls", "net_prio", "perf_event", "hugetlb", "rdma", "misc", "debug":
		return true
	}
	return strings.HasPrefix(option, "name=")
}

// unescape undoes the octal escapes of mountinfo.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// beneath turns the path of a cgroup in its hierarchy into that below the
// mount point. A cgroup that isn't seen there, because the mount shows
// another part of the hierarchy or a cgroup namespace hides it, counts as
// the mount's root.
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

// membership is the cgroup of a process in each hierarchy.
type membership []member

type member struct {
	keys   []string
	cgroup string
}

// parseMembership reads /proc/PID/cgroup (cgroups(7)). The cgroup2 hierarchy
// has no keys there.
func parseMembership(text string) membership {
	var list membership
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 {
			list = append(list, member{strings.Split(fields[1], ","), fields[2]})
		}
	}
	return list
}

// find returns the cgroup in the hierarchy of a mount, "/" where there is
// none.
func (l membership) find(m mount) string {
	key := m.keys[0]
	if key == v1.Unified {
		key = ""
	}
	for _, own := range l {
		if slices.Contains(own.keys, key) {
			return own.cgroup
		}
	}
	return "/"
}
