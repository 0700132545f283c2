// Package v1 manages a container's cgroups in the hierarchies of cgroup v1 (see
// Documentation/admin-guide/cgroup-v1), and on a hybrid host the one in the
// cgroup2 hierarchy beside them. It owns the conversion of linux.resources to v1
// files and the freezer of v1.
package v1

import (
	"errors"
	"fmt"
	"path/filepath"
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

// Unified is the name of the cgroup2 hierarchy of a hybrid host among the
// controllers. It is used to join and kill processes, and has no limits.
const Unified = "unified"

// Hierarchy is the container's cgroup in one hierarchy.
type Hierarchy struct {
	Controllers []string // as mounted together; "name=systemd" for a named one
	Mount       string   // mount point
	Path        string   // absolute path of the cgroup
	Existing    bool     // the cgroup existed before it became the container's
	Parents     []string // the cgroups above it that were created for it, topmost first
}

// Manager manages one cgroup in each hierarchy. It is not safe for
// concurrent use.
type Manager struct {
	hierarchies []hierarchy
	// noDevices is set if this manager has created the cgroups and set no device
	// rules yet.
	noDevices bool
}

type hierarchy struct {
	Hierarchy
	dir *cgroupfs.Dir
}

// New returns the manager of the container's cgroups.
func New(list []Hierarchy) *Manager {
	m := &Manager{hierarchies: make([]hierarchy, len(list))}
	for i, h := range list {
		m.hierarchies[i] = hierarchy{Hierarchy: h, dir: cgroupfs.At(h.Path)}
	}
	return m
}

// Close closes the descriptors that are open.
func (m *Manager) Close() {
	for i := range m.hierarchies {
		m.hierarchies[i].dir.Close()
	}
}

// Existing returns the cgroups that existed before Create.
func (m *Manager) Existing() []string {
	var paths []string
	for i := range m.hierarchies {
		if m.hierarchies[i].Existing {
			paths = append(paths, m.hierarchies[i].Path)
		}
	}
	return paths
}

// Parents returns the cgroups above those of the container that Create has created,
// topmost first in each hierarchy.
func (m *Manager) Parents() []string {
	var paths []string
	for i := range m.hierarchies {
		paths = append(paths, m.hierarchies[i].Parents...)
	}
	return paths
}

// dir returns the cgroup that has a controller's files, nil if there is none.
func (m *Manager) dir(controller string) *cgroupfs.Dir {
	for i := range m.hierarchies {
		if slices.Contains(m.hierarchies[i].Controllers, controller) {
			return m.hierarchies[i].dir
		}
	}
	return nil
}

// Create creates the cgroup in every hierarchy. One that exists must be empty and
// not frozen. After an error, what was created has been removed.
func (m *Manager) Create(r *specs.LinuxResources) (err error) {
	if err = m.check(r); err != nil {
		return err
	}
	created := make([]string, 0, len(m.hierarchies))
	defer func() {
		if err != nil {
			m.Close()
			cgroupfs.RemoveAll(created)
		}
	}()
	m.noDevices = true
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		var news []string
		news, err = h.dir.Mkdir(h.Mount)
		created = append(created, news...)
		if err != nil {
			return err
		}
		if h.Existing = len(news) == 0; h.Existing {
			m.noDevices = false
			if err = m.checkUnused(h); err != nil {
				return err
			}
		} else {
			h.Parents = news[:len(news)-1]
			cgroupfs.MarkParents(h.Parents)
		}
		if slices.Contains(h.Controllers, "cpuset") {
			if err = inheritCPUSet(h, news); err != nil {
				return err
			}
		}
	}
	return nil
}

// Adopt takes over the cgroups that systemd has created for the container in some of
// the hierarchies, creates those in the others, and moves the process into all.
func (m *Manager) Adopt(r *specs.LinuxResources, pid int) error {
	if err := m.check(r); err != nil {
		return err
	}
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		created, err := h.dir.Mkdir(h.Mount)
		if err == nil && slices.Contains(h.Controllers, "cpuset") {
			err = inheritCPUSet(h, created)
		}
		if err != nil {
			return err
		}
	}
	return m.Join(pid)
}

// check refuses what can't work before anything is created.
func (m *Manager) check(r *specs.LinuxResources) error {
	if err := m.checkMounted(); err != nil || r == nil {
		return err
	}
	writes, problems := compile(r)
	if len(problems) > 0 {
		return problems.First()
	}
	return m.unavailable(writes).First()
}

func (m *Manager) checkMounted() error {
	if len(m.hierarchies) == 0 {
		return fmt.Errorf("no cgroup hierarchy is mounted: %w", unix.ENOENT)
	}
	return nil
}

// unavailable returns a problem for each write that needs a controller which no
// hierarchy has.
func (m *Manager) unavailable(writes []cgroupfs.Write) place.Errors {
	var problems place.Errors
	for i := range writes {
		w := &writes[i]
		if w.Tolerate == cgroupfs.Nothing && m.dir(w.Controller) == nil && !problems.Has(w.Place) {
			problems.Add(w.Place, &cgroupfs.MissingError{Controller: w.Controller, File: w.File, Hint: hint(nil, w)})
		}
	}
	return problems
}

// checkUnused refuses a cgroup that something else uses, because limits, signals and
// removal would affect that, too.
func (m *Manager) checkUnused(h *hierarchy) error {
	if err := cgroupfs.CheckCreate(h.Mount, h.Path); err != nil {
		return err
	}
	if !slices.Contains(h.Controllers, freezer) {
		return nil
	}
	frozen, err := m.Frozen()
	if err == nil && frozen {
		err = fmt.Errorf("container's cgroup %s is frozen", h.Path)
	}
	return err
}

// inheritCPUSet copies processors and memory nodes to cgroups without any, from the
// nearest cgroup above that has some: in v1 new cgroups have none, and then no
// process can join them. created lists the new ones, topmost first.
func inheritCPUSet(h *hierarchy, created []string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		empty := created
		if len(created) == 0 {
			// It existed, and may be empty.
			if value, err := h.dir.ReadFile(file); err != nil || value != "" {
				return err
			}
			empty = []string{h.Path}
		}
		value := ""
		for value == "" {
			above := filepath.Dir(empty[0])
			var err error
			if value, err = cgroupfs.At(above).ReadFile(file); err != nil {
				return err
			}
			if value == "" && len(above) <= len(h.Mount) {
				break
			}
			if value == "" {
				empty = slices.Insert(slices.Clone(empty), 0, above)
			}
		}
		for _, path := range empty {
			if err := cgroupfs.At(path).WriteFile(file, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// Join moves a process into the cgroup of every hierarchy.
func (m *Manager) Join(pid int) error {
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		if err := joinOne(h.dir, h.Controllers, pid); err != nil {
			return err
		}
	}
	return nil
}

func joinOne(d *cgroupfs.Dir, controllers []string, pid int) error {
	err := d.Join(pid)
	switch {
	case errors.Is(err, unix.ENOSPC) && slices.Contains(controllers, "cpuset"):
		return fmt.Errorf("%w (cpuset.cpus or cpuset.mems is empty)", err)
	case errors.Is(err, unix.EINVAL) && slices.Contains(controllers, "cpu"):
		return fmt.Errorf("%w (a real-time process needs cpu.rt_runtime_us in its cgroup and in all above it)", err)
	}
	return err
}

// Set writes the limits that r sets, and changes no others. The error carries the
// place of the limit in config.json.
func (m *Manager) Set(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	writes, problems := compile(r)
	if len(problems) > 0 {
		return problems.First()
	}
	return m.explain(cgroupfs.Apply(writes, m.dir))
}

// Begin returns the transaction that sets what Set would, without applying it.
func (m *Manager) Begin(r *specs.LinuxResources) (*cgroupfs.Transaction, error) {
	writes, problems := compile(r)
	if len(problems) > 0 {
		return nil, problems.First()
	}
	t, err := cgroupfs.Begin(writes, m.dir)
	return t, m.explain(err)
}

// Preview returns the changes of such a transaction.
func (m *Manager) Preview(r *specs.LinuxResources) ([]cgroupfs.Change, error) {
	t, err := m.Begin(r)
	if err != nil {
		return nil, err
	}
	return t.Changes(), nil
}

// Update applies such a transaction.
func (m *Manager) Update(r *specs.LinuxResources) (*cgroupfs.Transaction, error) {
	t, err := m.Begin(r)
	if err == nil {
		err = m.explain(t.Apply())
	}
	return t, err
}

// explain adds to an error of writing limits what the reader needs to know.
func (m *Manager) explain(err error) error {
	var missing *cgroupfs.MissingError
	if errors.As(err, &missing) {
		w := cgroupfs.Write{Controller: missing.Controller, File: missing.File}
		missing.Hint = hint(m.dir(missing.Controller), &w)
		return err
	}
	if errors.Is(err, unix.EBUSY) && place.Of(err) == limits.Field("memory", "limit") {
		d := m.dir("memory")
		usage, _ := d.ReadFile("memory.usage_in_bytes")
		peak, _ := d.ReadFile("memory.max_usage_in_bytes")
		return fmt.Errorf("%w (current usage: %s, peak usage: %s)", err, usage, peak)
	}
	return err
}

// Present returns the quota and the period in the format of cpu.max of v2, empty
// without the controller.
func (m *Manager) Present() (limits.Present, error) {
	var p limits.Present
	d := m.dir("cpu")
	if d == nil {
		return p, nil
	}
	quota, err := d.ReadFile("cpu.cfs_quota_us")
	if err != nil {
		return p, err
	}
	period, err := d.ReadFile("cpu.cfs_period_us")
	p.CPUMax = quota + " " + period
	return p, err
}

// hint returns what to do about a missing file. d is nil if the whole controller is
// missing.
func hint(d *cgroupfs.Dir, w *cgroupfs.Write) string {
	switch {
	case d == nil:
		return "no cgroup v1 hierarchy with it is mounted"
	case w.Controller == "hugetlb":
		return "the sizes that this kernel has are " + strings.Join(limits.PageSizes(), ", ")
	case strings.HasPrefix(w.File, "memory.memsw."):
		return "this kernel doesn't account for swap; boot with swapaccount=1"
	}
	return "this kernel's controller " + w.Controller + " has no such file"
}

// SetDevices applies device rules. With defaults, the devices that every container
// needs are allowed in any case.
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup, defaults bool) error {
	d, err := m.devices()
	if err != nil {
		return err
	}
	var writes []cgroupfs.Write
	if m.noDevices {
		writes, err = devices.Literal(rules, defaults)
	} else {
		var now string
		if now, err = d.ReadFile("devices.list"); err != nil {
			return err
		}
		writes, err = devices.Transition(now, rules, defaults)
	}
	if err != nil {
		return err
	}
	m.noDevices = false
	return cgroupfs.Apply(writes, m.dir)
}

// ChangeDevices writes only the difference of two lists of rules.
func (m *Manager) ChangeDevices(from, to []specs.LinuxDeviceCgroup) error {
	if _, err := m.devices(); err != nil {
		return err
	}
	writes, err := devices.Difference(from, to)
	if err != nil {
		return err
	}
	return cgroupfs.Apply(writes, m.dir)
}

func (m *Manager) devices() (*cgroupfs.Dir, error) {
	if d := m.dir("devices"); d != nil {
		return d, nil
	}
	return nil, place.Wrap(limits.Field("devices"), &cgroupfs.MissingError{Controller: "devices", Hint: hint(nil, nil)})
}

// members returns the cgroup in which processes are looked up: preferably one that
// can be frozen, and that a process is unlikely to have left.
func (m *Manager) members() (*cgroupfs.Dir, error) {
	for _, controller := range []string{freezer, Unified, "pids", "devices", "memory", "name=systemd"} {
		if d := m.dir(controller); d != nil {
			return d, nil
		}
	}
	if len(m.hierarchies) == 0 {
		return nil, fmt.Errorf("no cgroup hierarchy is mounted: %w", unix.ENOENT)
	}
	return m.hierarchies[0].dir, nil
}

// Pids returns the processes of the cgroup and below, sorted.
func (m *Manager) Pids() ([]int, error) {
	d, err := m.members()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Pids()
}

// Destroy removes the cgroups and those below them, and those above that a Create has
// created, unless others use them. Cgroups that existed before Create are kept. It
// continues after an error and returns all of them.
func (m *Manager) Destroy() error {
	defer m.Close()
	end := time.Now().Add(cgroupfs.RemoveTimeout)
	var errs []error
	for i := range m.hierarchies {
		h := &m.hierarchies[i]
		if h.Existing {
			errs = append(errs, h.dir.RemoveBelow(end, cgroupfs.Sleep))
		} else {
			errs = append(errs, h.dir.Remove(end, cgroupfs.Sleep))
			cgroupfs.RemoveParents(h.Path, h.Mount, h.Parents)
		}
	}
	return errors.Join(errs...)
}

// Chown does nothing: the files of v1 are not safe to delegate
// (config-linux.md, Cgroup ownership).
func (m *Manager) Chown(int) error { return nil }
