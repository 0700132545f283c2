package v1

import (
	"fmt"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/procfs"
)

// Group is a set of cgroups at or below the container's, one in each hierarchy,
// in which a process can be started.
type Group struct{ members []member }

type member struct {
	dir         *cgroupfs.Dir
	controllers []string
}

// Join moves a process into the cgroup of every hierarchy.
func (g *Group) Join(pid int) error {
	for _, m := range g.members {
		if err := joinOne(m.dir, m.controllers, pid); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the descriptors that are open.
func (g *Group) Close() {
	for _, m := range g.members {
		m.dir.Close()
	}
}

// Sub returns existing cgroups below the container's. The paths are those of exec
// --cgroup by controller, "" for all controllers that aren't named. In a hierarchy
// without a path it is the container's own cgroup.
func (m *Manager) Sub(paths map[string]string) (*Group, error) {
	for _, controller := range limits.SortedKeys(paths) {
		if controller != "" && m.dir(controller) == nil {
			return nil, fmt.Errorf("unknown controller %s in the cgroup %s:%s", controller, controller, paths[controller])
		}
	}
	g := &Group{members: make([]member, 0, len(m.hierarchies))}
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		path := paths[""]
		for _, controller := range h.Controllers {
			if own, ok := paths[controller]; ok {
				path = own
			}
		}
		dir, err := h.dir.Sub(path)
		h.dir.Close()
		if err != nil {
			g.Close()
			return nil, err
		}
		g.members = append(g.members, member{dir: dir, controllers: h.Controllers})
	}
	return g, nil
}

// GroupOf returns the cgroups that a process of the container is in.
func (m *Manager) GroupOf(pid int) (*Group, error) {
	cgroups, err := procfs.ReadCgroups(pid)
	if err != nil {
		return nil, err
	}
	g := &Group{members: make([]member, 0, len(m.hierarchies))}
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		key := h.Controllers[0]
		if key == Unified {
			key = ""
		}
		path, _ := cgroups.Path(key)
		dir, err := h.dir.Member(h.Mount, path)
		if err != nil {
			g.Close()
			return nil, err
		}
		g.members = append(g.members, member{dir: dir, controllers: h.Controllers})
	}
	return g, nil
}
