// Package cgroupfs owns what the two versions of the cgroup file system have
// in common: a cgroup's directory and files, the ordered writes that limits
// are made of, the processes of a cgroup and its removal.
//
// It decides no policy. Every access to a file goes through openat2(2) with
// symbolic links refused, so neither a symbolic link nor a bind mount put in
// the way of a path leads out of the hierarchy. Package v1 and v2 decide
// what is written where.
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
)

// Dir is one cgroup: its absolute path, and a descriptor once something
// needed one. The zero Dir is not usable; see [At].
//
// A Dir is not safe for concurrent use.
type Dir struct {
	path string
	fd   int
}

// At names the cgroup at an absolute, clean path. Nothing is opened: files
// are reached by path until [Dir.FD] is called, which is cheaper for the one
// or two files that a v1 hierarchy has written.
func At(path string) *Dir {
	return &Dir{path: path, fd: -1}
}

// Path returns the absolute path that the Dir was made with.
func (d *Dir) Path() string { return d.path }

// FD returns an O_PATH descriptor of the directory, fit for
// CLONE_INTO_CGROUP and for attaching BPF programs. The Dir owns it;
// [Dir.Close] closes it.
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

// Open opens a control file. The caller closes the descriptor. The error is
// bare: callers know what the file was for.
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

// ValidFileName reports whether name can only mean a file right in a cgroup.
func ValidFileName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

// WriteFile writes value to a control file in one write(2), as control files
// want it. The error names the value, the file and the errno.
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

// writeValue gives a control file a value, from the beginning.
func writeValue(fd int, value string) error {
	for {
		// Lowering a memory limit reclaims inside the write and is interrupted
		// by any signal, of which the Go runtime sends itself some.
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
	text, err := readAll(fd)
	if err != nil {
		return "", fmt.Errorf("read %s/%s: %w", d.path, name, err)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

// readAll reads a descriptor to its end. Most control files fit the first
// buffer.
func readAll(fd int) ([]byte, error) {
	buf := make([]byte, 0, 4096)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
	}
}

// Mkdir makes the cgroup and those above it that are missing. It returns
// the directories that it made, topmost first, so that a caller that fails
// later can take them back; an empty list says that the cgroup was there
// already. floor is the mount point of the hierarchy, which is never made.
func (d *Dir) Mkdir(floor string) (made []string, err error) {
	// Somebody who removes the same parents may get in between, so a parent
	// that vanished is made again, a few times.
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
			return made, err
		}
		made = append(made, above...)
	}
	switch err {
	case nil:
		return append(made, d.path), nil
	case unix.EEXIST:
		return made, nil
	}
	return made, fmt.Errorf("make cgroup %s: %w", d.path, Denied(err))
}

// openat2 opens without following any link, retrying what is only transient.
// Where the call doesn't exist or a seccomp filter hides it, openat(2)
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

// Denied makes a read-only file system count as a refused permission: for
// [errors.Is] with [fs.ErrPermission] both mean that this user can't have
// cgroups here, and rootless callers go on without where no limit is asked.
func Denied(err error) error {
	if errors.Is(err, unix.EROFS) {
		return deniedError{err}
	}
	return err
}

type deniedError struct{ error }

func (e deniedError) Is(target error) bool { return target == fs.ErrPermission }
func (e deniedError) Unwrap() error        { return e.error }

// names lists the cgroups right below a descriptor of a directory.
func names(dirfd int, path string) ([]string, error) {
	var st unix.Stat_t
	// kernfs counts subdirectories in the link count, which saves reading a
	// directory of sixty control files to find out that there are none.
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

// Children lists the names of the cgroups right below this one. A cgroup
// that is gone has none.
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

// child names the cgroup below this one, opened beneath it where this one
// is open.
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
	if len(path) >= unix.PathMax {
		// No path for the kernel, only a name in messages; a container may go on
		// to make it longer and longer.
		path = "(...)/" + name
	}
	return &Dir{path: path, fd: fd}, nil
}

// IsGone reports whether err says that a cgroup, or a file of a cgroup that
// was removed meanwhile, isn't there any more.
func IsGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

// Deadline is how long freezing waits for the kernel before it gives up.
const Deadline = 10 * time.Second

// Patience is how long removing a cgroup waits for processes that were killed
// and are still on their way out.
const Patience = 2 * time.Second

// Sub opens a cgroup below this one. Neither ".." nor a link leads out.
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
