package cgroupfs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A level is a cgroup on the way that a walk has gone down.
type level struct {
	name, path string
	left       []string // the names of the cgroups below it that the walk has yet to visit
}

// walk visits the cgroups below this one: it calls enter before it visits those below a
// cgroup, and leave after that, with the descriptor of its parent. Either may be nil. A
// cgroup that has been removed meanwhile is left out.
//
// A container that may create cgroups can nest them deeper than a path may be long, and
// than this process may have descriptors. Therefore a cgroup is opened relative to the last
// one, on the way down by its name and on the way up as "..", and the last one is closed.
// No cgroup can be moved below another parent, so that ".." is the one that the walk came
// from.
func (d *Dir) walk(enter func(below *Dir) error, leave func(below *Dir, parent int, name string) error) error {
	names, err := d.Children()
	if err != nil || len(names) == 0 {
		return err
	}
	// The descriptor of d stays open, and at most two others are.
	at := d
	defer func() {
		if at != d {
			at.Close()
		}
	}()
	way := []level{{path: d.path, left: names}}
	for {
		here := &way[len(way)-1]
		if last := len(here.left) - 1; last >= 0 {
			name := here.left[last]
			here.left = here.left[:last]
			below, err := at.child(name)
			if IsGone(err) {
				continue
			}
			if err != nil {
				return fmt.Errorf("open cgroup %s/%s: %w", at.path, name, err)
			}
			if at != d {
				at.Close()
			}
			at = below
			if enter != nil {
				if err := enter(at); err != nil {
					return err
				}
			}
			if names, err = at.Children(); err != nil {
				return err
			}
			way = append(way, level{name: name, path: at.path, left: names})
			continue
		}
		if len(way) == 1 {
			return nil
		}
		way = way[:len(way)-1]
		parent := d
		if len(way) > 1 {
			if parent, err = at.parent(way[len(way)-1].path); err != nil {
				return err
			}
		}
		if leave != nil {
			err = leave(at, parent.fd, here.name)
		}
		at.Close()
		at = parent
		if err != nil {
			return err
		}
	}
}

// Each calls visit for the cgroup and for each one below it.
func (d *Dir) Each(visit func(*Dir) error) error {
	if err := visit(d); err != nil {
		return err
	}
	return d.walk(visit, nil)
}

// parent opens the cgroup above this one, whose path is only for messages.
func (d *Dir) parent(path string) (*Dir, error) {
	fd, err := openat2(d.fd, "..", unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", path, err)
	}
	return &Dir{path: path, fd: fd}, nil
}
