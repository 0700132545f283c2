package libcontainer

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
)

// The files of a container's state directory, <root>/<id>.
const (
	stateName   = "state.json"
	configName  = "config.json"  // what it was created from; later edits of the bundle don't count
	startName   = "start"        // the socket on which a created container waits; its presence means "created"
	temporaries = ".state.json." // a state on its way to stateName
)

const stateVersion = 1

// State is what outlives a command. Everything else is derived.
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
	IntelRdt    *RdtState
	OwnerUID    int
	Annotations map[string]string
	OCIVersion  string
	// What start, kill and delete have to know of the config without reading it.
	HasProcess bool
	HasHooks   bool
	HostPidNS  bool
	// Notify: the container has a directory for a socket of sd_notify(3).
	Notify bool
	// UnderRootfs is the id of the mount that the rootfs was in before, where the
	// container has no mount namespace of its own: what is mounted over it is the
	// container's. 0 otherwise.
	UnderRootfs uint64
}

// validID tells whether id may be a file name below the root, as runc has it. The
// name of the seccomp cache isn't free.
func validID(id string) bool {
	if id == "" || id == "." || id == ".." || id == cacheName {
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

// entry is an open state directory.
type entry struct {
	root, id string
	dir      int
}

// reserve makes the state directory of id. The mkdir is the lock on the id.
func reserve(root, id string) (*entry, error) {
	if !validID(id) {
		return nil, fmt.Errorf("%w: %q", ErrInvalidID, id)
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
		return nil, ErrExist
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w%s", path, err, rootHint(err))
	}
	e, err := openEntry(root, id)
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

// openEntry opens the state directory of id; ErrNotExist if there is none.
func openEntry(root, id string) (*entry, error) {
	if !validID(id) {
		return nil, fmt.Errorf("%w: %q", ErrInvalidID, id)
	}
	path := filepath.Join(root, id)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return nil, ErrNotExist // a file that lies about isn't a container
	}
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return &entry{root: root, id: id, dir: fd}, nil
}

func (e *entry) path() string { return filepath.Join(e.root, e.id) }

func (e *entry) close() {
	if e.dir >= 0 {
		unix.Close(e.dir)
		e.dir = -1
	}
}

// writeFile makes or truncates a file of the entry.
func (e *entry) writeFile(name string, content []byte) error {
	fd, err := unix.Openat(e.dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("state file %s/%s: %w", e.path(), name, err)
	}
	for len(content) > 0 {
		n, err := unix.Write(fd, content)
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("state file %s/%s: %w", e.path(), name, err)
		}
		content = content[n:]
	}
	return unix.Close(fd)
}

func (e *entry) readFile(name string) ([]byte, error) {
	fd, err := unix.Openat(e.dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return rawio.ReadAll(fd)
}

// save replaces the state. A reader sees the old or the new one.
func (e *entry) save(s *State) error {
	name := fmt.Sprint(temporaries, os.Getpid())
	if err := e.writeFile(name, s.encode()); err != nil {
		return err
	}
	if err := unix.Renameat(e.dir, name, e.dir, stateName); err != nil {
		return fmt.Errorf("state file %s/%s: %w", e.path(), stateName, err)
	}
	return nil
}

// load reads the state. A directory without one belongs to a create that was
// killed early, or that has only begun: fs.ErrNotExist.
func (e *entry) load() (*State, error) {
	content, err := e.readFile(stateName)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", e.id, err)
	}
	s, err := decodeState(content)
	if err != nil {
		return nil, fmt.Errorf("state of %s: %w", e.id, err)
	}
	return s, nil
}

// isCreated tells whether the container waits for start.
func (e *entry) isCreated() bool {
	var st unix.Stat_t
	return unix.Fstatat(e.dir, startName, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// remove deletes the directory. What is gone already is fine.
func (e *entry) remove() error {
	for _, name := range []string{startName, configName, stateName} {
		if err := unix.Unlinkat(e.dir, name, 0); err != nil && err != unix.ENOENT {
			return fmt.Errorf("state directory %s: remove %s: %w", e.path(), name, err)
		}
	}
	err := unix.Rmdir(e.path())
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		// A temporary of a command that was killed.
		err = os.RemoveAll(e.path())
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("state directory %s: %w", e.path(), err)
	}
	return nil
}

// ids lists the containers of a root, sorted. Names that can't be ids, such as
// the seccomp cache, aren't containers.
func ids(root string) ([]string, error) {
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
	names = slices.DeleteFunc(names, func(name string) bool { return !validID(name) })
	slices.Sort(names)
	return names, nil
}

// cacheName is the directory of compiled seccomp filters below the root.
const cacheName = ".seccomp"
