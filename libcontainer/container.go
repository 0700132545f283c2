package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/specconv/config"
)

// Status is the status of a container: one of those of the specification, runtime.md
// "State", or Paused.
type Status string

// The values of Status.
const (
	// Creating means that Create has reserved the id and hasn't returned yet, or that
	// it was killed early. It is also the status of a restore that isn't complete.
	Creating Status = "creating"
	// Created means that the container exists and that its init waits for Start.
	Created Status = "created"
	// Running means that the container's init runs.
	Running Status = "running"
	// Paused means that the cgroup freezer has stopped the container's processes. The
	// specification doesn't define this status.
	Paused Status = "paused"
	// Stopped means that the container's init has ended, and that Delete has not been
	// called.
	Stopped Status = "stopped"
)

// Container is an existing container. Its settings are those that were recorded when it
// was opened; methods that are about its processes query the kernel. Methods may be
// called by several goroutines, but Update, Delete and Close must not be called while
// another method runs.
type Container struct {
	runtime *Runtime
	dir     *state.Dir
	state   *state.State
}

// Open returns the container with an id. The caller closes it. The error matches
// ErrInvalidID or ErrNotExist, or is that of reading the state directory.
func (r *Runtime) Open(id string) (*Container, error) {
	dir, err := state.Open(r.Root, id)
	if err != nil {
		return nil, err
	}
	s, err := dir.Load()
	if errors.Is(err, fs.ErrNotExist) {
		// Reserved by a create that has just begun, or that was killed.
		s = &state.State{ID: id}
	} else if err != nil {
		dir.Close()
		return nil, err
	}
	r.debugf("open %s: pid %d", dir.Path(), s.Pid)
	return &Container{runtime: r, dir: dir, state: s}, nil
}

// Close closes the container's descriptors. It has no effect on the container itself,
// and may be called more than once. After Close no other method may be called.
func (c *Container) Close() { c.dir.Close() }

// List opens all containers below Root and returns them sorted by id. The caller closes
// each of them. broken has one error for each container whose state can't be read.
// Containers that are deleted in the meantime, or that have only begun to be created,
// are left out.
func (r *Runtime) List() (containers []*Container, broken []error, err error) {
	names, err := state.List(r.Root)
	if err != nil {
		return nil, nil, err
	}
	r.debugf("list: state root %s, %d containers", r.Root, len(names))
	for _, id := range names {
		c, err := r.Open(id)
		switch {
		case errors.Is(err, ErrNotExist):
		case err != nil:
			broken = append(broken, fmt.Errorf("load container %s: %w", id, err))
		case c.state.Pid == 0 && c.state.Bundle == "":
			c.Close() // its create hasn't recorded anything yet
		default:
			containers = append(containers, c)
		}
	}
	return containers, broken, nil
}

// ID returns the container's id.
func (c *Container) ID() string { return c.dir.ID() }

// Bundle returns the absolute path of the container's bundle.
func (c *Container) Bundle() string { return c.state.Bundle }

// OwnerUID returns the user id of the user who created the container.
func (c *Container) OwnerUID() int { return c.state.OwnerUID }

// Status returns the container's status, derived from kernel state: whether the process
// with the recorded pid and start time exists, whether its cgroup is frozen, and
// whether the start socket exists.
func (c *Container) Status() (Status, error) {
	if c.state.Pid == 0 {
		return Creating, nil
	}
	stat, err := procfs.ReadStat(c.state.Pid)
	if err != nil || stat.IsDead() || stat.StartTime != c.state.StartTime {
		return Stopped, nil
	}
	if c.state.Cgroup != nil {
		frozen, err := cgroups.Open(*c.state.Cgroup).Frozen()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("is %s paused: %w", c.dir.ID(), err)
		}
		if frozen {
			return Paused, nil
		}
	}
	switch {
	case c.state.Restoring:
		return Creating, nil
	case c.dir.IsCreated():
		return Created, nil
	}
	return Running, nil
}

// View is the description of a container that `runnel state` prints as JSON, with the
// keys and the order of runc.
type View struct {
	OCIVersion  string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
	// Failure says why the container's process couldn't execute its program. runc has no
	// such key.
	Failure string `json:"failure,omitempty"`
	// Exit is set if the container has stopped and it is recorded how.
	Exit *Exit `json:"-"`
}

// View returns a description of the container as it is now. Pid is 0 if the container's
// init has ended. Owner is empty: the caller sets it if it wants the name of OwnerUID.
func (c *Container) View() (View, error) {
	status, err := c.Status()
	if err != nil {
		return View{}, err
	}
	v := View{
		OCIVersion: specs.Version, ID: c.dir.ID(), Pid: c.state.Pid, Status: string(status),
		Bundle: c.state.Bundle, Rootfs: c.state.Rootfs, Created: c.state.Created,
		Annotations: c.state.Annotations, Failure: c.state.Failure,
	}
	if status == Stopped {
		v.Pid = 0
		if v.Exit, err = c.exit(); err != nil {
			c.runtime.warn(err.Error())
		}
	}
	return v, nil
}

// ociState returns the state that hooks and seccomp agents read, runtime.md "State".
func ociState(s *state.State, status specs.ContainerState) specs.State {
	oci := specs.State{
		Version: specs.Version, ID: s.ID, Status: status, Pid: s.Pid,
		Bundle: s.Bundle, Annotations: s.Annotations,
	}
	if status == specs.StateStopped {
		oci.Pid = 0
	}
	return oci
}

// config returns the config that the container was created from.
func (c *Container) config() (*specs.Spec, error) {
	content, err := c.dir.ReadFile(state.ConfigName)
	if err != nil {
		return nil, fmt.Errorf("config of %s: %w", c.dir.ID(), err)
	}
	spec, _, err := config.Decode(content)
	return spec, err
}

// manager returns the manager of the container's cgroup; nil if the container has none.
func (c *Container) manager() cgroups.Manager {
	if c.state.Cgroup == nil {
		return nil
	}
	return cgroups.Open(*c.state.Cgroup)
}

// isAlive reports whether the container's init runs.
func (c *Container) isAlive() bool {
	fd, err := c.state.OpenProcess()
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// Pids returns the pids of the container's processes, in the pid namespace of the
// caller. It returns none for a container that has stopped. For a container without a
// cgroup it returns the pid of its init only.
func (c *Container) Pids() ([]int, error) {
	m := c.manager()
	if m == nil {
		if !c.isAlive() {
			return nil, nil
		}
		return []int{c.state.Pid}, nil
	}
	pids, err := m.Pids()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c.runtime.debugf("%s: %d processes in cgroup %v", c.dir.ID(), len(pids), c.state.Cgroup.Paths)
	return pids, err
}
