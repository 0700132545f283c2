package program

import (
	"errors"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// openRoot opens a rootfs with O_PATH.
func openRoot(rootfs string) (*os.File, error) {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rootfs), nil
}

// Stat returns the status of the file that a process whose root directory is root finds
// at name. It follows symbolic links within root. The error is an errno.
func Stat(root, name string) (st unix.Stat_t, err error) {
	file, err := openInRoot(root, name)
	if err != nil {
		return st, err
	}
	defer file.Close()
	return st, unix.Fstat(int(file.Fd()), &st)
}

func exists(root, name string) bool {
	_, err := Stat(root, name)
	return err == nil
}

// openInRoot opens name with O_PATH. The image is hostile: no file of it is opened for
// reading before it is known to be a regular file.
func openInRoot(root, name string) (*os.File, error) {
	dir, err := openRoot(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	file, err := pathrs.OpenatInRoot(dir, name)
	if err != nil {
		return nil, errnoOf(err)
	}
	return file, nil
}

// errnoOf returns the errno in the error of a lookup; without one, the error itself.
func errnoOf(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// headSize is enough, in bytes, for a #! line and for the program headers of an ELF
// file.
const headSize = 4096

// readHead returns the beginning of a file of the rootfs; nil if it can't be read.
func readHead(rootfs, name string) []byte {
	file, err := openInRoot(rootfs, name)
	if err != nil {
		return nil
	}
	defer file.Close()
	return headOf(file)
}

// headOf returns the beginning of a regular file, given a handle with O_PATH; nil if it
// isn't one or can't be read.
func headOf(handle *os.File) []byte {
	var st unix.Stat_t
	if unix.Fstat(int(handle.Fd()), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	file, err := pathrs.Reopen(handle, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil
	}
	defer file.Close()
	head := make([]byte, headSize)
	n, err := unix.Read(int(file.Fd()), head)
	if err != nil || n < 0 {
		return nil
	}
	return head[:n]
}
