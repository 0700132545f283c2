package criu

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
)

// DescriptorsName is the file beside the images of criu with the names that the standard
// streams of the container had, a JSON array; runc writes and reads it, too.
const DescriptorsName = "descriptors.json"

// maxDescriptors is the size, in bytes, that the file has at most.
const maxDescriptors = 4096

// StreamKey returns the name under which criu knows an open file that isn't part of the
// container: a pipe, a terminal of the host, or a file. It is "" for other kinds, which criu
// restores by itself or not at all.
func StreamKey(fd int) string {
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_MNT_ID, &st) != nil {
		return ""
	}
	isNamed := false // a FIFO in a file system
	if st.Mode&unix.S_IFMT == unix.S_IFIFO {
		var fs unix.Statfs_t
		isNamed = unix.Fstatfs(fd, &fs) == nil && fs.Type != unix.PIPEFS_MAGIC
	}
	return streamKey(&st, isNamed)
}

func streamKey(st *unix.Statx_t, isNamed bool) string {
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFIFO && !isNamed:
		return fmt.Sprintf("pipe:[%d]", st.Ino)
	case st.Mode&unix.S_IFMT == unix.S_IFIFO || st.Mode&unix.S_IFMT == unix.S_IFREG:
		return fmt.Sprintf("file[%x:%x]", st.Mnt_id, st.Ino)
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && isTerminal(st.Rdev_major):
		return fmt.Sprintf("tty[%x:%x]", unix.Mkdev(st.Rdev_major, st.Rdev_minor), unix.Mkdev(st.Dev_major, st.Dev_minor))
	}
	return ""
}

// isTerminal reports whether a major number is that of a terminal in devpts.
func isTerminal(major uint32) bool { return major >= 136 && major <= 143 }

// IsExternal reports whether a key has to be told to criu when it dumps. Pipes are part of
// a checkpoint, with what is in them.
func IsExternal(key string) bool {
	return strings.HasPrefix(key, "file[") || strings.HasPrefix(key, "tty[")
}

// isKey reports whether text has the form of a key of StreamKey.
func isKey(text string) bool {
	var a, b uint64
	for _, format := range [...]string{"pipe:[%d]", "socket:[%d]"} {
		if n, _ := fmt.Sscanf(text, format, &a); n == 1 && fmt.Sprintf(format, a) == text {
			return true
		}
	}
	for _, format := range [...]string{"file[%x:%x]", "tty[%x:%x]"} {
		if n, _ := fmt.Sscanf(text, format, &a, &b); n == 2 && fmt.Sprintf(format, a, b) == text {
			return true
		}
	}
	return false
}

// WriteDescriptors writes DescriptorsName into a directory of images.
func WriteDescriptors(images int, keys []string) error {
	content, err := json.Marshal(append([]string{}, keys...)) // not null
	if err != nil {
		return err
	}
	fd, err := unix.Openat(images, DescriptorsName, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	err = rawio.WriteAll(fd, content)
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	return nil
}

// ReadDescriptors reads DescriptorsName: the keys of the descriptors 0 to 2, "" for those
// that need nothing. It returns none if there is no such file. What isn't a key is an
// error, unless it is the path of a file, as in checkpoints of runc.
func ReadDescriptors(images int) ([]string, error) {
	fd, err := unix.Openat(images, DescriptorsName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > maxDescriptors {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", DescriptorsName, maxDescriptors)
	}
	content, err := rawio.ReadAll(fd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	return parseDescriptors(content)
}

func parseDescriptors(content []byte) ([]string, error) {
	var keys []string
	if err := json.Unmarshal(content, &keys); err != nil {
		return nil, fmt.Errorf("%s: %w", DescriptorsName, err)
	}
	if len(keys) > 3 {
		return nil, fmt.Errorf("%s: it has %d descriptors, and only 0, 1 and 2 can be named", DescriptorsName, len(keys))
	}
	for i, key := range keys {
		switch {
		case isKey(key):
		case key == "" || filepath.IsAbs(key):
			keys[i] = ""
		default:
			return nil, fmt.Errorf("%s: descriptor %d: %q isn't the name of a pipe, a terminal or a file", DescriptorsName, i, key)
		}
	}
	return keys, nil
}

// maxParents is how many earlier checkpoints an iterative one has at most.
const maxParents = 128

// CheckImages returns an error if other users than root and this one could have written the
// images in a directory, or those of the earlier checkpoints that it builds on: criu makes
// of them whatever processes they describe, with any privilege.
func CheckImages(path string, images int) error {
	dir := images
	for depth := 0; ; depth++ {
		if err := checkFiles(path, dir); err != nil {
			return err
		}
		parent, err := unix.Openat(dir, "parent", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if dir != images {
			unix.Close(dir)
		}
		if err == unix.ENOENT {
			return nil
		}
		path += "/parent"
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if depth == maxParents {
			unix.Close(parent)
			return fmt.Errorf("%s: more than %d earlier checkpoints", path, maxParents)
		}
		dir = parent
	}
}

// CheckDir returns an error if other users than root and this one may write to a directory:
// they could have criu follow their symbolic links.
func CheckDir(path string, dir int) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := checkOwner(&st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// checkFiles checks a directory and the files in it.
func checkFiles(path string, dir int) error {
	if err := CheckDir(path, dir); err != nil {
		return err
	}
	var st unix.Stat_t
	names, err := rawio.Names("/proc/self/fd/" + strconv.Itoa(dir))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range names {
		if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return &fs.PathError{Op: "stat", Path: path + "/" + name, Err: err}
		}
		// A symbolic link has no mode of its own.
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			st.Mode = 0
		}
		if err := checkOwner(&st); err != nil {
			return fmt.Errorf("%s/%s: %w", path, name, err)
		}
	}
	return nil
}

// OpenDir opens a directory of images. It creates it with a mode, unless that is 0; those
// above it are created for this user alone. The caller closes the descriptor.
func OpenDir(path string, mode fs.FileMode) (int, error) {
	if mode != 0 {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return -1, err
		}
		if err := unix.Mkdir(path, uint32(mode)); err != nil && err != unix.EEXIST {
			return -1, &fs.PathError{Op: "mkdir", Path: path, Err: err}
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}
