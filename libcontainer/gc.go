package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
)

// Garbage is one thing that a command left behind when it was killed, or that a stopped
// container still has.
type Garbage struct {
	// ID is the id of the container that it belongs to.
	ID string `json:"id"`
	// Kind says what it is, and Path where: the path of a file or a directory, the pid of
	// a process, the name of a systemd unit.
	Kind GarbageKind `json:"kind"`
	Path string      `json:"path"`
	// Reason says why nobody needs it.
	Reason GarbageReason `json:"reason"`
	// Removed reports that it was there and is no longer.
	Removed bool `json:"removed"`
}

// GarbageKind is a kind of Garbage.
type GarbageKind string

// The kinds of garbage.
const (
	GarbageProcess GarbageKind = "process"
	GarbageUnit    GarbageKind = "unit"
	GarbageCgroup  GarbageKind = "cgroup"
	GarbageMount   GarbageKind = "mount"
	GarbageResctrl GarbageKind = "resctrl" // a group of linux.intelRdt
	GarbageSocket  GarbageKind = "socket"
	GarbageFile    GarbageKind = "file"
	GarbageState   GarbageKind = "state" // the state directory, and with it the id
)

// GarbageReason is the reason why something is Garbage.
type GarbageReason string

// The reasons for garbage.
const (
	// CreateKilled is for a container whose Create was killed before there was an init.
	CreateKilled GarbageReason = "create-killed"
	// StartKilled is for the start socket of a container that runs.
	StartKilled GarbageReason = "start-killed"
	// SaveKilled is for the temporary file of a command that was killed while it saved the
	// state.
	SaveKilled GarbageReason = "save-killed"
	// HasStopped is for a container whose init has ended.
	HasStopped GarbageReason = "stopped"
)

// CollectOptions are the options of Collect.
type CollectOptions struct {
	// DryRun removes nothing.
	DryRun bool
	// Stopped also removes containers whose init has ended. Their clients may still
	// expect them to exist, until they delete them.
	Stopped bool
}

// Collect removes what commands have left behind below Root because they were killed, and
// returns it. It takes only what the state directories prove to be the runtime's, and
// nothing of a container on which a command is at work. failed has an error for each
// container that can't be read or removed; Collect goes on with the others. err is that
// of reading Root.
func (r *Runtime) Collect(o CollectOptions) (all []Garbage, failed []error, err error) {
	ids, err := state.List(r.Root)
	if err != nil {
		return nil, nil, err
	}
	r.debugf("gc: state root %s, %d containers", r.Root, len(ids))
	for _, id := range ids {
		c, err := r.Open(id)
		switch {
		case errors.Is(err, ErrNotExist):
			continue // deleted meanwhile, or a file
		case err != nil:
			failed = append(failed, err)
			continue
		}
		found, err := c.collect(o)
		c.Close()
		all = append(all, found...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	return all, failed, nil
}

func (c *Container) collect(o CollectOptions) ([]Garbage, error) {
	reason, isGarbage := c.isGarbage(o.Stopped)
	defer c.dir.Unlock()
	if !isGarbage {
		return c.collectFiles(o.DryRun)
	}
	parts := c.parts()
	var err error
	if !o.DryRun {
		err = c.delete()
	}
	found := make([]Garbage, len(parts))
	for i, p := range parts {
		found[i] = Garbage{ID: c.ID(), Kind: p.kind, Path: p.path, Reason: reason, Removed: !p.exists()}
	}
	return found, err
}

// isGarbage reports whether the container as a whole is garbage, and then has locked it. A
// container that is being created is locked by that, until it has an init.
func (c *Container) isGarbage(stopped bool) (GarbageReason, bool) {
	if c.state.Pid != 0 {
		status, err := c.Status()
		return HasStopped, stopped && err == nil && status == Stopped && c.dir.Lock() && !c.dir.IsRemoved()
	}
	if !c.dir.Lock() || c.dir.IsRemoved() || c.reload() != nil {
		return "", false
	}
	return CreateKilled, c.state.Pid == 0
}

// part is one thing that a container consists of.
type part struct {
	kind   GarbageKind
	path   string
	exists func() bool
}

// parts returns what exists of the container and a delete removes. The state directory is
// the last, as for a delete.
func (c *Container) parts() []part {
	var parts []part
	add := func(kind GarbageKind, path string, exists func() bool) {
		if exists() {
			parts = append(parts, part{kind, path, exists})
		}
	}
	addDir := func(kind GarbageKind, path string) {
		add(kind, path, func() bool { return pathExists(path) })
	}
	for _, pid := range c.remaining() {
		add(GarbageProcess, strconv.Itoa(pid), func() bool {
			s, err := procfs.ReadStat(pid)
			return err == nil && !s.IsDead()
		})
	}
	for _, path := range c.cgroupDirs() {
		addDir(GarbageCgroup, path)
	}
	if l := c.state.Cgroup; l != nil && l.Unit != nil && len(c.cgroupDirs()) > 0 {
		add(GarbageUnit, l.Unit.Name, func() bool { return len(c.cgroupDirs()) > 0 })
	}
	add(GarbageMount, c.state.Rootfs, func() bool { has, err := hasMounts(c.state); return has && err == nil })
	for _, path := range resctrl.Host.Own(c.state.IntelRdt) {
		addDir(GarbageResctrl, path)
	}
	path := c.dir.Path()
	add(GarbageState, path, func() bool { return !c.dir.IsRemoved() })
	return parts
}

func pathExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// remaining returns the processes that a delete of the container kills: the child of a
// create that was killed, or what has outlived an init in the host's pid namespace.
func (c *Container) remaining() []int {
	var pids []int
	switch {
	case c.state.Pid == 0:
		pids, _ = nsenter.Children(c.state.Mark())
	case c.state.HostPidNS:
		pids, _ = c.Pids()
	}
	return pids
}

// cgroupDirs returns the cgroups that exist and that a delete removes, each once.
func (c *Container) cgroupDirs() []string {
	l := c.state.Cgroup
	if l == nil {
		return nil
	}
	var dirs []string
	for _, path := range l.Paths {
		if !slices.Contains(dirs, path) && !slices.Contains(l.Existing, path) && pathExists(path) {
			dirs = append(dirs, path)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// collectFiles removes stale files in the state directory of a container that is none
// itself.
func (c *Container) collectFiles(dryRun bool) ([]Garbage, error) {
	stale, err := c.dir.Stale(time.Now())
	if err != nil {
		return nil, err
	}
	var found []Garbage
	for _, name := range stale {
		found = append(found, Garbage{ID: c.ID(), Kind: GarbageFile, Path: c.dir.Path() + "/" + name, Reason: SaveKilled})
	}
	if c.hasStaleSocket() {
		stale = append(stale, state.StartName)
		found = append(found, Garbage{ID: c.ID(), Kind: GarbageSocket, Path: c.dir.Path() + "/" + state.StartName, Reason: StartKilled})
	}
	if dryRun {
		return found, nil
	}
	for i, name := range stale {
		if err := unix.Unlinkat(c.dir.FD(), name, 0); err != nil && err != unix.ENOENT {
			return found, fmt.Errorf("remove %s: %w", found[i].Path, err)
		}
		found[i].Removed = true
	}
	return found, nil
}

// hasStaleSocket reports whether the container has a start socket although its init has
// executed the program. While it waits for start it can't change its name.
func (c *Container) hasStaleSocket() bool {
	if c.state.Pid == 0 || !c.dir.IsCreated() {
		return false
	}
	process, err := c.state.OpenProcess()
	if err != nil {
		return false
	}
	defer unix.Close(process)
	s, err := procfs.ReadStat(c.state.Pid)
	return err == nil && !s.IsDead() && s.Name != nsenter.ChildName
}
