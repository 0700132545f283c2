package program

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Image is a rootfs as the container's process will see it, as far as that is known
// before the container is created. The contents of mounts are unknown.
type Image struct {
	root    *os.File
	covered []string // the targets of mounts
}

// ErrCovered is returned for a path that leads to or through a mount.
var ErrCovered = errors.New("it is in a mount")

// OpenImage opens the rootfs at an absolute path. The caller closes the Image.
func OpenImage(rootfs string) (*Image, error) {
	root, err := openRoot(rootfs)
	if err != nil {
		return nil, err
	}
	return &Image{root: root}, nil
}

// Close closes the rootfs.
func (i *Image) Close() { i.root.Close() }

// File is a file of the image. There are no symbolic links in Path.
type File struct {
	Path string
	Stat unix.Stat_t
}

// Kind returns the file's type, the bits S_IFMT of its mode.
func (f *File) Kind() uint32 { return f.Stat.Mode & unix.S_IFMT }

// IsExecutable reports whether f is a regular file with any execute permission bit,
// which root requires, too.
func (f *File) IsExecutable() bool {
	return f.Kind() == unix.S_IFREG && f.Stat.Mode&0o111 != 0
}

// maxLinks is the number of symbolic links that the kernel follows, path_resolution(7).
const maxLinks = 40

// Find looks up an absolute path and follows symbolic links. The error is an errno or
// ErrCovered.
func (i *Image) Find(name string) (*File, error) {
	f, _, err := i.resolve(name)
	return f, err
}

// resolve follows one link at a time, so that it notices every link that leads through
// a mount. With ENOENT it returns in absent the path that doesn't exist.
func (i *Image) resolve(name string) (at *File, absent string, err error) {
	if at, err = i.top(); err != nil {
		return nil, "", err
	}
	rest, links := name, 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch {
		case at.Kind() != unix.S_IFDIR:
			return nil, "", unix.ENOTDIR
		case part == "" || part == ".":
			continue
		}
		// The parent of the root is the root.
		next := &File{Path: path.Join(at.Path, part)}
		if slices.Contains(i.covered, next.Path) {
			return nil, "", ErrCovered
		}
		target, err := i.look(next)
		if err != nil {
			absent = path.Join(next.Path, rest)
			if i.isBelowMount(absent) {
				err = ErrCovered // the mount point will be created
			}
			return nil, absent, err
		}
		if next.Kind() != unix.S_IFLNK {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return nil, "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			if at, err = i.top(); err != nil {
				return nil, "", err
			}
		}
		rest = target + "/" + rest
	}
	return at, "", nil
}

// isBelowMount reports whether name is the target of a mount or below one.
func (i *Image) isBelowMount(name string) bool {
	return slices.ContainsFunc(i.covered, func(c string) bool { return strings.HasPrefix(name+"/", c+"/") })
}

// top returns the root directory.
func (i *Image) top() (*File, error) {
	f := &File{Path: "/"}
	return f, unix.Fstat(int(i.root.Fd()), &f.Stat)
}

// look sets f.Stat and, if f is a symbolic link, returns its target. There must be no
// links in the directory part of f.Path. Somebody may change the path at the same time,
// but can't make it lead out of the root.
func (i *Image) look(f *File) (target string, err error) {
	if f.Path == "/" {
		return "", unix.Fstat(int(i.root.Fd()), &f.Stat)
	}
	dir, err := pathrs.OpenatInRoot(i.root, path.Dir(f.Path))
	if err != nil {
		return "", errnoOf(err)
	}
	defer dir.Close()
	base := path.Base(f.Path)
	err = unix.Fstatat(int(dir.Fd()), base, &f.Stat, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || f.Kind() != unix.S_IFLNK {
		return "", err
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.Fd()), base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// Head returns the beginning of a regular file; nil if this user may not read it.
func (i *Image) Head(f *File) []byte {
	if f.Kind() != unix.S_IFREG {
		return nil
	}
	file, err := pathrs.OpenatInRoot(i.root, f.Path)
	if err != nil {
		return nil
	}
	defer file.Close()
	return headOf(file)
}

// Cover records that there will be a mount at target, which needn't exist. A target
// below another one is covered already.
func (i *Image) Cover(target string) {
	f, absent, err := i.resolve(target)
	switch {
	case err == nil:
		i.covered = append(i.covered, f.Path)
	case err == unix.ENOENT:
		i.covered = append(i.covered, absent)
	}
}
