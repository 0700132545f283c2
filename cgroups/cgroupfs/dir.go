// Package cgroupfs owns what the two versions of the cgroup file system have in
// common: a cgroup's directory and files, the ordered writes that limits consist
// of, the processes of a cgroup and its removal.
//
// It decides no policy: packages v1 and v2 decide what is written where. Every
// access to a file uses openat2(2) and refuses symbolic links, so that neither a
// symbolic link nor a bind mount below a cgroup leads out of the hierarchy.
package cgroupfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
)

// Dir is one cgroup: its absolute path, and a descriptor once one was needed. The
// zero Dir is not usable; see [At].
//
// A Dir is not safe for concurrent use.
type Dir struct {
	path string
	fd   int
}

// At returns the cgroup at an absolute, clean path. Nothing is opened: files are
// opened by path until [Dir.FD] is called, which is cheaper for the one or two
// files that are written in a v1 hierarchy.
func At(path string) *Dir {
	return &Dir{path: path, fd: -1}
}

// Path returns the absolute path of the cgroup.
func (d *Dir) Path() string { return d.path }

// FD returns an O_PATH descriptor of the directory, for CLONE_INTO_CGROUP and for
// attaching BPF programs. The Dir owns it, and [Dir.Close] closes it.
func (d *Dir) FD() (int, error) {
	if d.fd >= 0 {
		return d.fd, nil
	}
	fd, err := openat2(unix.AT_FDCWD, d.path, unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return -1, fmt.Errorf("open cgroup %s: %w", d.path, err)
	}
	d.fd = fd
	return fd, nil
}

// Close closes the descriptor, if there is one. The Dir can be used again.
func (d *Dir) Close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
		d.fd = -1
	}
}

// Open opens a control file. The caller closes the descriptor. The error is the
// bare errno, because callers know what the file is for.
func (d *Dir) Open(name string, flags int) (int, error) {
	if !ValidFileName(name) {
		return -1, unix.EINVAL
	}
	if d.fd >= 0 {
		return openat2(d.fd, name, flags,
			unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	}
	return openat2(unix.AT_FDCWD, d.path+"/"+name, flags, unix.RESOLVE_NO_SYMLINKS)
}

// ValidFileName reports whether name can only refer to a file of the cgroup itself.
func ValidFileName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// WriteFile writes value to a control file in one write(2), as control files
// require. The error names the value, the file and the errno.
func (d *Dir) WriteFile(name, value string) error {
	err := d.write(name, value)
	if err != nil {
		return fmt.Errorf("write %q to %s/%s: %w", value, d.path, name, Denied(err))
	}
	return nil
}

func (d *Dir) write(name, value string) error {
	fd, err := d.Open(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return writeValue(fd, value)
}

// writeValue writes a value to a control file, at its beginning.
func writeValue(fd int, value string) error {
	for {
		// Lowering a memory limit reclaims memory during the write, and any signal
		// interrupts it, such as those that the Go runtime sends to itself.
		_, err := unix.Pwrite(fd, []byte(value), 0)
		if err != unix.EINTR {
			return err
		}
	}
}

// ReadFile returns the contents of a control file without the final newline.
func (d *Dir) ReadFile(name string) (string, error) {
	fd, err := d.Open(name, unix.O_RDONLY)
	if err != nil {
		return "", fmt.Errorf("read %s/%s: %w", d.path, name, Denied(err))
	}
	defer unix.Close(fd)
	text, err := rawio.ReadAll(fd)
	if err != nil {
		return "", fmt.Errorf("read %s/%s: %w", d.path, name, err)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

// Mkdir creates the cgroup and the missing ones above it. It returns the
// directories that it has created, topmost first, so that a caller that fails
// later can remove them; an empty list means that the cgroup existed. floor is the
// mount point of the hierarchy, which is never created.
func (d *Dir) Mkdir(floor string) (created []string, err error) {
	// Somebody else may remove the same parents at the same time, so a parent that
	// has disappeared is created again, a few times.
	for range 8 {
		if err = unix.Mkdir(d.path, 0o755); err != unix.ENOENT {
			break
		}
		parent := d.path[:strings.LastIndexByte(d.path, '/')]
		if len(parent) <= len(floor) {
			break
		}
		var above []string
		if above, err = At(parent).Mkdir(floor); err != nil {
			return created, err
		}
		created = append(created, above...)
	}
	switch err {
	case nil:
		return append(created, d.path), nil
	case unix.EEXIST:
		return created, nil
	}
	return created, fmt.Errorf("create cgroup %s: %w", d.path, Denied(err))
}

// openat2 opens a file without following any link, and repeats calls that fail
// transiently. If the kernel or a seccomp filter doesn't have the call, openat(2)
// refuses at least a link as the last component.
func openat2(dirfd int, name string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(dirfd, name, &how)
		switch err {
		case unix.EINTR, unix.EAGAIN:
			continue
		case unix.ENOSYS:
			return unix.Openat(dirfd, name, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		}
		return fd, err
	}
}

// Denied makes the error of a read-only file system match [fs.ErrPermission] in
// [errors.Is]: in both cases this user can't create cgroups here, and rootless
// callers continue without one if the config has no limits.
func Denied(err error) error {
	if errors.Is(err, unix.EROFS) {
		return deniedError{err}
	}
	return err
}

type deniedError struct{ error }

func (e deniedError) Is(target error) bool { return target == fs.ErrPermission }
func (e deniedError) Unwrap() error        { return e.error }

// names returns the names of the cgroups directly below that of a descriptor.
func names(dirfd int, path string) ([]string, error) {
	var st unix.Stat_t
	// kernfs counts subdirectories in the link count, which avoids reading a
	// directory of sixty control files to find that there are none.
	if err := unix.Fstat(dirfd, &st); err != nil {
		return nil, err
	}
	if st.Nlink == 2 {
		return nil, nil
	}
	fd, err := unix.Openat(dirfd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs, nil
}

// Children returns the names of the cgroups directly below this one. A cgroup that
// no longer exists has none.
func (d *Dir) Children() ([]string, error) {
	fd, err := d.FD()
	if err == nil {
		var list []string
		if list, err = names(fd, d.path); err == nil {
			return list, nil
		}
	}
	if IsGone(err) {
		return nil, nil
	}
	return nil, fmt.Errorf("list cgroups below %s: %w", d.path, err)
}

// longestPath is the length up to which the path of a nested cgroup is worth reading.
const longestPath = 500

// child opens a cgroup below this one, relative to its descriptor.
func (d *Dir) child(name string) (*Dir, error) {
	parent, err := d.FD()
	if err != nil {
		return nil, err
	}
	fd, err := openat2(parent, name, unix.O_PATH|unix.O_DIRECTORY,
		unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return nil, err
	}
	path := d.path + "/" + name
	if len(path) > longestPath {
		// This is only a name for messages. The kernel gets no path, because a
		// container can nest cgroups deeper than a path may be long.
		path = "(...)/" + name
	}
	return &Dir{path: path, fd: fd}, nil
}

// IsGone reports whether err means that a cgroup, or a file of a removed cgroup,
// no longer exists.
func IsGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

// FreezeTimeout is how long Freeze waits for the kernel.
const FreezeTimeout = 10 * time.Second

// RemoveTimeout is how long removing a cgroup waits for processes that have been
// killed to exit.
const RemoveTimeout = 2 * time.Second

// Member opens the cgroup of a process, which is usually d or below it. path is its
// path in the hierarchy by /proc/PID/cgroup, and mount the hierarchy's mount point.
func (d *Dir) Member(mount, path string) (*Dir, error) {
	top := At(mount)
	defer top.Close()
	member, err := top.Sub(path)
	if err == nil || !IsGone(err) {
		return member, err
	}
	// The path may begin above the root of the mount. Where d is on it doesn't depend
	// on that.
	own := strings.TrimPrefix(d.path, mount)
	if i := strings.Index(path+"/", own+"/"); i >= 0 {
		return d.Sub(path[i+len(own):])
	}
	return nil, err
}

// Sub opens a cgroup below this one. A path with ".." is an error, and links are
// refused.
func (d *Dir) Sub(path string) (*Dir, error) {
	escapes := slices.Contains(strings.Split(path, "/"), "..")
	clean := strings.Trim(filepath.Clean("/"+path), "/")
	if escapes || strings.ContainsRune(path, 0) {
		return nil, fmt.Errorf("%s is not a sub cgroup path", path)
	}
	if clean == "" {
		return At(d.path), nil
	}
	sub, err := d.child(clean)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s/%s: %w", d.path, clean, err)
	}
	return sub, nil
}
