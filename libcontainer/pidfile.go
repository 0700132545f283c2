package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// writePidFile writes pid to a file and renames it to path, so that a reader never sees
// an incomplete file.
func writePidFile(path string, pid int) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC
	fd, err := unix.Open(temporary, flags, 0o666)
	if err == unix.EEXIST { // left behind by a command that was killed
		_ = os.Remove(temporary)
		fd, err = unix.Open(temporary, flags, 0o666)
	}
	if err != nil {
		return &os.PathError{Op: "pid file", Path: path, Err: err}
	}
	_, err = unix.Write(fd, []byte(strconv.Itoa(pid)))
	err = errors.Join(err, unix.Close(fd))
	if err == nil {
		err = unix.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("pid file %s: %w", path, err)
	}
	return nil
}
