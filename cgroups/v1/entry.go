package v1

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Dir returns a descriptor of the cgroup in the cgroup2 hierarchy of a hybrid host,
// -1 if there is none. The Group owns it.
func (g *Group) Dir() (int, error) {
	if d := g.unified(); d != nil {
		return d.FD()
	}
	return -1, nil
}

// Procs opens the file cgroup.procs of Dir. The caller closes the descriptor.
func (g *Group) Procs() (int, error) {
	d := g.unified()
	if d == nil {
		return -1, fmt.Errorf("no hierarchy of cgroup v2 is mounted: %w", unix.ENOENT)
	}
	return d.Procs()
}

// unified returns the cgroup in the cgroup2 hierarchy, nil if there is none.
func (g *Group) unified() *cgroupfs.Dir {
	for _, m := range g.members {
		if slices.Contains(m.controllers, Unified) {
			return m.dir
		}
	}
	return nil
}

// Tasks opens the file "tasks" of the cgroup in each hierarchy of v1. The caller
// closes the descriptors.
func (g *Group) Tasks() ([]int, error) {
	fds := make([]int, 0, len(g.members))
	for _, m := range g.members {
		if slices.Contains(m.controllers, Unified) {
			continue
		}
		fd, err := m.dir.Open("tasks", unix.O_WRONLY)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return nil, cgroupfs.Denied(err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// Dir is Group.Dir for the container's own cgroup.
func (m *Manager) Dir() (int, error) { return m.own().Dir() }

// Procs is Group.Procs for the container's own cgroup.
func (m *Manager) Procs() (int, error) { return m.own().Procs() }

// Tasks is Group.Tasks for the container's own cgroup.
func (m *Manager) Tasks() ([]int, error) { return m.own().Tasks() }

// own returns the container's cgroups as a Group. The descriptors stay those of m.
func (m *Manager) own() *Group {
	g := &Group{members: make([]member, len(m.hierarchies))}
	for i := range m.hierarchies {
		g.members[i] = member{dir: m.hierarchies[i].dir, controllers: m.hierarchies[i].Controllers}
	}
	return g
}
