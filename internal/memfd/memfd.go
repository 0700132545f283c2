// Package memfd creates files that exist only in memory, memfd_create(2). The content
// of a sealed file can't be changed through any descriptor.
package memfd

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Create returns an empty file, close-on-exec, which can be sealed. The caller closes
// it.
func Create(name string) (int, error) {
	return create(name, 0)
}

// Sealed returns a sealed file with the content, positioned at its start and
// close-on-exec. The caller closes it.
func Sealed(name, content string) (int, error) {
	fd, err := create(name, 0)
	if err != nil {
		return -1, err
	}
	return fill(fd, name, content)
}

// SealedExecutable returns a file as Sealed does, which can be executed as
// /proc/self/fd/N.
func SealedExecutable(name, content string) (int, error) {
	fd, err := create(name, unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		// Kernels before 6.3 don't know the flag, and let every file be executed.
		fd, err = create(name, 0)
	}
	if err != nil {
		return -1, err
	}
	return fill(fd, name, content)
}

// Write writes content from the start of the file. It doesn't change the file's
// position.
func Write(fd int, content string) error {
	// The bytes of the string aren't copied, as in os.File.WriteString, because an
	// executable has megabytes.
	left := unsafe.Slice(unsafe.StringData(content), len(content))
	for at := int64(0); len(left) > 0; {
		n, err := unix.Pwrite(fd, left, at)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write a file in memory: %w", err)
		}
		left, at = left[n:], at+int64(n)
	}
	return nil
}

// Seal makes the content, the length and the seals of the file immutable.
func Seal(fd int) error {
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("seal a file in memory: %w", err)
	}
	return nil
}

func create(name string, flags int) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|flags)
	if err != nil {
		return -1, fmt.Errorf("memfd_create: %w", err)
	}
	return fd, nil
}

// fill writes content to the file and seals it. It closes the file if there is an
// error.
func fill(fd int, name, content string) (int, error) {
	err := Write(fd, content)
	if err == nil {
		err = Seal(fd)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	return fd, nil
}
