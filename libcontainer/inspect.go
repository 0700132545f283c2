package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/inspect"
)

// Types of an Inspection.
type (
	// InspectedProcess is a process of a container.
	InspectedProcess = inspect.Process
	// InspectedNamespace is a namespace of a container's init.
	InspectedNamespace = inspect.Namespace
	// InspectedMount is a mount that a container's init sees.
	InspectedMount = inspect.Mount
	// InspectedRlimit is a resource limit of a container's init.
	InspectedRlimit = inspect.Rlimit
	// CgroupValue is a limit of a cgroup as the kernel has it.
	CgroupValue = cgroups.Value
)

// Inspection describes a container as it is. Without a live init, Processes and what
// follows it is empty, except for Cgroup.
type Inspection struct {
	View
	// Processes are those of the container, init first.
	Processes  []InspectedProcess
	Namespaces []InspectedNamespace
	// Mounts are those that init sees. MountsTruncated reports that there are too many to
	// read all.
	Mounts          []InspectedMount
	MountsTruncated bool
	// Rlimits are those of init.
	Rlimits []InspectedRlimit
	// Differences is where the container isn't as its config.json says, Uncompared what
	// can't be compared.
	Differences []Difference
	Uncompared  []Uncompared
	// Cgroup is nil if the container has none, or its cgroup doesn't exist any more.
	Cgroup *InspectedCgroup
}

// InspectedCgroup is the cgroup of a container.
type InspectedCgroup struct {
	Driver  string `json:"driver"`
	Version string `json:"version"`
	// Unit is the unit of systemd; "" with the driver cgroupfs.
	Unit string `json:"unit"`
	// Paths are the directories by controller; on v2 there is one, with the key "".
	Paths map[string]string `json:"paths"`
	// Values are the limits in force.
	Values []CgroupValue `json:"values"`
	// Devices are the rules of cgroup v1, as devices.list has them; nil on v2, where
	// DevicePrograms is how many programs decide instead. It is -1 on v1, and if this
	// user may not know it.
	Devices        []string `json:"devices,omitempty"`
	DevicePrograms int      `json:"devicePrograms"`
}

// Inspect describes the container as it is: what its processes have, and what the kernel
// says of its namespaces, mounts and cgroups, whatever config.json asks for. Everything
// is that of init and of processes of the container at one time, never of one that has got
// the pid of another; if init ends meanwhile the result is that of a stopped container. If
// ctx is done, the error is that of ctx.
func (c *Container) Inspect(ctx context.Context) (*Inspection, error) {
	view, err := c.View()
	if err != nil {
		return nil, err
	}
	i := &Inspection{View: view}
	if view.Status != string(Stopped) && c.state.Pid != 0 {
		err = c.inspectLive(ctx, i)
		if errors.Is(err, ErrNotRunning) || inspect.IsGone(err) {
			if view, err = c.View(); err == nil {
				i = &Inspection{View: view}
			}
		}
	}
	if err == nil {
		i.Cgroup, err = c.inspectCgroup()
	}
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", c.ID(), err)
	}
	c.runtime.debugf("inspect %s: %d processes, %d mounts", c.ID(), len(i.Processes), len(i.Mounts))
	return i, nil
}

// liveInit is the init of a container that hasn't ended.
type liveInit struct {
	procfs *procfs.Root
	task   *procfs.Task
	pidfd  int
}

func (l *liveInit) close() {
	if l.task != nil {
		l.task.Close()
	}
	if l.procfs != nil {
		l.procfs.Close()
	}
	unix.Close(l.pidfd)
}

// openInit opens the container's init in procfs. The error is ErrNotRunning if it has ended.
func (c *Container) openInit() (*liveInit, error) {
	fd, err := c.state.OpenProcess()
	if err != nil {
		return nil, err
	}
	l := &liveInit{pidfd: fd}
	if l.procfs, err = procfs.OpenRoot(); err == nil {
		l.task, err = l.procfs.Task(c.state.Pid)
	}
	// A process that exists after its directory was opened is the one of the directory.
	if pidfd.Wait(fd, 0) {
		err = ErrNotRunning
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// inspectLive fills in what is known of a container with a live init.
func (c *Container) inspectLive(ctx context.Context, i *Inspection) error {
	init, err := c.openInit()
	if err != nil {
		return err
	}
	defer init.close()
	if i.Processes, err = c.inspectProcesses(ctx, init); err != nil {
		return err
	}
	if i.Namespaces, err = inspect.Namespaces(init.task); err != nil {
		return err
	}
	if err := c.findShared(ctx, i.Namespaces); err != nil {
		return err
	}
	if i.Mounts, i.MountsTruncated, err = inspect.Mounts(init.task); err != nil {
		return err
	}
	if i.Rlimits, err = inspect.Rlimits(init.task); err != nil {
		return err
	}
	err = c.findDifferences(i, init)
	if err == nil && pidfd.Wait(init.pidfd, 0) {
		err = ErrNotRunning
	}
	return err
}

// inspectProcesses describes all processes. Those that end meanwhile are left out, except
// for init, without which there is nothing to describe.
func (c *Container) inspectProcesses(ctx context.Context, init *liveInit) ([]InspectedProcess, error) {
	view, err := inspect.NewView(init.task)
	if err != nil {
		return nil, err
	}
	first, err := view.Process(init.task)
	if err != nil {
		return nil, err
	}
	first.Init = true
	list := []InspectedProcess{*first}
	err = c.eachProcess(ctx, init, func(t *procfs.Task) error {
		if t.Pid == init.task.Pid {
			return nil
		}
		p, err := view.Process(t)
		if err == nil {
			list = append(list, *p)
		}
		return err
	})
	return list, err
}

// eachProcess calls act with each process of the container that exists, until act returns
// an error; one for a process that has ended is ignored.
func (c *Container) eachProcess(ctx context.Context, init *liveInit, act func(*procfs.Task) error) error {
	pids, err := c.Pids()
	if err != nil {
		return err
	}
	const open = 256 // descriptors at a time
	for batch := range slices.Chunk(pids, open) {
		if err := ctx.Err(); err != nil {
			return err
		}
		tasks, err := c.openTasks(init, batch)
		for _, t := range tasks {
			if err == nil {
				if err = act(t); inspect.IsGone(err) {
					err = nil
				}
			}
			t.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openTasks opens processes of the container. The caller closes them, also after an error.
func (c *Container) openTasks(init *liveInit, pids []int) ([]*procfs.Task, error) {
	var tasks []*procfs.Task
	for _, pid := range pids {
		t, err := init.procfs.Task(pid)
		if inspect.IsGone(err) {
			continue
		}
		if err != nil {
			return tasks, err
		}
		tasks = append(tasks, t)
	}
	// A pid may have been another process's when it was opened. What still exists after the
	// cgroup was read once more has been in it.
	pids, err := c.Pids()
	return slices.DeleteFunc(tasks, func(t *procfs.Task) bool {
		_, gone := t.Stat()
		isOurs := gone == nil && slices.Contains(pids, t.Pid)
		if !isOurs {
			t.Close()
		}
		return !isOurs
	}), err
}

// findShared adds the other containers that are in the same namespaces. Containers that
// can't be read are left out.
func (c *Container) findShared(ctx context.Context, namespaces []InspectedNamespace) error {
	others, _, err := c.runtime.List()
	if err != nil {
		return err
	}
	for _, other := range others {
		theirs, err := other.namespaces()
		other.Close()
		if other.ID() == c.ID() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			c.runtime.debugf("inspect %s: namespaces of %s: %v", c.ID(), other.ID(), err)
			continue
		}
		for i := range namespaces {
			n := &namespaces[i]
			isSame := func(o InspectedNamespace) bool { return o.Type == n.Type && o.Inode == n.Inode }
			if slices.ContainsFunc(theirs, isSame) {
				n.Containers = append(n.Containers, other.ID())
			}
		}
	}
	return nil
}

// namespaces returns the namespaces of the container's init.
func (c *Container) namespaces() ([]InspectedNamespace, error) {
	init, err := c.openInit()
	if err != nil {
		return nil, err
	}
	defer init.close()
	return inspect.Namespaces(init.task)
}

// inspectCgroup describes the container's cgroup.
func (c *Container) inspectCgroup() (*InspectedCgroup, error) {
	m := c.manager()
	if m == nil || len(c.cgroupDirs()) == 0 && len(c.state.Cgroup.Existing) == 0 {
		return nil, nil
	}
	defer m.Close()
	l := c.state.Cgroup
	g := &InspectedCgroup{Driver: l.Driver, Version: l.Mode.String(), Paths: l.Paths, DevicePrograms: -1}
	if l.Unit != nil {
		g.Unit = l.Unit.Name
	}
	var err error
	if g.Values, err = m.Values(); err != nil {
		return nil, err
	}
	if g.Devices, err = m.DeviceList(); err != nil && !cgroups.IsGone(err) {
		return nil, err
	}
	n, err := m.DevicePrograms()
	switch {
	case err == nil:
		g.DevicePrograms = n
	case !errors.Is(err, fs.ErrPermission) && !cgroups.IsGone(err):
		return nil, err
	}
	return g, nil
}
