package v1

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Dir returns a descriptor of the cgroup in the cgroup2 hierarchy of a hybrid host,
// -1 if there is none. The Group owns it.
func (g *Group) Dir() (int, error) {
	for _, m := range g.members {
		if slices.Contains(m.controllers, Unified) {
			return m.dir.FD()
		}
	}
	return -1, nil
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
