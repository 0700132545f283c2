package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// openParent opens the directory of an entry in the root, and makes it if it doesn't exist.
// Symbolic links in its path are followed as in a container.
func (u *unpacking) openParent(dir string) (int, error) {
	if u.parent != nil && u.parentPath == dir {
		return int(u.parent.Fd()), nil
	}
	u.forgetParent()
	if dir == "" {
		return int(u.root.Fd()), nil
	}
	parent, err := pathrs.MkdirAllHandle(u.root, dir, 0o755)
	if err != nil {
		return -1, fmt.Errorf("its directory: %w", err)
	}
	u.parent, u.parentPath = parent, dir
	return int(parent.Fd()), nil
}

// forgetParent is called when directories are removed that may be, or be above, the last
// entry's.
func (u *unpacking) forgetParent() {
	if u.parent != nil {
		u.parent.Close()
		u.parent = nil
	}
}

// openDir opens a directory in the root for reading; its last component may not be a link.
func (u *unpacking) openDir(name string) (*os.File, error) {
	dir, base := path.Split(name)
	if base == "" {
		base = "."
	}
	parent, err := pathrs.OpenatInRoot(u.root, path.Clean("/"+dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	return openDirAt(int(parent.Fd()), base)
}

func openDirAt(parent int, base string) (*os.File, error) {
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: base, Err: err}
	}
	return os.NewFile(uintptr(fd), base), nil
}

// makeRoom removes what is in the way of an entry. A directory is not in the way of another.
func (u *unpacking) makeRoom(parent int, name, base string, isDir bool) error {
	var st unix.Stat_t
	err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if isDir && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	return u.remove(parent, name, base)
}

// remove removes a file, or a directory with all below it.
func (u *unpacking) remove(parent int, name, base string) error {
	dir, last := path.Split(name)
	if n := u.tree.find(strings.TrimSuffix(dir, "/")); n != nil {
		delete(n.children, last)
	}
	err := unix.Unlinkat(parent, base, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	if err := u.clear(parent, name, base, nil); err != nil {
		return err
	}
	return os.NewSyscallError("rmdir", unix.Unlinkat(parent, base, unix.AT_REMOVEDIR))
}

// clear removes what is in a directory, except for what keep has of the current layer.
func (u *unpacking) clear(parent int, name, base string, keep *node) error {
	dir, err := openDirAt(parent, base)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		below := keep.find(e.Name())
		var err error
		switch {
		case below == nil || below.layer != u.layer:
			err = u.remove(int(dir.Fd()), path.Join(name, e.Name()), e.Name())
		case e.IsDir():
			err = u.clear(int(dir.Fd()), path.Join(name, e.Name()), e.Name(), below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hide carries out a whiteout: it removes what lower layers have, and nothing of this one.
func (u *unpacking) hide(dir, base string) error {
	target := strings.TrimPrefix(base, whiteout)
	if base == opaque {
		target = ""
	} else if strings.HasPrefix(base, auxiliary) {
		return nil
	} else if target == "" || target == "." || target == ".." {
		return errors.New("a whiteout of no name")
	}
	parent, err := pathrs.OpenatInRoot(u.root, "/"+dir)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil // nothing is there to hide
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	fd := int(parent.Fd())
	u.forgetParent()
	if target == "" {
		n := u.tree.find(dir)
		if n == nil {
			n = &node{}
		}
		return ignoreNotDir(u.clear(fd, dir, ".", n))
	}
	name := path.Join(dir, target)
	if n := u.tree.find(name); n != nil && n.layer == u.layer {
		return ignoreNotDir(u.clear(fd, name, target, n))
	}
	return ignoreNotDir(u.remove(fd, name, target))
}

// ignoreNotDir returns nil for the error that there is no directory to clear.
func ignoreNotDir(err error) error {
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// hardLink links an entry to another one. Neither may be a directory, and a symbolic link
// that is linked isn't followed.
func (u *unpacking) hardLink(parent int, name, base, linkname string) error {
	target, err := cleanName(linkname)
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", linkname, err)
	}
	if target == "" || target == name {
		return fmt.Errorf("hard link to %q: not another file", linkname)
	}
	dir, last := path.Split(target)
	from, err := pathrs.OpenatInRoot(u.root, "/"+dir)
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", linkname, err)
	}
	defer from.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), last, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("hard link to %q: %w", linkname, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Errorf("hard link to %q: it is a directory", linkname)
	}
	if err := u.makeRoom(parent, name, base, false); err != nil {
		return err
	}
	if err := unix.Linkat(int(from.Fd()), last, parent, base, 0); err != nil {
		return fmt.Errorf("hard link to %q: %w", linkname, err)
	}
	return nil
}
