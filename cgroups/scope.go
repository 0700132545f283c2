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

// Unit is the systemd unit that a container's cgroups are made for.
type Unit struct {
	ID    string // the container's
	Slice string
	Name  string
	User  bool // of the user's manager
	// Properties are those that annotations set, in GVariant text.
	Properties map[string]string
}

// LocateUnit is Locate for the systemd driver: cgroupsPath is
// slice:prefix:name. With user the unit is one of the user's manager. The unit
// and the cgroups come into being by Join.
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
		return Location{}, fmt.Errorf("an ordinary user's systemd has no cgroups to give on cgroup %s: the systemd driver needs cgroup v2 then", hostMode)
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

// locateUnit gives the unit's cgroup in each hierarchy.
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

// Attach has systemd move a process into the cgroup of a container's unit, for a
// user who may not do that. The process belongs to the user.
func Attach(l Location, pid int) error {
	unit := &systemd.Unit{Name: systemd.Name{Slice: l.Unit.Slice, Unit: l.Unit.Name}, User: l.Unit.User}
	defer unit.Close()
	return unit.Attach(pid)
}

// adopter is a Manager that can take over cgroups that somebody else makes for
// the container.
type adopter interface {
	Manager
	Adopt(r *specs.LinuxResources, pid int) error
	// Refuses is the error that Set has before it writes anything: what is told to
	// systemd is in force at once.
	Refuses(r *specs.LinuxResources) error
	// Present is what an update may change a half of.
	Present() (limits.Present, error)
}

// scope is the manager of cgroups that systemd makes: it tells systemd what
// the container is to have, and does the rest by the cgroup's files.
type scope struct {
	adopter
	mode Mode
	unit *systemd.Unit
	spec *Unit
	// awaited: the unit is to be started by Join; started: it was. resources is
	// what Create was given; told and devices are what of it systemd knows.
	awaited, started bool
	resources        *specs.LinuxResources
	told, devices    []systemd.Property
}

func newScope(l Location, m adopter) *scope {
	name := systemd.Name{Slice: l.Unit.Slice, Unit: l.Unit.Name}
	return &scope{adopter: m, mode: l.Mode, spec: l.Unit, unit: &systemd.Unit{Name: name, User: l.Unit.User}}
}

// Create checks what it can. There is no cgroup before there is a process:
// the unit of systemd lives as long as it has some.
func (s *scope) Create(r *specs.LinuxResources) error {
	told, problems := systemd.Resources(r, s.mode == V2, limits.Present{})
	if len(problems) > 0 {
		return problems.First()
	}
	if s.mode != V2 && r != nil && len(r.Devices) > 0 {
		var err error
		if s.devices, err = systemd.Devices(r.Devices, true); err != nil {
			return err
		}
	}
	s.awaited, s.resources = true, r
	s.told = slices.DeleteFunc(told, isNarrow)
	return nil
}

// isNarrow picks a limit of few processes: with it the process that is moved
// into the unit couldn't fork the one that becomes the container's.
func isNarrow(p systemd.Property) bool {
	n, ok := p.Value.Value().(uint64)
	const enough = 4
	return p.Name == "TasksMax" && ok && n < enough
}

// Dir is -1 until there is a cgroup.
func (s *scope) Dir() (int, error) {
	if s.awaited {
		return -1, nil
	}
	return s.adopter.Dir()
}

// Tasks has none until there is a cgroup.
func (s *scope) Tasks() ([]int, error) {
	if s.awaited {
		return nil, nil
	}
	return s.adopter.Tasks()
}

// ErrNotMade says that there are no cgroups that would be the container's. What
// is at their place is somebody else's.
var ErrNotMade = errors.New("the cgroup was not made")

type notMadeError struct{ error }

func (notMadeError) Is(target error) bool { return target == ErrNotMade }
func (e notMadeError) Unwrap() error      { return e.error }

// Join starts the unit with its first process.
func (s *scope) Join(pid int) error {
	if !s.awaited {
		return s.adopter.Join(pid)
	}
	properties := slices.Concat(s.told, s.devices)
	if err := s.unit.Start(s.spec.ID, pid, s.mode == V2, properties, s.spec.Properties); err != nil {
		return notMadeError{err}
	}
	s.awaited, s.started = false, true
	if err := s.checkPlace(pid); err != nil {
		return err
	}
	return s.Adopt(s.resources, pid)
}

// checkPlace finds out when systemd's cgroups are not where they are looked for.
func (s *scope) checkPlace(pid int) error {
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

// Set tells systemd, so that it doesn't set its own values again later, and
// then writes the exact ones.
func (s *scope) Set(r *specs.LinuxResources) error {
	var now limits.Present
	if r != nil && !s.started {
		err := s.Refuses(r)
		if err != nil {
			return err
		}
		if now, err = s.Present(); err != nil {
			return err
		}
	}
	list, problems := systemd.Resources(r, s.mode == V2, now)
	if len(problems) > 0 {
		return problems.First()
	}
	list = slices.DeleteFunc(list, func(p systemd.Property) bool {
		return slices.ContainsFunc(s.told, func(t systemd.Property) bool { return reflect.DeepEqual(p, t) })
	})
	if err := s.unit.Set(list); err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(p systemd.Property) bool { return strings.HasPrefix(p.Name, "CPU") }) {
		r = withQuota(r, now.CPUMax)
	}
	return s.adopter.Set(r)
}

// withQuota has the quota written again that the cgroup had: with any property
// of the CPU systemd sets the quota too, as it has rounded it.
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

// SetDevices puts rules in force, as Manager has it.
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

// Destroy ends the unit, and removes what systemd leaves or has never known of.
func (s *scope) Destroy() error {
	stopped := s.unit.Stop()
	s.unit.Close()
	if err := s.adopter.Destroy(); err != nil {
		return errors.Join(err, stopped)
	}
	// Without its last process a unit ends by itself, if systemd has seen that end
	// before the cgroup has gone.
	return nil
}

// Close closes the connection too.
func (s *scope) Close() {
	s.unit.Close()
	s.adopter.Close()
}
