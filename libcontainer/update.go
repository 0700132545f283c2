package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
)

// Update changes the limits that are set in resources, and the schemata of Intel RDT
// that are set in rdt. Limits that aren't set there don't change. Both arguments may be
// nil. It returns ErrNotRunning if the container has stopped.
func (c *Container) Update(resources *specs.LinuxResources, rdt *specs.LinuxIntelRdt) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status == Stopped || status == Creating {
		return ErrNotRunning
	}
	if err := c.updateRdt(resctrl.Host, rdt); err != nil {
		return fmt.Errorf("update %s: %w", c.dir.ID(), explain.Cgroup("intel-rdt", err))
	}
	if resources == nil {
		return nil
	}
	m := c.manager()
	if m == nil {
		return explain.Cgroup("cgroup", errors.New("the container has no cgroup of its own to update"))
	}
	if err := m.Set(resources); err != nil {
		return fmt.Errorf("update %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	return nil
}

// updateRdt writes schemata. For a container that was created without linux.intelRdt it
// first creates a group.
func (c *Container) updateRdt(root resctrl.FS, r *specs.LinuxIntelRdt) error {
	if r == nil {
		return nil
	}
	if !root.Has("schemata") {
		return place.Errorf(place.At("/linux/intelRdt"), "no resctrl file system is mounted at %s: %w", root.Path(), unix.ENOENT)
	}
	if c.state.IntelRdt != nil {
		return root.Update(c.state.IntelRdt, r)
	}
	s, err := root.Reserve(r, c.dir.ID())
	if err != nil {
		return err
	}
	// Recorded before it is created, so that a delete finds it.
	c.state.IntelRdt = s
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	err = root.Prepare(s, r)
	if err == nil {
		err = c.joinAll(root, s)
	}
	if err != nil {
		c.state.IntelRdt = nil
		return errors.Join(err, root.Remove(s), c.dir.Save(c.state))
	}
	return nil
}

// joinAll moves all threads of the container into its group. A thread that is created
// meanwhile starts in the group of its parent, so this is repeated until no new ones
// are found.
func (c *Container) joinAll(root resctrl.FS, s *state.Rdt) error {
	joined := map[int]bool{}
	for again := true; again; {
		again = false
		pids, err := c.Pids()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			for _, tid := range threads(pid) {
				if joined[tid] {
					continue
				}
				joined[tid], again = true, true
				if err := root.Join(s, tid); err != nil && !errors.Is(err, unix.ESRCH) {
					return err
				}
			}
		}
	}
	return nil
}

// threads returns the thread ids of a process; none if it has ended.
func threads(pid int) []int {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/task")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []int{pid}
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var tids []int
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids
}
