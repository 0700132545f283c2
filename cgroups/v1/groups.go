package v1

import (
	"fmt"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
)

// Group is a set of cgroups at or below the container's, one in each
// hierarchy, that a process is to run in.
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

// Sub returns cgroups below the container's, which must exist. The paths
// are those of exec --cgroup by controller, "" for all the others; in a
// hierarchy without one it is the container's own.
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

// Beside returns the container's own cgroups, whichever process is given:
// v1 lets processes into a cgroup that has others below it.
func (m *Manager) Beside(int) (*Group, error) { return m.Sub(nil) }
