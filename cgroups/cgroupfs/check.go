package cgroupfs

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// CheckCreate returns the error of creating a cgroup for a container at path,
// without creating it. A cgroup that exists must have no processes.
func CheckCreate(mount, path string) error {
	d := At(path)
	defer d.Close()
	switch err := unix.Access(path, unix.F_OK); err {
	case nil:
		pids, err := d.Pids()
		if err == nil && len(pids) > 0 {
			err = fmt.Errorf("container's cgroup is not empty: %d process(es) found", len(pids))
		}
		return err
	case unix.ENOENT:
	default:
		return fmt.Errorf("create cgroup %s: %w", path, Denied(err))
	}
	above := filepath.Dir(path)
	for len(above) > len(mount) && unix.Access(above, unix.F_OK) == unix.ENOENT {
		above = filepath.Dir(above)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, above, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("create cgroup %s: %s is not writable: %w", path, above, Denied(err))
	}
	return nil
}
