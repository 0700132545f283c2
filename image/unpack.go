package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Options say how an image is unpacked.
type Options struct {
	// Squash makes the caller the owner of all files, for an ordinary user. Otherwise they
	// have the owners that the image says.
	Squash bool
	// Devices makes the device nodes of the image; without it, and with Squash, they are left
	// out with a warning. A container has the usual devices in any case.
	Devices bool
	// MaxBytes and MaxEntries bound the size of all files together, and the number of files
	// and directories; 0 is 64 GiB, and four million.
	MaxBytes, MaxEntries int64
	// Warn receives a sentence about each thing that is left out.
	Warn func(string)
}

// Unpack unpacks the layers into an empty directory, which becomes the root file system. What
// is in it after an error is incomplete. Set-user-ID programs of the image are such programs
// of the host: no other user may be able to enter the directory.
//
// The umask applies to directories that no layer has an entry for.
func (i *Image) Unpack(ctx context.Context, dir string, o Options) error {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 30
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = 4_000_000
	}
	u := &unpacking{Options: o, root: root, tree: &node{}}
	u.left = math.MaxInt64
	if perEntry := int64(8 << 10); o.MaxEntries < (u.left-o.MaxBytes)/perEntry {
		u.left = o.MaxBytes + o.MaxEntries*perEntry
	}
	defer u.forgetParent()
	for n, l := range i.layers {
		u.layer = n + 1
		if err := u.unpackLayer(ctx, i.source, l); err != nil {
			return fmt.Errorf("layer %d of %d, %s: %w", n+1, len(i.layers), l.diffID, err)
		}
	}
	u.warnOfSkipped()
	if u.tree.dir == nil {
		if err := os.Chmod(dir, 0o755); err != nil { // the containers' users have to get through
			return err
		}
	}
	return u.finishDirs("", u.tree)
}

// unpacking is the state between the layers.
type unpacking struct {
	Options
	root           *os.File
	layer          int // from 1 on
	bytes, entries int64
	left           int64    // of the uncompressed layers
	skipped        []string // device nodes
	tree           *node
	// parent is the directory of the last entry, at parentPath: most entries have the same as
	// the one before.
	parent     *os.File
	parentPath string
}

// node is an entry of the layers so far, in a tree of their names.
type node struct {
	children map[string]*node
	layer    int         // the last one that has the entry, or something below it
	dir      *tar.Header // of a directory; nil if no layer has an entry for it
}

// touch notes that the current layer has an entry, and returns its node.
func (u *unpacking) touch(name string) *node {
	n := u.tree
	n.layer = u.layer
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			continue
		}
		if n.children == nil {
			n.children = map[string]*node{}
		}
		if n.children[part] == nil {
			n.children[part] = &node{}
		}
		n = n.children[part]
		n.layer = u.layer
	}
	return n
}

// find returns the node of a name; nil if there is none.
func (n *node) find(name string) *node {
	for part := range strings.SplitSeq(name, "/") {
		if n == nil || part == "" {
			return n
		}
		n = n.children[part]
	}
	return n
}

// lacks returns how many components of a name have no node.
func (n *node) lacks(name string) (count int64) {
	for part := range strings.SplitSeq(name, "/") {
		if part == "." {
			continue
		}
		if n != nil {
			n = n.children[part]
		}
		if n == nil {
			count++
		}
	}
	return count
}

func (u *unpacking) unpackLayer(ctx context.Context, s source, l layer) error {
	c, err := openLayer(s, l, &u.left)
	if err != nil {
		return err
	}
	defer c.close()
	r := tar.NewReader(c)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := u.entry(header, r); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	// The digest covers what follows the archive, too.
	_, err = io.Copy(io.Discard, c)
	return err
}

// cleanName returns the name of an entry, or the target of a hard link, relative to the root;
// "" for the root itself.
func cleanName(name string) (string, error) {
	if slices.Contains(strings.Split(name, "/"), "..") {
		return "", errors.New("the path has .. in it")
	}
	if strings.ContainsRune(name, 0) {
		return "", errors.New("the path has a zero byte")
	}
	clean := path.Clean("/" + name)[1:]
	if len(clean) >= unix.PathMax {
		return "", errors.New("the path is too long")
	}
	return clean, nil
}

// Names of image layers, layer.md: "Whiteouts".
const (
	whiteout  = ".wh."
	opaque    = ".wh..wh..opq"
	auxiliary = ".wh..wh." // files that aufs kept beside
)

// entry unpacks one entry of a layer.
func (u *unpacking) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	// One entry with a long path makes thousands of directories.
	u.entries += 1 + u.tree.lacks(path.Dir(name))
	if u.entries > u.MaxEntries {
		return fmt.Errorf("the image has more than %d entries", u.MaxEntries)
	}
	if name == "" {
		if h.Typeflag != tar.TypeDir {
			return errors.New("the root is not a directory")
		}
		u.touch("").dir = h
		return nil
	}
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	if strings.HasPrefix(base, whiteout) {
		return u.hide(dir, base)
	}
	if isDevice(h) && (u.Squash || !u.Devices) {
		u.skipped = append(u.skipped, name)
		return nil
	}
	parent, err := u.openParent(dir)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeLink {
		if err := u.hardLink(parent, name, base, h.Linkname); err != nil {
			return err
		}
		u.touch(name).dir = nil
		return nil
	}
	if err := u.makeRoom(parent, name, base, h.Typeflag == tar.TypeDir); err != nil {
		return err
	}
	if err := u.create(parent, base, h, content); err != nil {
		return err
	}
	n := u.touch(name)
	n.dir = nil
	if h.Typeflag == tar.TypeDir {
		n.dir = h
	}
	return nil
}

func isDevice(h *tar.Header) bool { return h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock }

// warnOfSkipped names a few of the device nodes that were left out.
func (u *unpacking) warnOfSkipped() {
	if n := len(u.skipped); n > 0 && u.Warn != nil {
		u.Warn(fmt.Sprintf("%d device nodes of the image are left out, such as %q", n, u.skipped[:min(n, 4)]))
	}
}

// create makes an entry that doesn't exist.
func (u *unpacking) create(parent int, base string, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if err := unix.Mkdirat(parent, base, 0o700); err != nil && err != unix.EEXIST {
			return fmt.Errorf("mkdir: %w", err)
		}
		return nil // finishDirs does the rest, when nothing is created in it any more
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(parent, base, h, content)
	case tar.TypeSymlink:
		if err := unix.Symlinkat(h.Linkname, parent, base); err != nil {
			return fmt.Errorf("symlink: %w", err)
		}
		return u.setOwnerAndTime(parent, base, h)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
		if h.Devmajor < 0 || h.Devmajor > math.MaxUint32 || h.Devminor < 0 || h.Devminor > math.MaxUint32 {
			return fmt.Errorf("invalid device number %d:%d", h.Devmajor, h.Devminor)
		}
		device := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
		if err := unix.Mknodat(parent, base, kind|mode(h), int(device)); err != nil {
			return fmt.Errorf("mknod: %w", err)
		}
		if err := u.setOwnerAndTime(parent, base, h); err != nil {
			return err
		}
		// chown has cleared the set-ID bits. base is what mknod has made.
		return os.NewSyscallError("chmod", unix.Fchmodat(parent, base, mode(h), 0))
	}
	return fmt.Errorf("unknown type %q of entry", h.Typeflag)
}

// mode returns the permissions of an entry, with the set-ID and sticky bits.
func mode(h *tar.Header) uint32 { return uint32(h.Mode & 0o7777) }

// file writes a regular file.
func (u *unpacking) file(parent int, base string, h *tar.Header, content io.Reader) error {
	if h.Size < 0 || h.Size > u.MaxBytes-u.bytes {
		return fmt.Errorf("the files of the image are larger than %d bytes", u.MaxBytes)
	}
	u.bytes += h.Size
	fd, err := unix.Openat(parent, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	return u.setMeta(fd, h)
}

// setMeta sets owner, permissions, attributes and time of an open file or directory. Setting
// the owner clears set-ID bits and capabilities.
func (u *unpacking) setMeta(fd int, h *tar.Header) error {
	if !u.Squash {
		uid, gid, err := owner(h)
		if err != nil {
			return err
		}
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return fmt.Errorf("chown to %d:%d: %w", uid, gid, err)
		}
	}
	if err := unix.Fchmod(fd, mode(h)); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	if err := u.setAttributes(fd, h); err != nil {
		return err
	}
	times := timesOf(h)
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(fd, "", times[:], unix.AT_EMPTY_PATH))
}

// setOwnerAndTime is setMeta for what can't be opened.
func (u *unpacking) setOwnerAndTime(parent int, base string, h *tar.Header) error {
	if !u.Squash {
		uid, gid, err := owner(h)
		if err != nil {
			return err
		}
		if err := unix.Fchownat(parent, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("chown to %d:%d: %w", uid, gid, err)
		}
	}
	times := timesOf(h)
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(parent, base, times[:], unix.AT_SYMLINK_NOFOLLOW))
}

func owner(h *tar.Header) (uid, gid int, err error) {
	if h.Uid < 0 || h.Uid >= math.MaxUint32 || h.Gid < 0 || h.Gid >= math.MaxUint32 {
		return 0, 0, fmt.Errorf("invalid owner %d:%d", h.Uid, h.Gid)
	}
	return h.Uid, h.Gid, nil
}

// timesOf returns the times of access and modification: images have only the latter.
func timesOf(h *tar.Header) [2]unix.Timespec {
	t, err := unix.TimeToTimespec(h.ModTime)
	if err != nil || h.ModTime.IsZero() {
		t = unix.Timespec{}
	}
	return [2]unix.Timespec{t, t}
}

const paxAttribute = "SCHILY.xattr."

// setAttributes sets the extended attributes that mean something in a container. Others are
// those of the file system and the security modules of the host on which the image was made.
func (u *unpacking) setAttributes(fd int, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxAttribute)
		if !ok {
			continue
		}
		isUser := strings.HasPrefix(name, "user.")
		isRoot := name == "security.capability" || name == "system.posix_acl_access" || name == "system.posix_acl_default"
		if !isUser && (!isRoot || u.Squash) {
			continue
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		if err == unix.ENOTSUP && isUser {
			continue // a file system without them, such as tmpfs
		}
		if err != nil {
			return fmt.Errorf("set the attribute %s: %w", name, err)
		}
	}
	return nil
}

// finishDirs sets owner, permissions and times of the directories of a tree, the deepest
// first. A directory that has been replaced or removed is left out.
func (u *unpacking) finishDirs(name string, n *node) error {
	for _, child := range slices.Sorted(maps.Keys(n.children)) { // the same result each time
		if err := u.finishDirs(path.Join(name, child), n.children[child]); err != nil {
			return err
		}
	}
	h := n.dir
	if h == nil {
		return nil
	}
	dir, err := u.openDir(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err == nil {
		err = u.setMeta(int(dir.Fd()), h)
		dir.Close()
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}
