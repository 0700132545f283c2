package cgroupfs

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CheckCreate returns the error of creating a cgroup for a container at path,
// without creating it. A cgroup that exists must have no processes.
func CheckCreate(mount, path string) error {
	if err := CheckWritable(mount, path); err != nil {
		return err
	}
	d := At(path)
	defer d.Close()
	return d.CheckEmpty()
}

// CheckWritable returns the error of a user who may not create a cgroup at path, or who
// may not use the one that is there.
func CheckWritable(mount, path string) error {
	nearest := path
	for {
		err := unix.Faccessat(unix.AT_FDCWD, nearest, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
		switch {
		case err == nil:
			return nil
		case err == unix.ENOENT && len(nearest) > len(mount):
			nearest = filepath.Dir(nearest)
		case nearest == path:
			return fmt.Errorf("use cgroup %s, which exists: %w", path, Denied(err))
		default:
			return fmt.Errorf("create cgroup %s: %s is not writable: %w", path, nearest, Denied(err))
		}
	}
}

// CheckEmpty refuses a cgroup with processes, because limits, signals and removal would
// affect those, too. One that doesn't exist is empty.
func (d *Dir) CheckEmpty() error {
	pids, err := d.Pids()
	if err == nil && len(pids) > 0 {
		err = fmt.Errorf("container's cgroup is not empty: %d process(es) found", len(pids))
	}
	return err
}
