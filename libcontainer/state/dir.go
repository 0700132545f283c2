// Package state stores what has to outlive a command: the state directory of a
// container, <root>/<id>, with state.json, and the identity of the container's init.
// The status of a container is never stored: see Container.Status in package
// libcontainer.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer/fault"
)

// The files of a state directory.
const (
	stateName = "state.json"
	// ConfigName is a copy of the config.json from which the container was created.
	// Later changes of the bundle have no effect.
	ConfigName = "config.json"
	// StartName is the socket at which a created container waits for start. It exists
	// while the status is "created".
	StartName = "start"
	// AgentName is the socket of a command that is the container's seccomp agent.
	AgentName = "agent"
	// CacheName is the directory of compiled seccomp filters in the state root. No
	// container can have this id.
	CacheName = ".seccomp"
	// EventsName is the directory in the state root with a socket for each process that
	// listens to what commands do. No container can have this id.
	EventsName = ".events"

	temporaries = ".state.json." // prefix of a file that will be renamed to stateName
)

// stateVersion is the version of the format of state.json.
const stateVersion = 1

// State is the content of state.json. Everything else about a container is derived.
type State struct {
	ID string
	// Pid is the pid of the container's init in the runtime's pid namespace; 0 until
	// the container's namespaces exist. StartTime is field 22 of /proc/PID/stat,
	// proc_pid_stat(5). Pid and StartTime together identify a process, unless the pid
	// is reused within one clock tick. PidfdInode, the inode of its pidfd, identifies
	// it exactly; before Linux 6.9 all pidfds have the same.
	Pid        int
	StartTime  uint64
	PidfdInode uint64
	Created    time.Time
	Bundle     string
	Rootfs     string
	// Cgroup is nil if the container has no cgroup of its own.
	Cgroup *cgroups.Location
	// IntelRdt is nil if linux.intelRdt isn't set.
	IntelRdt    *Rdt
	OwnerUID    int
	Annotations map[string]string
	OCIVersion  string
	// HasProcess, HasHooks and HostPidNS are what start, kill and delete need of the
	// config, so that they don't have to read it.
	HasProcess bool
	HasHooks   bool
	HostPidNS  bool
	// Notify reports whether the container has a directory for a socket of
	// sd_notify(3).
	Notify bool
	// Late are the steps of the plan that follow start. They are needed to explain
	// their failures.
	Late []Step
	// Failure says why the container's process couldn't execute its program; "" if it has
	// executed it, or hasn't been started.
	Failure string
	// Devices are the device rules that an update has set; nil if none has.
	Devices []string
	// DeviceChanges are the devices that updates have added and removed, beside those rules.
	DeviceChanges []DeviceChange
	// UnderRootfs is the id of the mount that contained the rootfs before the container
	// was created, if the container has no mount namespace of its own: mounts on top of
	// it are the container's. Otherwise it is 0.
	UnderRootfs uint64
	// Streams are the names that a checkpoint has for the standard streams of the
	// container's process, criu.StreamKey; nil if it has none of its caller's.
	Streams []string
	// Restoring reports that a restore isn't complete: criu may still be at work. All
	// processes in the cgroup are the container's.
	Restoring bool
}

// Step is what is stored of a step of a plan.
type Step struct {
	Kind    string
	Pointer string // JSON pointer to the setting that asked for it
	Path    string // of the program, for an exec or a hook
	Timeout uint64 // of a hook, in seconds
}

// DeviceChange is a device that an update has added or removed.
type DeviceChange struct {
	Path         string // in the container
	Kind         string // c or b
	Major, Minor int
	// Access is what the container may do with it, of r, w and m; "" if it was removed.
	Access string
}

// Rdt is what a delete needs to know about linux.intelRdt.
type Rdt struct {
	// Group is the name of the group's directory in the mount point; "" is the default
	// group.
	Group string
	// Own means that the group is named after the container and removed with it.
	Own bool
	// Monitor is the path of the container's monitoring group below Group; "" if there
	// is none.
	Monitor string
}

// ValidID reports whether id may be the id of a container: a file name other than
// CacheName and EventsName, of the characters that runc permits.
func ValidID(id string) bool {
	if id == "" || id == "." || id == ".." || id == CacheName || id == EventsName {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '_' || c == '+' || c == '-' || c == '.':
		default:
			return false
		}
	}
	return true
}

// Dir is an open state directory. Its user closes it.
type Dir struct {
	root, id string
	fd       int
	lock     int // -1 if it isn't locked
}

// ID returns the container's id.
func (e *Dir) ID() string { return e.id }

// FD returns the descriptor of the directory, which is open with O_PATH. It remains the
// Dir's.
func (e *Dir) FD() int { return e.fd }

// Reserve creates the state directory for id, and the state root if it doesn't exist. The
// result is locked: a delete of an id that is just being created comes before it, and finds
// nothing, or after it. The error is fault.ErrExist if the directory exists, or
// fault.ErrInvalidID.
func Reserve(root, id string, config []byte) (*Dir, error) {
	if !filepath.IsAbs(root) {
		return nil, fmt.Errorf("state root %q: not an absolute path", root)
	}
	if !ValidID(id) {
		return nil, fmt.Errorf("%w: %q", fault.ErrInvalidID, id)
	}
	var err error
	for range reserveTries {
		var e *Dir
		if e, err = reserve(root, id, config); err != fault.ErrDeleted {
			return e, err
		}
	}
	return nil, err
}

// reserveTries bounds how often a directory is created anew that others have removed.
const reserveTries = 100

// reserve creates, opens and locks the state directory. Who has created its file
// ConfigName, with this content, owns it: between mkdir and open, it may have been deleted
// and created anew by others. The error is fault.ErrDeleted if it was deleted.
func reserve(root, id string, config []byte) (*Dir, error) {
	if err := makeDir(root, id); err != nil {
		return nil, err
	}
	e, err := open(root, id)
	if errors.Is(err, fault.ErrNotExist) {
		return nil, fault.ErrDeleted
	}
	if err != nil {
		// If it is another's by now, that one begins again.
		_ = unix.Rmdir(filepath.Join(root, id))
		return nil, err
	}
	e.flock(unix.LOCK_EX) // a file system without locks is no reason to fail
	if err := e.claim(config); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// claim creates ConfigName. The error is fault.ErrExist if others have, or
// fault.ErrDeleted if the directory has been removed.
func (e *Dir) claim(config []byte) error {
	err := e.writeFile(ConfigName, unix.O_EXCL, config)
	if err != nil {
		err = fmt.Errorf("state file %s/%s: %w", e.Path(), ConfigName, err)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		return fault.ErrDeleted
	case err != nil:
		_ = e.Remove()
	}
	return err
}

// makeDir creates the state directory for id.
func makeDir(root, id string) error {
	path := filepath.Join(root, id)
	err := checkRoot(root)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(root, 0o711); err != nil {
			return fmt.Errorf("state root: %w%s", err, rootHint(err))
		}
		err = nil
	}
	if err != nil {
		return err
	}
	err = unix.Mkdir(path, 0o700)
	if err == unix.EEXIST {
		return fault.ErrExist
	}
	if err != nil {
		return fmt.Errorf("state directory %s: %w%s", path, err, rootHint(err))
	}
	return nil
}

// checkRoot returns an error for a state root in which users that have less privilege than
// the runtime could replace the state of a container: the runtime kills and removes what
// the state names.
func checkRoot(root string) error {
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		return fmt.Errorf("state root %s: %w%s", root, err, rootHint(err))
	}
	if isForeign(&st) {
		return fmt.Errorf("state root %s: it belongs to uid %d, who could change the state of containers", root, st.Uid)
	}
	if st.Mode&unix.S_IWOTH != 0 && st.Mode&unix.S_ISVTX == 0 {
		return fmt.Errorf("state root %s: every user may write to it (mode %#o), and change the state of containers", root, st.Mode&0o7777)
	}
	return nil
}

// isForeign reports whether a file belongs to a user who is neither root nor the caller.
func isForeign(st *unix.Stat_t) bool {
	return st.Uid != 0 && st.Uid != uint32(os.Geteuid())
}

// rootHint returns a hint for an ordinary user who may not create a state root.
func rootHint(err error) string {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return " (an ordinary user's state is in $XDG_RUNTIME_DIR/runnel: set XDG_RUNTIME_DIR or --root)"
	}
	return ""
}

// Open opens the state directory of id. The error is fault.ErrNotExist if there is
// none, or fault.ErrInvalidID. A state that other users could have made is refused.
func Open(root, id string) (*Dir, error) {
	if !ValidID(id) {
		return nil, fmt.Errorf("%w: %q", fault.ErrInvalidID, id)
	}
	err := checkRoot(root)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, notExist(root, id)
	}
	if err != nil {
		return nil, err
	}
	return open(root, id)
}

// open opens the state directory of an id that is valid, in a state root that was checked.
func open(root, id string) (*Dir, error) {
	path := filepath.Join(root, id)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		// ENOTDIR: a file in the state root isn't a container.
		return nil, notExist(root, id)
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w%s", path, err, ownerHint(err))
	}
	// In a sticky directory every user can create one.
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && isForeign(&st) {
		err = fmt.Errorf("it belongs to uid %d, who could change the state", st.Uid)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return &Dir{root: root, id: id, fd: fd, lock: -1}, nil
}

// notExist returns the error for an id that isn't in a state root. Clients match the
// words of fault.ErrNotExist.
func notExist(root, id string) error {
	return fmt.Errorf("%w: %s in the state root %s", fault.ErrNotExist, id, root)
}

// NotExist returns the error for a container that has been removed since it was opened.
func (e *Dir) NotExist() error { return notExist(e.root, e.id) }

// ownerHint returns a hint for a user who may not read the state of a container.
func ownerHint(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return " (the container is another user's)"
	}
	return ""
}

// Path returns the path of the directory.
func (e *Dir) Path() string { return filepath.Join(e.root, e.id) }

// Lock locks the directory, flock(2), and reports whether it has: it doesn't wait for
// another that has locked it. A create holds the lock until the container is complete, a
// delete while it removes the container. The lock ends with the process that holds it.
func (e *Dir) Lock() bool { return e.flock(unix.LOCK_EX | unix.LOCK_NB) }

func (e *Dir) flock(how int) bool {
	fd, err := unix.Openat(e.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(fd, how)
	}
	if err != nil {
		unix.Close(fd)
		return false
	}
	e.lock = fd
	return true
}

// Unlock ends the lock, if there is one.
func (e *Dir) Unlock() {
	if e.lock >= 0 {
		unix.Close(e.lock)
		e.lock = -1
	}
}

// IsRemoved reports whether the directory has been removed. Its path may be that of
// another container by now.
func (e *Dir) IsRemoved() bool {
	var st unix.Stat_t
	return unix.Fstat(e.fd, &st) == nil && st.Nlink == 0
}

// Close closes the directory. It may be called more than once.
func (e *Dir) Close() {
	e.Unlock()
	if e.fd >= 0 {
		unix.Close(e.fd)
		e.fd = -1
	}
}

// writeFile creates a file in the directory, with mode 0600, or truncates it unless flags
// has O_EXCL.
func (e *Dir) writeFile(name string, flags int, content []byte) error {
	fd, err := unix.Openat(e.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		n, err := unix.Write(fd, content)
		if err != nil {
			unix.Close(fd)
			return err
		}
		content = content[n:]
	}
	return unix.Close(fd)
}

// ReadFile returns the content of a file in the directory. The error matches
// fs.ErrNotExist if there is none.
func (e *Dir) ReadFile(name string) ([]byte, error) {
	fd, err := unix.Openat(e.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return rawio.ReadAll(fd)
}

// saves counts the calls of Save, so that those of several goroutines don't write to one
// temporary file.
var saves atomic.Uint64

// Save replaces state.json atomically: a reader sees the old or the new one.
func (e *Dir) Save(s *State) error {
	saving, err := e.PrepareSave(s)
	if err != nil {
		return err
	}
	return saving.Commit()
}

// A Saving is a state that is written, and that nobody reads before Commit. One that isn't
// committed has to be discarded.
type Saving struct {
	dir  *Dir
	name string
}

// PrepareSave writes the file that replaces state.json later, so that a command finds out
// before it changes anything whether that can be recorded.
func (e *Dir) PrepareSave(s *State) (*Saving, error) {
	w := &Saving{e, fmt.Sprint(temporaries, os.Getpid(), ".", saves.Add(1))}
	if err := e.writeFile(w.name, 0, s.encode()); err != nil {
		w.Discard()
		return nil, fmt.Errorf("state file %s/%s: %w", e.Path(), stateName, err)
	}
	return w, nil
}

// Commit replaces state.json.
func (w *Saving) Commit() error {
	if err := unix.Renameat(w.dir.fd, w.name, w.dir.fd, stateName); err != nil {
		w.Discard()
		return fmt.Errorf("state file %s/%s: %w", w.dir.Path(), stateName, err)
	}
	return nil
}

// Discard removes the file.
func (w *Saving) Discard() { _ = unix.Unlinkat(w.dir.fd, w.name, 0) }

// Load reads state.json. The error matches fs.ErrNotExist if there is none, in the
// directory of a create that was killed early or has only begun.
func (e *Dir) Load() (*State, error) {
	content, err := e.ReadFile(stateName)
	if err != nil {
		return nil, fmt.Errorf("state of %s in %s: %w%s", e.id, e.root, err, ownerHint(err))
	}
	s, err := decodeState(content)
	if err != nil {
		return nil, fmt.Errorf("state of %s in %s: %w", e.id, e.root, err)
	}
	return s, nil
}

// staleAge is the age from which a temporary file is stale: a command renames it at once.
const staleAge = time.Minute

// Stale returns the names of the temporary files of processes that were killed while they
// saved the state.
func (e *Dir) Stale(now time.Time) ([]string, error) {
	names, err := rawio.Names(e.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !e.isStale(name, now) }), nil
}

func (e *Dir) isStale(name string, now time.Time) bool {
	var st unix.Stat_t
	return strings.HasPrefix(name, temporaries) &&
		unix.Fstatat(e.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG &&
		now.Sub(time.Unix(st.Mtim.Unix())) > staleAge
}

// IsCreated reports whether the container waits for start.
func (e *Dir) IsCreated() bool {
	var st unix.Stat_t
	return unix.Fstatat(e.fd, StartName, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// Remove removes the directory. It is no error if parts of it don't exist any more.
func (e *Dir) Remove() error {
	if e.IsRemoved() {
		return nil
	}
	for _, name := range []string{StartName, ConfigName, stateName} {
		if err := unix.Unlinkat(e.fd, name, 0); err != nil && err != unix.ENOENT {
			return fmt.Errorf("state directory %s: remove %s: %w", e.Path(), name, err)
		}
	}
	err := unix.Rmdir(e.Path())
	// There is a temporary file of a command that was killed, the socket of an agent, or the
	// record of a wait, which may make it while the others are removed.
	for attempt := 0; isNotEmpty(err) && attempt < removeAttempts; attempt++ {
		time.Sleep(time.Duration(attempt) * time.Millisecond)
		err = os.RemoveAll(e.Path())
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("state directory %s: %w", e.Path(), err)
	}
	return nil
}

// removeAttempts is how often files are removed that appear meanwhile.
const removeAttempts = 20

func isNotEmpty(err error) bool { return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) }

// OpenEvents opens the directory EventsName of a state root. The error matches
// fs.ErrNotExist if there is none. One that other users could have made is refused.
func OpenEvents(root string) (int, error) {
	fd, err := unix.Open(root+"/"+EventsName, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && isForeign(&st) {
		err = fmt.Errorf("it belongs to uid %d", st.Uid)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// List returns the ids of the containers in a state root, sorted. It leaves out names
// that can't be ids, such as that of the seccomp cache.
func List(root string) ([]string, error) {
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	names, err := rawio.Names(root)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ValidID(name) })
	slices.Sort(names)
	return names, nil
}
