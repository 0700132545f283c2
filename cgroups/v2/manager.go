// Package v2 manages a container's cgroup in the unified hierarchy of cgroup v2 (see
// Documentation/admin-guide/cgroup-v2.rst). It owns the conversion of
// linux.resources to v2 files, enabling controllers in the cgroups above, and
// waiting for cgroup.events.
package v2

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/devices"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// Manager manages one cgroup. It is not safe for concurrent use.
type Manager struct {
	dir   *cgroupfs.Dir
	mount string
	// noLimits and noDevices are set if this manager has created the cgroup and set
	// no limits or device rules yet, so that nothing needs to be read first.
	noLimits, noDevices bool
	// existing is set if the cgroup existed before Create, and must not be removed.
	existing bool
	// parents are the cgroups above that Create has created, topmost first.
	parents []string
}

// New returns the manager of the cgroup at an absolute path below a mount point.
// existing says that the cgroup existed before it became the container's; parents are
// those above it that were created for it, topmost first.
func New(mount, path string, existing bool, parents []string) *Manager {
	return &Manager{dir: cgroupfs.At(path), mount: mount, existing: existing, parents: parents}
}

// Close closes the descriptor of Dir.
func (m *Manager) Close() { m.dir.Close() }

// Existing returns the cgroup if it existed before Create.
func (m *Manager) Existing() []string {
	if m.existing {
		return []string{m.dir.Path()}
	}
	return nil
}

// Parents returns the cgroups above this one that Create has created, topmost first.
func (m *Manager) Parents() []string { return m.parents }

// Create creates the cgroup, and enables the controllers that r needs, and all others
// that can be enabled. A cgroup that exists must be empty and not frozen. After
// an error, what was created has been removed.
func (m *Manager) Create(r *specs.LinuxResources) (err error) {
	if _, err := requiredControllers(r); err != nil {
		return err
	}
	created, err := m.dir.Mkdir(m.mount)
	defer func() {
		if err != nil {
			m.dir.Close()
			cgroupfs.RemoveAll(created)
		}
	}()
	if err != nil {
		return err
	}
	if m.existing = len(created) == 0; !m.existing {
		m.parents = created[:len(created)-1]
		cgroupfs.MarkParents(m.parents)
	}
	m.noLimits, m.noDevices = !m.existing, !m.existing
	if m.existing {
		if err = m.checkUnused(); err != nil {
			return err
		}
	}
	optional, err := m.offered()
	if err != nil {
		return err
	}
	return m.enableFor(r, optional)
}

// Adopt takes over a cgroup that systemd has created for the container, enables the
// controllers that r needs and those whose statistics clients read, and moves a process into it unless it is there.
func (m *Manager) Adopt(r *specs.LinuxResources, pid int) error {
	if err := m.enableFor(r, accounting()); err != nil {
		return err
	}
	if pids, err := m.dir.OwnPids(); err == nil && slices.Contains(pids, pid) {
		return nil
	}
	return m.Join(pid)
}

// checkUnused refuses a cgroup that something else uses, because limits, signals and
// removal would affect that, too.
func (m *Manager) checkUnused() error {
	if err := cgroupfs.CheckCreate(m.mount, m.dir.Path()); err != nil {
		return err
	}
	frozen, err := m.Frozen()
	if err == nil && frozen {
		err = fmt.Errorf("container's cgroup %s is frozen", m.dir.Path())
	}
	return err
}

// requiredControllers returns the controllers that r needs, sorted.
func requiredControllers(r *specs.LinuxResources) ([]string, error) {
	if r == nil {
		return nil, nil
	}
	// The present values of the cgroup don't matter here. With these, no check of
	// them can fail.
	writes, problems := compile(r, current{memoryMax: "0"})
	if len(problems) > 0 {
		return nil, problems.First()
	}
	return cgroupfs.Controllers(writes), nil
}

// Dir returns a descriptor of the cgroup for CLONE_INTO_CGROUP, which the Manager
// owns.
func (m *Manager) Dir() (int, error) { return m.dir.FD() }

// Procs opens the file cgroup.procs of Dir. The caller closes the descriptor.
func (m *Manager) Procs() (int, error) { return m.dir.Procs() }

// Tasks returns nothing, because a process is cloned into Dir.
func (*Manager) Tasks() ([]int, error) { return nil, nil }

// Join moves a process into the cgroup.
func (m *Manager) Join(pid int) error { return join(m.dir, pid) }

func join(d *cgroupfs.Dir, pid int) error {
	err := d.Join(pid)
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%w (controllers are enabled for the cgroups below it, and cgroup v2 then allows no process in it)", err)
	case errors.Is(err, unix.EOPNOTSUPP):
		kind, _ := d.ReadFile("cgroup.type")
		return fmt.Errorf("%w (the cgroup's type is %q)", err, kind)
	}
	return err
}

// Set writes the limits that r sets, and changes no others. The error carries the
// place of the limit in config.json.
func (m *Manager) Set(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	writes, err := m.compile(r)
	if err != nil {
		return err
	}
	m.noLimits = false
	return m.enabling(r, func() error { return cgroupfs.Apply(writes, m.at) })
}

// compile returns the writes for r in the cgroup as it is now.
func (m *Manager) compile(r *specs.LinuxResources) ([]cgroupfs.Write, error) {
	now, err := m.current(r)
	if err != nil {
		return nil, err
	}
	writes, problems := compile(r, now)
	return writes, problems.First()
}

// enabling calls act again after it has enabled a controller that act has missed: an
// update may need one that wasn't needed at creation.
func (m *Manager) enabling(r *specs.LinuxResources, act func() error) error {
	err := act()
	var missing *cgroupfs.MissingError
	if !errors.As(err, &missing) {
		return err
	}
	if err := m.enableFor(r, nil); err != nil {
		return err
	}
	if err = act(); errors.As(err, &missing) {
		missing.Hint = m.hint(missing)
	}
	return err
}

// Update sets what Set would, all or nothing.
func (m *Manager) Update(r *specs.LinuxResources) (t *cgroupfs.Transaction, err error) {
	writes, err := m.compile(r)
	if err != nil {
		return nil, err
	}
	err = m.enabling(r, func() error {
		t, err = cgroupfs.Begin(writes, m.at)
		return err
	})
	if err == nil {
		err = t.Apply()
	}
	return t, err
}

// Preview returns the changes that Update would make. A file of a controller that it would
// enable has no old value.
func (m *Manager) Preview(r *specs.LinuxResources) ([]cgroupfs.Change, error) {
	writes, err := m.compile(r)
	if err != nil {
		return nil, err
	}
	var list []cgroupfs.Change
	for _, w := range writes {
		t, err := cgroupfs.Begin([]cgroupfs.Write{w}, m.at)
		if errors.Is(err, unix.ENOENT) {
			if err := CheckHost(m.mount, m.dir.Path(), r).First(); err != nil {
				return nil, err
			}
			list = append(list, cgroupfs.Change{Place: w.Place, Path: m.dir.Path() + "/" + w.File, New: w.Value})
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t.Changes()...)
	}
	return list, nil
}

// Validate returns the error for which Set refuses r before it writes anything.
func (m *Manager) Validate(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	_, err := m.compile(r)
	return err
}

// at returns the cgroup, which has the files of all controllers.
func (m *Manager) at(string) *cgroupfs.Dir { return m.dir }

// current reads the values that the compilation of r depends on.
func (m *Manager) current(r *specs.LinuxResources) (now current, err error) {
	if m.noLimits {
		return now, nil
	}
	cpuMax, memoryMax, memoryUsage := needs(r)
	if cpuMax {
		// A missing file is an error when it is written.
		if now.cpuMax, err = m.dir.ReadFile("cpu.max"); err != nil && !cgroupfs.IsGone(err) {
			return now, err
		}
	}
	if memoryMax {
		if now.memoryMax, err = m.dir.ReadFile("memory.max"); err != nil && !cgroupfs.IsGone(err) {
			return now, err
		}
	}
	if memoryUsage {
		if now.memoryUsage, err = m.number("memory.current"); err != nil {
			return now, place.Wrap(limits.Field("memory", "checkBeforeUpdate"), err)
		}
	}
	return now, nil
}

// Present returns the values of which an update may set one half.
func (m *Manager) Present() (limits.Present, error) {
	var p limits.Present
	idle := ""
	for file, value := range map[string]*string{"cpu.max": &p.CPUMax, "memory.max": &p.MemoryMax, "cpu.idle": &idle} {
		text, err := m.dir.ReadFile(file)
		// Without the controller there is no value.
		if err != nil && !cgroupfs.IsGone(err) {
			return p, err
		}
		*value = text
	}
	p.IsIdle = idle == "1"
	return p, nil
}

// hint returns why a file is missing.
func (m *Manager) hint(e *cgroupfs.MissingError) string {
	text, err := m.dir.ReadFile("cgroup.controllers")
	switch {
	case err != nil:
		return ""
	case e.Controller == "":
		return "this kernel has no such file"
	case !slices.Contains(strings.Fields(text), e.Controller):
		return fmt.Sprintf("the cgroup doesn't have controller %s, only %q", e.Controller, text)
	case e.Controller == "hugetlb":
		return "the sizes that this kernel has are " + strings.Join(limits.PageSizes(), ", ")
	}
	return "this kernel's controller " + e.Controller + " has no such file"
}

// SetDevices replaces the program for device rules in one step. With defaults, the
// devices that every container needs are allowed in any case.
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup, defaults bool) error {
	program, err := devices.Program(rules, defaults)
	if err != nil {
		return err
	}
	fd, err := m.dir.FD()
	if err != nil {
		return err
	}
	err = devices.Attach(fd, program, m.noDevices)
	m.noDevices = m.noDevices && err != nil
	return err
}

// ChangeDevices replaces the program.
func (m *Manager) ChangeDevices(_, to []specs.LinuxDeviceCgroup) error { return m.SetDevices(to, true) }

// Pids returns the processes of the cgroup and below, sorted.
func (m *Manager) Pids() ([]int, error) { return m.dir.Pids() }

// Destroy removes the cgroup and those below it, and those above that a Create has
// created, unless others use them. A cgroup that existed before Create is kept.
func (m *Manager) Destroy() error {
	defer m.dir.Close()
	end := time.Now().Add(cgroupfs.RemoveTimeout)
	if m.existing {
		return m.dir.RemoveBelow(end, waitEmpty)
	}
	if err := m.dir.Remove(end, waitEmpty); err != nil {
		return err
	}
	cgroupfs.RemoveParents(m.dir.Path(), m.mount, m.parents)
	return nil
}
