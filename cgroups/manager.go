// Package cgroups owns a container's cgroups: where they are, what
// linux.resources means for them, and their processes as a whole. It serves
// cgroup v1, hybrid and v2 hosts through one [Manager].
//
// A container's cgroups are found once by [Locate], as plain data that is
// kept in the container's state, and acted on by the Manager that [Open]
// returns. Neither call changes anything, and nothing is kept between calls
// but what is in the two values.
package cgroups

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/stats"
	"github.com/runnel/runnel/cgroups/v1"
	"github.com/runnel/runnel/cgroups/v2"
	"github.com/runnel/runnel/internal/place"
)

// Stats is what a container has used, in the JSON of `events --stats`.
type Stats = stats.Stats

// A Group is where a process is put: the container's cgroup or one below it.
type Group interface {
	// Dir returns a descriptor of the cgroup for CLONE_INTO_CGROUP, which the
	// Group keeps and closes. It is -1 without an error where there is no
	// hierarchy of cgroup v2.
	Dir() (int, error)
	// Tasks opens the file "tasks" of the cgroup in each hierarchy of v1. A
	// process is in all of them when it has written "0" to each, after being
	// cloned into Dir; it doesn't wait for the lock that Join has to take. The
	// descriptors are the caller's.
	Tasks() ([]int, error)
	// Join moves a process with all its threads into the cgroup, in every
	// hierarchy. With the systemd driver the first Join after Create makes the
	// cgroups: systemd wants a process for that. If they can't be made the
	// error is ErrNotMade.
	Join(pid int) error
	// Close closes the descriptors that are open. The Group can be used again.
	Close()
}

// An OOMWatch tells of processes that are killed for want of memory.
type OOMWatch interface {
	// Poll is what to wait for with poll(2).
	Poll() unix.PollFd
	// Happened reports, without blocking, whether it has happened since the
	// last call. It is an error when the cgroup is gone: see IsGone.
	Happened() (bool, error)
	Close()
}

// IsGone reports whether err says that a cgroup isn't there any more.
func IsGone(err error) bool { return cgroupfs.IsGone(err) }

// A Manager acts on the cgroups of one container. An error of a system call
// is wrapped, so that [errors.Is] works with errnos, and with
// fs.ErrPermission where this user can't have cgroups. A Manager is not safe
// for concurrent use; different Managers are independent.
type Manager interface {
	Group

	// Create makes the cgroups, with the controllers that r needs enabled. It
	// refuses cgroups that exist and have processes or are frozen. r may be
	// nil. After an error everything that was made is gone again. With the
	// systemd driver nothing is made before Join; until then Dir is -1.
	Create(r *specs.LinuxResources) error
	// Location returns where the cgroups are, as Destroy needs it in another
	// process. After Create it says also what had been there before.
	Location() Location
	// Set writes the limits that r sets, except for devices, and leaves all
	// others alone. An error names the field of config.json. r may be nil.
	Set(r *specs.LinuxResources) error
	// SetDevices puts device rules in force. What no rule speaks of is denied;
	// with defaults the devices that every container needs are allowed after
	// all. Processes of the container never see a moment without rules.
	SetDevices(rules []specs.LinuxDeviceCgroup, defaults bool) error

	// Freeze stops all processes and returns when they stand still. After an
	// error they are running.
	Freeze() error
	// Thaw lets them go on.
	Thaw() error
	// Frozen reports whether the cgroup was told to freeze, not whether one
	// above it was. A cgroup that is gone is not frozen.
	Frozen() (bool, error)

	// Kill sends a signal to all processes, including those being forked. A
	// frozen cgroup stays frozen, unless the signal is SIGKILL.
	Kill(sig unix.Signal) error
	// Pids lists all processes of the cgroup and below, sorted. A cgroup that
	// is gone has none.
	Pids() ([]int, error)

	// Stats reads what the cgroup has used.
	Stats() (*Stats, error)
	// OOMKills counts the processes that were killed for want of memory.
	OOMKills() (uint64, error)

	// WatchOOM begins to watch for processes that are killed for want of
	// memory. The error is fs.ErrNotExist without a memory controller.
	WatchOOM() (OOMWatch, error)

	// Sub returns cgroups below the container's that exist, by controller as
	// [ParseSub] gives them. It can't lead out of the container's cgroups.
	Sub(paths map[string]string) (Group, error)
	// Beside returns the cgroup that a process of the container is in, at or
	// below the container's own: where exec has to go when the container has
	// split up its own cgroup.
	Beside(pid int) (Group, error)
	// Chown gives the cgroup to a user of the container, the host uid, as far
	// as that is safe: on v2 the directory and the files meant for
	// delegation, on v1 nothing (config-linux.md, Cgroup ownership).
	Chown(uid int) error

	// Destroy removes the cgroups and all below them, waiting for killed
	// processes to leave; it doesn't kill. Cgroups that are gone are fine,
	// those that Create found there stay, and so do those above.
	Destroy() error
}

// ErrController says that a controller of cgroup v2 which the limits need can't be
// enabled for the container's cgroup.
var ErrController = v2.ErrController

// Unified is the key of the cgroup2 hierarchy of a hybrid host.
const Unified = v1.Unified

// Open returns the manager of the cgroups at a location. Nothing is touched.
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
		return unified{v2.New(l.Mounts[""], path, l.isExisting(path)), l}
	}
	return legacy{v1.New(l.hierarchies()), l}
}

// Ignored names the fields of r that the cgroup version has nothing for.
// Set accepts them without effect; callers may want to warn.
func Ignored(mode Mode, r *specs.LinuxResources) []place.Place {
	switch {
	case r == nil:
		return nil
	case mode == V2:
		return v2.Ignored(r)
	}
	return v1.Ignored(r)
}

// unified and legacy make the managers of the two packages, which know
// nothing of each other, the same to callers.
type unified struct {
	*v2.Manager
	location Location
}

func (u unified) Location() Location { return u.location.withExisting(u.Existing()) }

func (u unified) Sub(paths map[string]string) (Group, error) { return group(u.Manager.Sub(paths)) }

func (u unified) Beside(pid int) (Group, error) { return group(u.Manager.Beside(pid)) }

func (u unified) WatchOOM() (OOMWatch, error) { return oomWatch(u.Manager.WatchOOM()) }

type legacy struct {
	*v1.Manager
	location Location
}

func (l legacy) Location() Location { return l.location.withExisting(l.Existing()) }

func (l legacy) Sub(paths map[string]string) (Group, error) { return group(l.Manager.Sub(paths)) }

func (l legacy) Beside(pid int) (Group, error) { return group(l.Manager.Beside(pid)) }

func (l legacy) WatchOOM() (OOMWatch, error) { return oomWatch(l.Manager.WatchOOM()) }

// group and oomWatch keep a nil pointer from becoming an interface that isn't
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

// ParseSub parses the values of exec --cgroup, each PATH or
// CONTROLLER[,CONTROLLER…]:PATH, to paths by controller; "" is the path for
// all controllers that aren't named.
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

// splitSub splits off the controllers of a value of exec --cgroup.
func splitSub(value string) (controllers []string, path string) {
	names, path, ok := strings.Cut(value, ":")
	if !ok {
		return []string{""}, value
	}
	return strings.Split(names, ","), path
}
