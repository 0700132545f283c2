// Package cgroups owns a container's cgroups: where they are, what linux.resources
// means for them, and their processes as a whole. It has one [Manager] interface for
// cgroup v1, hybrid and v2 hosts.
//
// [Locate] returns where a container's cgroups are, as plain data that is kept in the
// container's state. [Open] returns the Manager of a location. Neither call changes
// anything, and there is no state apart from these two values.
package cgroups

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/cgroups/stats"
	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/cgroups/v2"
	"github.com/runnel/runnel/internal/place"
)

// Stats is what a container has used, in the format of `events --stats`.
type Stats = stats.Stats

// BlockIOEntry is one counter of one device.
type BlockIOEntry = stats.BlockIOEntry

// PSI is pressure stall information.
type PSI = stats.PSI

// Present has some limits as the kernel has them.
type Present = limits.Present

// Change is what an update does to one control file.
type Change = cgroupfs.Change

// Transaction is what an Update has done, and can undo.
type Transaction = cgroupfs.Transaction

// Value is a limit of a cgroup as the kernel has it, with what is used of it.
type Value = limits.Value

// A Group is a cgroup in which a process can be started: the container's cgroup or
// one below it.
type Group interface {
	// Dir returns a descriptor of the cgroup for CLONE_INTO_CGROUP, which the Group
	// owns and closes. It is -1 without an error if there is no hierarchy of cgroup
	// v2.
	Dir() (int, error)
	// Tasks opens the file "tasks" of the cgroup in each hierarchy of v1. A process
	// that was cloned into Dir joins all of them by writing "0" to each, without
	// waiting for the lock that Join needs. The caller closes the descriptors.
	Tasks() ([]int, error)
	// Procs opens the file "cgroup.procs" of the cgroup of Dir. A process that can't be
	// cloned into Dir joins it by writing "0". The caller closes the descriptor.
	Procs() (int, error)
	// Join moves a process with all its threads into the cgroup, in every hierarchy.
	// With the systemd driver the first Join after Create creates the cgroups, because
	// systemd requires a process for that. The error is ErrNotCreated if they can't
	// be created.
	Join(pid int) error
	// Close closes the open descriptors. The Group can be used again.
	Close()
}

// An OOMWatch reports processes that the OOM killer has killed.
type OOMWatch interface {
	// Poll returns the descriptor and events to wait for with poll(2).
	Poll() unix.PollFd
	// Happened reports, without blocking, whether a process was killed since the last
	// call. If the cgroup no longer exists the error satisfies IsGone.
	Happened() (bool, error)
	// Counts returns how often each event of memory has happened: the keys of memory.events
	// of cgroup v2, or only oom_kill on v1. Poll reports all of them.
	Counts() (map[string]uint64, error)
	Close()
}

// IsGone reports whether err means that a cgroup no longer exists.
func IsGone(err error) bool { return cgroupfs.IsGone(err) }

// A Manager manages the cgroups of one container. Errors of system calls are wrapped,
// so that [errors.Is] works with errnos, and with fs.ErrPermission if this user can't
// have cgroups. A Manager is not safe for concurrent use; different Managers are
// independent.
type Manager interface {
	Group

	// Create creates the cgroups and enables the controllers that r needs. It refuses
	// cgroups that exist and have processes or are frozen. r may be nil. After an
	// error, everything that was created has been removed. With the systemd driver
	// nothing is created before Join; until then Dir returns -1.
	Create(r *specs.LinuxResources) error
	// Location returns where the cgroups are, for Destroy in another process. After
	// Create it includes which of them, and of those above, Create has created.
	Location() Location
	// Set writes the limits that r sets, except for devices, and changes no others.
	// The error carries its place in config.json (place.Of). r may be nil.
	Set(r *specs.LinuxResources) error
	// Preview returns what Update would write, and changes nothing.
	Preview(r *specs.LinuxResources) ([]Change, error)
	// Deviations returns the limits that r sets and that aren't in force. What the kernel
	// rounds is none. It changes nothing.
	Deviations(r *specs.LinuxResources) ([]Change, error)
	// HasDevices reports whether SetDevices with the defaults has set these rules, and
	// nobody has changed them; on v2 whether there is a program at all.
	HasDevices(rules []specs.LinuxDeviceCgroup) (bool, error)
	// Update is Set for a cgroup in use: all limits are set, or none. It checks what it can
	// before it writes. If a write fails, those before it are undone, and the error says so.
	Update(r *specs.LinuxResources) (*Transaction, error)
	// SetDevices applies device rules. What no rule covers is denied. With defaults,
	// the devices that every container needs are allowed in any case. There is no
	// moment without rules.
	SetDevices(rules []specs.LinuxDeviceCgroup, defaults bool) error
	// ChangeDevices changes the rules in force from those of one config to those of another
	// that differs in few of them, with the devices that every container needs. On v1 what
	// others have allowed the container since then stays.
	ChangeDevices(from, to []specs.LinuxDeviceCgroup) error

	// Freeze freezes all processes and returns when they have stopped. After an error
	// they are running.
	Freeze() error
	// Thaw resumes them.
	Thaw() error
	// ThawKilled thaws whatever keeps processes that were sent SIGKILL from exiting, also
	// cgroups that the container has frozen below its own.
	ThawKilled() error
	// Frozen reports whether freezing was requested for the cgroup itself, not for one
	// above it. A cgroup that no longer exists is not frozen.
	Frozen() (bool, error)

	// Kill sends a signal to all processes, including those that are being forked. A
	// frozen cgroup stays frozen, unless the signal is SIGKILL.
	Kill(sig unix.Signal) error
	// Pids returns all processes of the cgroup and below, sorted. A cgroup that no
	// longer exists has none.
	Pids() ([]int, error)

	// Present returns the values of which an update may set one half: CPUMax on both
	// versions.
	Present() (Present, error)
	// Values returns the limits in force, with their use. Those of controllers that the
	// cgroup doesn't have are left out. After an error it returns those that it has read.
	Values() ([]Value, error)
	// DeviceList returns the device rules in force, in the format of devices.list of
	// cgroup v1; nil on v2, where DevicePrograms returns how many programs decide instead.
	// DevicePrograms returns -1 on v1.
	DeviceList() ([]string, error)
	DevicePrograms() (int, error)

	// Stats returns what the cgroup has used.
	Stats() (*Stats, error)
	// OOMKills returns how many processes the OOM killer has killed.
	OOMKills() (uint64, error)

	// WatchOOM starts to watch for processes that the OOM killer kills. The error is
	// fs.ErrNotExist without a memory controller.
	WatchOOM() (OOMWatch, error)

	// WatchPressure registers a trigger with a file such as memory.pressure, in the format of
	// Documentation/accounting/psi.rst: "some 150000 2000000". The descriptor, which the caller
	// closes, has POLLPRI whenever the cgroup stalls for that long. The error is fs.ErrNotExist
	// on a host without cgroup v2 or without PSI.
	WatchPressure(file, trigger string) (int, error)

	// Sub returns existing cgroups below the container's, by the result of [ParseSub].
	// No path leads out of the container's cgroups.
	Sub(paths map[string]string) (Group, error)
	// GroupOf returns the cgroup that a process of the container is in, wherever that
	// is. exec needs it if the container has moved its processes to cgroups of its own,
	// or somebody else has moved them, so that its own can't be entered.
	GroupOf(pid int) (Group, error)
	// Chown delegates the cgroup to a user of the container, given as a host uid, as
	// far as that is safe: on v2 the directory and the files for delegation, on v1
	// nothing (config-linux.md, Cgroup ownership).
	Chown(uid int) error

	// Destroy removes the cgroups and all below them. It waits for killed processes to
	// exit, and doesn't kill any itself. Cgroups that don't exist are no error. Those
	// that existed before Create are kept. Those above that this or another container's
	// Create has created are removed, too, unless others use them.
	Destroy() error
}

// ErrController is the error of a cgroup v2 controller that the limits need and that
// can't be enabled for the container's cgroup.
var ErrController = v2.ErrController

// Unified is the key of the cgroup2 hierarchy of a hybrid host.
const Unified = v1.Unified

// Open returns the manager of the cgroups at a location. It makes no system calls.
func Open(l Location) Manager {
	m := open(l)
	if l.Unit != nil {
		return newScope(l, m)
	}
	return m
}

func open(l Location) adopter {
	if l.Mode == V2 {
		path := l.Paths[""]
		return unified{v2.New(l.Mounts[""], path, l.isExisting(path), l.Parents), l}
	}
	return legacy{v1.New(l.hierarchies()), l}
}

// Ignored returns the fields of r that the cgroup version has nothing for. Set accepts
// them without any effect; callers may want to warn.
func Ignored(mode Mode, r *specs.LinuxResources) []place.Place {
	switch {
	case r == nil:
		return nil
	case mode == V2:
		return v2.Ignored(r)
	}
	return v1.Ignored(r)
}

// unified and legacy adapt the managers of packages v2 and v1, which don't depend on
// each other, to the interface.
type unified struct {
	*v2.Manager
	location Location
}

func (u unified) Location() Location { return u.location.found(u.Existing(), u.Parents()) }

func (u unified) Sub(paths map[string]string) (Group, error) { return group(u.Manager.Sub(paths)) }

func (u unified) GroupOf(pid int) (Group, error) { return group(u.Manager.GroupOf(pid)) }

func (u unified) WatchOOM() (OOMWatch, error) { return oomWatch(u.Manager.WatchOOM()) }

type legacy struct {
	*v1.Manager
	location Location
}

func (l legacy) Location() Location { return l.location.found(l.Existing(), l.Parents()) }

func (l legacy) Sub(paths map[string]string) (Group, error) { return group(l.Manager.Sub(paths)) }

func (l legacy) GroupOf(pid int) (Group, error) { return group(l.Manager.GroupOf(pid)) }

func (l legacy) WatchOOM() (OOMWatch, error) { return oomWatch(l.Manager.WatchOOM()) }

// group and oomWatch prevent that a nil pointer becomes an interface value that isn't
// nil.
func group[G Group](g G, err error) (Group, error) {
	if err != nil {
		return nil, err
	}
	return g, nil
}

func oomWatch[W OOMWatch](w W, err error) (OOMWatch, error) {
	if err != nil {
		return nil, err
	}
	return w, nil
}

// ParseSub parses the values of exec --cgroup, each of them PATH or
// CONTROLLER[,CONTROLLER…]:PATH. It returns paths by controller, with "" for all
// controllers that aren't named.
func ParseSub(values []string) (map[string]string, error) {
	paths := make(map[string]string, len(values))
	for _, value := range values {
		controllers, path := splitSub(value)
		for _, c := range controllers {
			if _, twice := paths[c]; twice {
				return nil, fmt.Errorf("cgroup %q: controller %q is given twice", value, c)
			}
			paths[c] = path
		}
	}
	return paths, nil
}

// splitSub separates the controllers of a value of exec --cgroup from its path.
func splitSub(value string) (controllers []string, path string) {
	names, path, ok := strings.Cut(value, ":")
	if !ok {
		return []string{""}, value
	}
	return strings.Split(names, ","), path
}
