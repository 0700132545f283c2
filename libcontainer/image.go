package libcontainer

import (
	"errors"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// image is a rootfs as the container's process will see it, as far as that can be
// known before there is a container: what mounts will cover is unknown.
type image struct {
	fd      int
	covered []string // the targets of mounts
}

// errCovered says that a path leads to or through a mount.
var errCovered = errors.New("it is in a mount")

func openImage(rootfs string) (*image, error) {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &image{fd: fd}, nil
}

func (i *image) close() { unix.Close(i.fd) }

// imageFile is a file of the image with all links in its path resolved.
type imageFile struct {
	path string
	stat unix.Stat_t
}

func (f *imageFile) kind() uint32 { return f.stat.Mode & unix.S_IFMT }

// maxLinks is how many links the kernel follows, path_resolution(7).
const maxLinks = 40

// find looks up an absolute path. Errors are errnos or errCovered.
func (i *image) find(name string) (*imageFile, error) {
	f, _, err := i.resolve(name)
	return f, err
}

// resolve goes link by link, so that none can lead through a mount unnoticed. With
// ENOENT it gives the path of what would have to be there.
func (i *image) resolve(name string) (at *imageFile, absent string, err error) {
	if at, err = i.root(); err != nil {
		return nil, "", err
	}
	rest, links := name, 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch {
		case at.kind() != unix.S_IFDIR:
			return nil, "", unix.ENOTDIR
		case part == "" || part == ".":
			continue
		}
		// The parent of the root is the root.
		next := &imageFile{path: path.Join(at.path, part)}
		if slices.Contains(i.covered, next.path) {
			return nil, "", errCovered
		}
		if err := i.stat(next); err != nil {
			absent = path.Join(next.path, rest)
			if i.isBelowMount(absent) {
				err = errCovered // the mount point will be made
			}
			return nil, absent, err
		}
		if next.kind() != unix.S_IFLNK {
			at = next
			continue
		}
		target, err := i.readLink(next.path)
		if err != nil {
			return nil, "", err
		}
		if links++; links > maxLinks {
			return nil, "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			if at, err = i.root(); err != nil {
				return nil, "", err
			}
		}
		rest = target + "/" + rest
	}
	return at, "", nil
}

func (i *image) isBelowMount(name string) bool {
	return slices.ContainsFunc(i.covered, func(c string) bool { return strings.HasPrefix(name+"/", c+"/") })
}

func (i *image) root() (*imageFile, error) {
	f := &imageFile{path: "/"}
	return f, i.stat(f)
}

// open opens a path without links in it. That nobody has changed it meanwhile is
// not certain; it can't lead out.
func (i *image) open(name string, flags uint64) (int, error) {
	return unix.Openat2(i.fd, name, &unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

func (i *image) stat(f *imageFile) error {
	fd, err := i.open(f.path, unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fstat(fd, &f.stat)
}

func (i *image) readLink(name string) (string, error) {
	fd, err := i.open(name, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// head is the beginning of a regular file; nil if this user may not read it.
func (i *image) head(f *imageFile) []byte {
	if f.kind() != unix.S_IFREG {
		return nil
	}
	fd, err := i.open(f.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	return headOf(fd)
}

// cover notes that there will be a mount at target, which needn't exist. One below
// another is covered already.
func (i *image) cover(target string) {
	f, absent, err := i.resolve(target)
	switch {
	case err == nil:
		i.covered = append(i.covered, f.path)
	case err == unix.ENOENT:
		i.covered = append(i.covered, absent)
	}
}
