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

// Status is the state of a container as the spec has it, and "paused".
type Status string

// The statuses. A container is never stored as being in one of them.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// Container is an existing container.
type Container struct {
	runtime *Runtime
	dir     *state.Dir
	state   *state.State
}

// Open finds a container by its id; ErrNotExist, ErrInvalidID. The container is
// to be closed.
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
	return &Container{runtime: r, dir: dir, state: s}, nil
}

// Close releases what Open has opened.
func (c *Container) Close() { c.dir.Close() }

// List opens all containers of the root, sorted by id. broken are those that
// can't be read; one that is deleted meanwhile isn't broken.
func (r *Runtime) List() (containers []*Container, broken []error, err error) {
	names, err := state.List(r.Root)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range names {
		c, err := r.Open(id)
		switch {
		case errors.Is(err, ErrNotExist):
		case err != nil:
			broken = append(broken, fmt.Errorf("load container %s: %w", id, err))
		case c.state.Pid == 0 && c.state.Bundle == "":
			c.Close() // being created, nothing to tell of yet
		default:
			containers = append(containers, c)
		}
	}
	return containers, broken, nil
}

// ID is the container's id.
func (c *Container) ID() string { return c.dir.ID() }

// Bundle is the absolute path of the container's bundle.
func (c *Container) Bundle() string { return c.state.Bundle }

// OwnerUID is the user who made the container.
func (c *Container) OwnerUID() int { return c.state.OwnerUID }

// Status asks the kernel.
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
	if c.dir.IsCreated() {
		return Created, nil
	}
	return Running, nil
}

// View is what `state` prints, with the keys and the order of runc.
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
}

// View is the container as it is now. Pid is 0 unless there is a process. Owner
// is left to the caller.
func (c *Container) View() (View, error) {
	status, err := c.Status()
	if err != nil {
		return View{}, err
	}
	v := View{
		OCIVersion: specs.Version, ID: c.dir.ID(), Pid: c.state.Pid, Status: string(status),
		Bundle: c.state.Bundle, Rootfs: c.state.Rootfs, Created: c.state.Created,
		Annotations: c.state.Annotations,
	}
	if status == Stopped {
		v.Pid = 0
	}
	return v, nil
}

// ociState returns what hooks read, runtime.md "State".
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

// config is what the container was created from.
func (c *Container) config() (*specs.Spec, error) {
	content, err := c.dir.ReadFile(state.ConfigName)
	if err != nil {
		return nil, fmt.Errorf("config of %s: %w", c.dir.ID(), err)
	}
	return config.Decode(content)
}

// manager is that of the container's cgroup; nil if it has none.
func (c *Container) manager() cgroups.Manager {
	if c.state.Cgroup == nil {
		return nil
	}
	return cgroups.Open(*c.state.Cgroup)
}

// isAlive tells whether the container's init still runs.
func (c *Container) isAlive() bool {
	fd, err := c.state.OpenProcess()
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// Pids are the container's processes, in the runtime's pid namespace.
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
	return pids, err
}
