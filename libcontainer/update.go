package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/state"
)

// Update changes the limits that are set in resources, and the schemata of Intel RDT
// that are set in rdt. Limits that aren't set there don't change. Device rules are
// replaced as a whole, see updateDevices. Both arguments may be nil. It returns
// ErrNotRunning if the container has stopped.
func (c *Container) Update(resources *specs.LinuxResources, rdt *specs.LinuxIntelRdt) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status == Stopped || status == Creating {
		return ErrNotRunning
	}
	if resources != nil && c.state.Cgroup != nil {
		if err := cgroups.Check(c.state.Cgroup.Mode, resources).First(); err != nil {
			return fmt.Errorf("update %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
		}
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
	err = m.Set(resources)
	if err == nil {
		c.runtime.debugf("update %s: limits are set in %v", c.dir.ID(), c.state.Cgroup.Paths)
		err = c.updateDevices(m, resources.Devices)
	}
	if err != nil {
		return fmt.Errorf("update %s: %w", c.dir.ID(), explain.Cgroup("cgroup", err))
	}
	return nil
}

// updateDevices replaces the container's device rules; an empty list changes nothing.
// Nor do the rules that were set last: clients such as containerd send all of
// linux.resources with every update, and others may have allowed the container further
// devices since then, as NVIDIA's do with GPUs.
func (c *Container) updateDevices(m cgroups.Manager, rules []specs.LinuxDeviceCgroup) error {
	if len(rules) == 0 {
		return nil
	}
	now, wanted := c.state.Devices, ruleTexts(rules)
	if now == nil {
		spec, err := c.config()
		if err != nil {
			return err
		}
		now = ruleTexts(cgrouppolicy.DeviceRules(spec))
	}
	if slices.Equal(wanted, now) {
		return nil
	}
	if err := m.SetDevices(rules, true); err != nil {
		return err
	}
	c.runtime.debugf("update %s: device rules are %q", c.dir.ID(), wanted)
	c.state.Devices = wanted
	return c.dir.Save(c.state)
}

// ruleTexts returns device rules in a form that can be stored and compared.
func ruleTexts(rules []specs.LinuxDeviceCgroup) []string {
	number := func(n *int64) string {
		if n == nil || *n == -1 {
			return "*"
		}
		return strconv.FormatInt(*n, 10)
	}
	texts := make([]string, len(rules))
	for i, d := range rules {
		texts[i] = fmt.Sprintf("allow=%t type=%s %s:%s access=%s", d.Allow, d.Type, number(d.Major), number(d.Minor), d.Access)
	}
	return texts
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
	c.runtime.debugf("update %s: schemata in %s", c.dir.ID(), root.Path())
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
