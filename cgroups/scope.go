package cgroups

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/cgroups/systemd"
	"github.com/runnel/runnel/internal/procfs"
)

// Unit is the systemd unit of a container's cgroups.
type Unit struct {
	ID    string // the container's
	Slice string
	Name  string
	User  bool // the unit is one of the user's manager
	// Properties are set by annotations, as GVariant text.
	Properties map[string]string
}

// LocateUnit is Locate for the systemd driver: cgroupsPath is slice:prefix:name. With
// user, the unit is one of the user's manager. Join creates the unit and the cgroups.
func LocateUnit(cgroupsPath, id string, user bool, annotations map[string]string) (Location, error) {
	name, err := systemd.ParseName(cgroupsPath, id, user)
	if err != nil {
		return Location{}, err
	}
	properties, err := systemd.Annotations(annotations)
	if err != nil {
		return Location{}, err
	}
	hostMode := HostMode()
	if user && hostMode != V2 {
		return Location{}, fmt.Errorf("the systemd driver needs cgroup v2 for an ordinary user, because systemd delegates no cgroups to users on cgroup %s", hostMode)
	}
	top, err := systemd.Root(user, func(dir string) bool { return mode.IsUnified(root + dir) })
	if err != nil {
		return Location{}, err
	}
	mounts := unifiedMount()
	if hostMode != V2 {
		if mounts, err = readMounts(hostMode); err != nil {
			return Location{}, err
		}
	}
	l := locateUnit(hostMode, mounts, path.Join("/", top, name.Path()))
	l.Unit = &Unit{ID: id, Slice: name.Slice, Name: name.Unit, User: user, Properties: properties}
	return l, nil
}

// locateUnit returns the location of the unit's cgroup in each hierarchy.
func locateUnit(hostMode Mode, mounts []mount, cgroup string) Location {
	l := Location{Mode: hostMode, Driver: Systemd, Paths: map[string]string{}, Mounts: map[string]string{}}
	for _, m := range mounts {
		for _, key := range m.keys {
			l.Paths[key] = path.Join(m.point, m.beneath(cgroup))
			l.Mounts[key] = m.point
		}
	}
	return l
}

// Attach lets systemd move a process into the cgroup of a container's unit, for a user
// who may not do that. The process must belong to the user.
func Attach(l Location, pid int) error {
	unit := &systemd.Unit{Name: systemd.Name{Slice: l.Unit.Slice, Unit: l.Unit.Name}, User: l.Unit.User}
	defer unit.Close()
	return unit.Attach(pid)
}

// adopter is a Manager that can take over cgroups that systemd has created for the
// container.
type adopter interface {
	Manager
	Adopt(r *specs.LinuxResources, pid int) error
	// Validate returns the error for which Set refuses r before it writes anything. It
	// is needed first, because systemd applies properties at once.
	Validate(r *specs.LinuxResources) error
}

// scope is the manager of cgroups that systemd creates: it sets the limits as
// properties of the unit, and does everything else with the cgroup's files.
type scope struct {
	adopter
	mode Mode
	unit *systemd.Unit
	spec *Unit
	// pending means that Join has to start the unit, started that it has done so.
	pending, started bool
	// resources is the argument of Create. sent and devices are the properties of the
	// unit that it was converted to.
	resources     *specs.LinuxResources
	sent, devices []systemd.Property
}

func newScope(l Location, m adopter) *scope {
	name := systemd.Name{Slice: l.Unit.Slice, Unit: l.Unit.Name}
	return &scope{adopter: m, mode: l.Mode, spec: l.Unit, unit: &systemd.Unit{Name: name, User: l.Unit.User}}
}

// Create checks what it can, and creates nothing: a unit of systemd exists only as long
// as it has processes.
func (s *scope) Create(r *specs.LinuxResources) error {
	sent, problems := systemd.Resources(r, s.mode == V2, limits.Present{})
	if len(problems) > 0 {
		return problems.First()
	}
	if s.mode != V2 && r != nil && len(r.Devices) > 0 {
		var err error
		if s.devices, err = systemd.Devices(r.Devices, true); err != nil {
			return err
		}
	}
	if err := s.checkThawed(); err != nil {
		return err
	}
	s.pending, s.resources = true, r
	s.sent = slices.DeleteFunc(sent, preventsFork)
	return nil
}

// checkThawed refuses a frozen cgroup at the unit's location, because the unit's first
// process would stop in it.
func (s *scope) checkThawed() error {
	frozen, err := s.Frozen()
	if err == nil && frozen {
		err = fmt.Errorf("container's cgroup of unit %s is frozen", s.spec.Name)
	}
	return err
}

// preventsFork reports whether p limits the unit to so few processes that the process which
// is moved into it couldn't fork the container's.
func preventsFork(p systemd.Property) bool {
	n, ok := p.Value.Value().(uint64)
	const enough = 4
	return p.Name == "TasksMax" && ok && n < enough
}

// Dir returns -1 until the unit is started.
func (s *scope) Dir() (int, error) {
	if s.pending {
		return -1, nil
	}
	return s.adopter.Dir()
}

// Tasks returns none until the unit is started.
func (s *scope) Tasks() ([]int, error) {
	if s.pending {
		return nil, nil
	}
	return s.adopter.Tasks()
}

// ErrNotCreated is the error of Join if it hasn't created the container's cgroups.
// Cgroups that exist at their location belong to others.
var ErrNotCreated = errors.New("the cgroup was not created")

type notCreatedError struct{ error }

func (notCreatedError) Is(target error) bool { return target == ErrNotCreated }
func (e notCreatedError) Unwrap() error      { return e.error }

// Join starts the unit with its first process.
func (s *scope) Join(pid int) error {
	if !s.pending {
		return s.adopter.Join(pid)
	}
	properties := slices.Concat(s.sent, s.devices)
	if err := s.unit.Start(s.spec.ID, pid, s.mode == V2, properties, s.spec.Properties); err != nil {
		return notCreatedError{err}
	}
	s.pending, s.started = false, true
	if err := s.checkLocation(pid); err != nil {
		return err
	}
	return s.Adopt(s.resources, pid)
}

// checkLocation compares where systemd has put a process with the expected cgroup.
func (s *scope) checkLocation(pid int) error {
	if s.mode != V2 || strings.HasSuffix(s.spec.Name, ".slice") {
		return nil
	}
	cgroups, err := procfs.ReadCgroups(pid)
	if err != nil {
		return err
	}
	want := strings.TrimPrefix(s.Location().Paths[""], root)
	if got, ok := cgroups.Path(""); ok && got != want {
		return fmt.Errorf("systemd has put unit %s into cgroup %s, not into %s", s.spec.Name, got, want)
	}
	return nil
}

// Set sets the unit's properties, so that systemd doesn't restore previous values
// later, and then writes the exact values.
func (s *scope) Set(r *specs.LinuxResources) error {
	list, now, err := s.properties(r)
	if err != nil {
		return err
	}
	if err := s.unit.Set(list); err != nil {
		return err
	}
	return s.adopter.Set(exact(r, list, now))
}

// Update writes the values first, because that can fail at each of them, while systemd
// accepts all properties or none. Then it writes those again that systemd has rounded.
func (s *scope) Update(r *specs.LinuxResources) (*Transaction, error) {
	list, now, err := s.properties(r)
	if err != nil {
		return nil, err
	}
	t, err := s.adopter.Update(r)
	if err != nil || len(list) == 0 {
		return t, err
	}
	if err := s.unit.Set(list); err != nil {
		return t, t.Undone(err)
	}
	if err := s.adopter.Set(exact(r, list, now)); err != nil {
		return t, fmt.Errorf("after the properties of unit %s were set: %w", s.spec.Name, err)
	}
	t.ReadBack()
	return t, nil
}

// properties converts r to the properties that the unit doesn't have yet, and returns what
// the cgroup has now.
func (s *scope) properties(r *specs.LinuxResources) (list []systemd.Property, now limits.Present, err error) {
	if r != nil && !s.started {
		if err := s.Validate(r); err != nil {
			return nil, now, err
		}
		if now, err = s.Present(); err != nil {
			return nil, now, err
		}
	}
	list, problems := systemd.Resources(r, s.mode == V2, now)
	list = slices.DeleteFunc(list, func(p systemd.Property) bool {
		return slices.ContainsFunc(s.sent, func(t systemd.Property) bool { return reflect.DeepEqual(p, t) })
	})
	return list, now, problems.First()
}

// exact returns the limits to write after properties were set.
func exact(r *specs.LinuxResources, list []systemd.Property, now limits.Present) *specs.LinuxResources {
	if slices.ContainsFunc(list, func(p systemd.Property) bool { return strings.HasPrefix(p.Name, "CPU") }) {
		return withQuota(r, now.CPUMax)
	}
	return r
}

// withQuota adds the present quota to r: with any property of the CPU systemd sets its
// rounded quota, too, so the exact one has to be written again.
func withQuota(r *specs.LinuxResources, cpuMax string) *specs.LinuxResources {
	quota, period, _ := strings.Cut(cpuMax, " ")
	n, err := strconv.ParseInt(quota, 10, 64)
	if err != nil || n <= 0 {
		return r
	}
	var cpu specs.LinuxCPU
	if r.CPU != nil {
		cpu = *r.CPU
	}
	if cpu.Quota == nil || *cpu.Quota == 0 {
		cpu.Quota = &n
	}
	if p, err := strconv.ParseUint(period, 10, 64); err == nil && (cpu.Period == nil || *cpu.Period == 0) {
		cpu.Period = &p
	}
	exact := *r
	exact.CPU = &cpu
	return &exact
}

// SetDevices applies rules; see Manager.
func (s *scope) SetDevices(rules []specs.LinuxDeviceCgroup, defaults bool) error {
	if s.mode != V2 {
		list, err := systemd.Devices(rules, defaults)
		if err == nil && !reflect.DeepEqual(list, s.devices) {
			err = s.unit.Set(list)
		}
		if err != nil {
			return err
		}
	}
	return s.adopter.SetDevices(rules, defaults)
}

// ChangeDevices sets all rules on v1, because systemd does so.
func (s *scope) ChangeDevices(from, to []specs.LinuxDeviceCgroup) error {
	if s.mode != V2 {
		return s.SetDevices(to, true)
	}
	return s.adopter.ChangeDevices(from, to)
}

// Destroy stops the unit, and removes the cgroups that systemd leaves or doesn't know.
func (s *scope) Destroy() error {
	stopped := s.unit.Stop()
	s.unit.Close()
	if err := s.adopter.Destroy(); err != nil {
		return errors.Join(err, stopped)
	}
	// A unit that couldn't be stopped ends by itself after its last process, if
	// systemd sees that before the cgroup is removed.
	return nil
}

// Close also closes the connection to systemd.
func (s *scope) Close() {
	s.unit.Close()
	s.adopter.Close()
}
