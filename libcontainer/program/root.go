package program

import (
	"errors"
	"os"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

func openRoot(rootfs string) (*os.File, error) {
	fd, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), rootfs), nil
}

// Stat returns the status of what a process with its root at root finds at name.
// Links of the image are followed within the root. Errors are errnos.
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

// openInRoot returns a handle with O_PATH. The image is hostile: nothing of it is
// opened for reading before it has been seen to be a regular file.
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

// errnoOf returns the errno in an error of a lookup, or else the error.
func errnoOf(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// headSize is enough for a #! line and for the program headers of an ELF file.
const headSize = 4096

// readHead reads the beginning of a file of the rootfs; nil if that can't be done.
func readHead(rootfs, name string) []byte {
	file, err := openInRoot(rootfs, name)
	if err != nil {
		return nil
	}
	defer file.Close()
	return headOf(file)
}

// headOf reads the beginning of the regular file behind a handle with O_PATH.
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
