package v2

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/place"
)

// accounting returns the controllers whose statistics clients read directly from the
// files.
func accounting() []string { return []string{"cpu", "io", "memory", "pids"} }

// offered returns all controllers of the hierarchy. A container gets those that it can
// have whether or not its config needs them: clients read the files, and an engine in
// the container divides its cgroup, with limits of its own.
func (m *Manager) offered() ([]string, error) {
	return readFields(cgroupfs.At(m.mount), "cgroup.controllers")
}

// enable makes controllers available in the cgroup by enabling them in each cgroup
// above it. A required controller that can't be enabled is an error; an optional one is
// left out.
func (m *Manager) enable(required, optional []string) error {
	have, err := m.fields("cgroup.controllers")
	if err != nil {
		return err
	}
	wanted := without(slices.Concat(required, optional), have)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	if len(wanted) > 0 {
		for _, level := range m.levels() {
			if wanted, err = enableIn(level, wanted, required); err != nil {
				return err
			}
			if len(wanted) == 0 {
				break
			}
		}
		have = append(have, wanted...)
	}
	return m.checkDomain(have, required)
}

// levels returns the cgroups above this one, from the root of the mount down.
func (m *Manager) levels() []*cgroupfs.Dir {
	list := []*cgroupfs.Dir{cgroupfs.At(m.mount)}
	path := m.dir.Path()
	for i := len(m.mount) + 1; i < len(path); i++ {
		if path[i] == '/' {
			list = append(list, cgroupfs.At(path[:i]))
		}
	}
	return list
}

// enableIn enables controllers for the children of one cgroup, and returns those of
// the wanted controllers that the children have now.
func enableIn(level *cgroupfs.Dir, wanted, required []string) ([]string, error) {
	available, err := readFields(level, "cgroup.controllers")
	if err != nil {
		return nil, err
	}
	for _, c := range without(wanted, available) {
		if slices.Contains(required, c) {
			return nil, &controllerError{c, fmt.Errorf("%s: %w", notAvailable(c, level, available), unix.ENOENT)}
		}
	}
	wanted = without(wanted, without(wanted, available))
	enabled, err := readFields(level, "cgroup.subtree_control")
	if err != nil {
		return nil, err
	}
	todo := without(wanted, enabled)
	if len(todo) == 0 {
		return wanted, nil
	}
	if wouldThreadNeedlessly(level, todo, required) {
		return without(wanted, todo), nil
	}
	// One write enables all or none, so it is tried first.
	err = level.WriteFile("cgroup.subtree_control", "+"+strings.Join(todo, " +"))
	if err == nil {
		return wanted, nil
	}
	// For these reasons none of them can be enabled.
	futile := errors.Is(err, unix.EBUSY) || errors.Is(err, fs.ErrPermission)
	// Controllers that need a domain are first: they must fail before the success of
	// another one has turned a cgroup with processes into a threaded one.
	for _, c := range slices.Concat(without(todo, threaded()), without(todo, without(todo, threaded()))) {
		if futile && !slices.Contains(required, c) {
			wanted = without(wanted, []string{c})
			continue
		}
		err := level.WriteFile("cgroup.subtree_control", "+"+c)
		if err == nil {
			continue
		}
		if slices.Contains(required, c) {
			return nil, &controllerError{c, fmt.Errorf("enable cgroup controller %s below %s: %w%s", c, level.Path(), err, enableHint(level, err))}
		}
		wanted = without(wanted, []string{c})
	}
	return wanted, nil
}

// controllerError is the error of a required controller.
type controllerError struct {
	controller string
	error
}

func (e *controllerError) Unwrap() error        { return e.error }
func (e *controllerError) Is(target error) bool { return target == ErrController }

// ErrController is the error of a controller that the limits need and that can't be
// enabled.
var ErrController = errors.New("cgroup controller can't be enabled")

func notAvailable(controller string, level *cgroupfs.Dir, available []string) string {
	return fmt.Sprintf("cgroup controller %s is not available in %s, only %q", controller, level.Path(), strings.Join(available, " "))
}

// enableFor enables the controllers that r needs, and of the optional ones as many as
// possible. The error carries the place of the property that needs the missing one.
func (m *Manager) enableFor(r *specs.LinuxResources, optional []string) error {
	required, err := requiredControllers(r)
	if err != nil {
		return err
	}
	err = m.enable(required, optional)
	var missing *controllerError
	if !errors.As(err, &missing) {
		return err
	}
	writes, _ := compile(r, current{memoryMax: "0"})
	for i := range writes {
		if writes[i].Controller == missing.controller {
			return place.Wrap(writes[i].Place, err)
		}
	}
	return err
}

// threaded returns the controllers that work in threaded cgroups, too.
func threaded() []string { return []string{"cpu", "cpuset", "perf_event", "pids"} }

// wouldThreadNeedlessly reports whether enabling controllers would turn a cgroup into a
// threaded one although no limit needs that: it has processes, and all controllers in
// todo are threaded and not required. The root has no type, and may have both.
func wouldThreadNeedlessly(level *cgroupfs.Dir, todo, required []string) bool {
	if len(without(todo, threaded())) > 0 || len(without(todo, required)) < len(todo) {
		return false
	}
	kind, err := level.ReadFile("cgroup.type")
	if err != nil || kind != "domain" {
		return false
	}
	pids, err := level.OwnPids()
	return err == nil && len(pids) > 0
}

// enableHint explains the two errnos that aren't self-explanatory.
func enableHint(level *cgroupfs.Dir, err error) string {
	switch {
	case errors.Is(err, unix.EBUSY):
		pids, _ := level.OwnPids()
		return fmt.Sprintf(" (cgroup v2 enables controllers for the children of a cgroup only while it has no processes of its own, and it has: %s)",
			cgroupfs.Describe(pids))
	case errors.Is(err, unix.EOPNOTSUPP):
		kind, _ := level.ReadFile("cgroup.type")
		return fmt.Sprintf(" (its type is %q, and there only threaded controllers can be enabled: cpu, cpuset, perf_event, pids)", kind)
	}
	return ""
}

// checkDomain refuses a cgroup that no process can be moved into because it is below
// a threaded one. If no required controller needs a domain, it turns the cgroup into
// a threaded one.
func (m *Manager) checkDomain(have, required []string) error {
	// Only a domain has these controllers, so that most cgroups need no check.
	if slices.Contains(have, "memory") || slices.Contains(have, "io") {
		return nil
	}
	kind, err := m.dir.ReadFile("cgroup.type")
	if err != nil || kind != "domain invalid" {
		return err
	}
	if !m.noLimits {
		return fmt.Errorf("cgroup %s is in an invalid state: its type is %q, because a cgroup above it is threaded", m.dir.Path(), kind)
	}
	if domain := without(required, threaded()); len(domain) > 0 {
		return fmt.Errorf("cgroup %s can't have controller %s: a cgroup above it is threaded", m.dir.Path(), strings.Join(domain, ", "))
	}
	return m.dir.WriteFile("cgroup.type", "threaded")
}

func (m *Manager) fields(file string) ([]string, error) { return readFields(m.dir, file) }

func readFields(d *cgroupfs.Dir, file string) ([]string, error) {
	text, err := d.ReadFile(file)
	return strings.Fields(text), err
}

// without returns the elements of list that are not in other.
func without(list, other []string) []string {
	var rest []string
	for _, s := range list {
		if !slices.Contains(other, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
