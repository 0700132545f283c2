// Package state keeps what outlives a command: the state directory of a container,
// <root>/<id>, with its state.json, and the identity of its init. The status of a
// container is never stored; see the function Status of package libcontainer.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer/fault"
)

// The files of a state directory.
const (
	stateName = "state.json"
	// ConfigName is the config that the container was created from; later edits of
	// the bundle don't count.
	ConfigName = "config.json"
	// StartName is the socket on which a created container waits for start. Its
	// presence means "created".
	StartName = "start"
	// CacheName is the directory of compiled seccomp filters below the root; no
	// container can have this id.
	CacheName = ".seccomp"

	temporaries = ".state.json." // prefix of a state on its way to stateName
)

const stateVersion = 1

// State is the content of state.json. Everything else about a container is derived.
type State struct {
	ID string
	// Pid is the container's init in the runtime's pid namespace, 0 while it is
	// being made. StartTime is field 22 of /proc/PID/stat: together they name a
	// process for good, but for a pid that is used again within a clock tick. The
	// inode of a pidfd is exact; before Linux 6.9 all have the same.
	Pid        int
	StartTime  uint64
	PidfdInode uint64
	Created    time.Time
	Bundle     string
	Rootfs     string
	// Cgroup is nil where the container has none of its own.
	Cgroup *cgroups.Location
	// IntelRdt is nil without linux.intelRdt.
	IntelRdt    *Rdt
	OwnerUID    int
	Annotations map[string]string
	OCIVersion  string
	// What start, kill and delete have to know of the config without reading it.
	HasProcess bool
	HasHooks   bool
	HostPidNS  bool
	// Notify: the container has a directory for a socket of sd_notify(3).
	Notify bool
	// Late are the steps of the plan that follow start, for an explanation of their
	// failures.
	Late []Step
	// UnderRootfs is the id of the mount that the rootfs was in before, where the
	// container has no mount namespace of its own: what is mounted over it is the
	// container's. 0 otherwise.
	UnderRootfs uint64
}

// Step is what is kept of a step of a plan.
type Step struct {
	Kind    string
	Pointer string // to its place in config.json
	Path    string // of a program
	Timeout uint64 // of a hook, in seconds
}

// Rdt is what a delete has to know of linux.intelRdt.
type Rdt struct {
	// Group is the directory below the mount point; "" is the default group.
	Group string
	// Own: the group is named after the container and removed with it.
	Own bool
	// Monitor is the container's monitoring group below Group, "" without one.
	Monitor string
}

// ValidID reports whether id may be a container's: a file name of runc's set of
// characters that isn't CacheName.
func ValidID(id string) bool {
	if id == "" || id == "." || id == ".." || id == CacheName {
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
}

// ID returns the container's id.
func (e *Dir) ID() string { return e.id }

// FD returns the descriptor of the directory, opened with O_PATH. It stays the Dir's.
func (e *Dir) FD() int { return e.fd }

// Reserve creates the state directory of id, which is the lock on the id:
// fault.ErrExist if there is one, fault.ErrInvalidID. It creates the root, too.
func Reserve(root, id string) (*Dir, error) {
	if !ValidID(id) {
		return nil, fmt.Errorf("%w: %q", fault.ErrInvalidID, id)
	}
	path := filepath.Join(root, id)
	err := unix.Mkdir(path, 0o700)
	if err == unix.ENOENT {
		if err = os.MkdirAll(root, 0o711); err != nil {
			return nil, fmt.Errorf("state root: %w%s", err, rootHint(err))
		}
		err = unix.Mkdir(path, 0o700)
	}
	if err == unix.EEXIST {
		return nil, fault.ErrExist
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w%s", path, err, rootHint(err))
	}
	e, err := Open(root, id)
	if err != nil {
		_ = unix.Rmdir(path)
		return nil, err
	}
	return e, nil
}

func rootHint(err error) string {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return " (an ordinary user's state is in $XDG_RUNTIME_DIR/runnel: set XDG_RUNTIME_DIR or --root)"
	}
	return ""
}

// Open opens the state directory of id; fault.ErrNotExist if there is none,
// fault.ErrInvalidID.
func Open(root, id string) (*Dir, error) {
	if !ValidID(id) {
		return nil, fmt.Errorf("%w: %q", fault.ErrInvalidID, id)
	}
	path := filepath.Join(root, id)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return nil, fault.ErrNotExist // a file that lies about isn't a container
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return &Dir{root: root, id: id, fd: fd}, nil
}

// Path returns the path of the directory.
func (e *Dir) Path() string { return filepath.Join(e.root, e.id) }

// Close closes the directory. More than once is fine.
func (e *Dir) Close() {
	if e.fd >= 0 {
		unix.Close(e.fd)
		e.fd = -1
	}
}

// WriteFile creates or truncates a file of the directory, with mode 0600.
func (e *Dir) WriteFile(name string, content []byte) error {
	fd, err := unix.Openat(e.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("state file %s/%s: %w", e.Path(), name, err)
	}
	for len(content) > 0 {
		n, err := unix.Write(fd, content)
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("state file %s/%s: %w", e.Path(), name, err)
		}
		content = content[n:]
	}
	return unix.Close(fd)
}

// ReadFile reads a file of the directory; fs.ErrNotExist.
func (e *Dir) ReadFile(name string) ([]byte, error) {
	fd, err := unix.Openat(e.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return rawio.ReadAll(fd)
}

// Save replaces state.json. A reader sees the old or the new one.
func (e *Dir) Save(s *State) error {
	name := fmt.Sprint(temporaries, os.Getpid())
	if err := e.WriteFile(name, s.encode()); err != nil {
		return err
	}
	if err := unix.Renameat(e.fd, name, e.fd, stateName); err != nil {
		return fmt.Errorf("state file %s/%s: %w", e.Path(), stateName, err)
	}
	return nil
}

// Load reads state.json. A directory without one belongs to a create that was
// killed early, or that has only begun: fs.ErrNotExist.
func (e *Dir) Load() (*State, error) {
	content, err := e.ReadFile(stateName)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", e.id, err)
	}
	s, err := decodeState(content)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", e.id, err)
	}
	return s, nil
}

// IsCreated reports whether the container waits for start.
func (e *Dir) IsCreated() bool {
	var st unix.Stat_t
	return unix.Fstatat(e.fd, StartName, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// Remove deletes the directory. What is gone already is not an error.
func (e *Dir) Remove() error {
	for _, name := range []string{StartName, ConfigName, stateName} {
		if err := unix.Unlinkat(e.fd, name, 0); err != nil && err != unix.ENOENT {
			return fmt.Errorf("state directory %s: remove %s: %w", e.Path(), name, err)
		}
	}
	err := unix.Rmdir(e.Path())
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		// A temporary of a command that was killed.
		err = os.RemoveAll(e.Path())
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("state directory %s: %w", e.Path(), err)
	}
	return nil
}

// List returns the ids of the containers of a root, sorted. Names that can't be ids,
// such as that of the seccomp cache, aren't containers.
func List(root string) ([]string, error) {
	// Not os.ReadDir, which would set up the poller.
	dir, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	var names []string
	buf := make([]byte, 16*1024)
	for {
		n, err := unix.ReadDirent(dir, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: root, Err: err}
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ValidID(name) })
	slices.Sort(names)
	return names, nil
}
