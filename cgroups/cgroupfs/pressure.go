package cgroupfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// WatchPressure registers a trigger with a pressure file, which lasts as long as the
// descriptor is open.
func (d *Dir) WatchPressure(file, trigger string) (int, error) {
	fd, err := d.Open(file, unix.O_RDWR|unix.O_NONBLOCK)
	if err == nil {
		// The kernel expects the NUL.
		if _, err = unix.Write(fd, append([]byte(trigger), 0)); err != nil {
			unix.Close(fd)
		}
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOENT):
		return -1, fmt.Errorf("%s/%s: this kernel has no PSI, or it is disabled (boot with psi=1): %w", d.path, file, unix.ENOENT)
	}
	return -1, fmt.Errorf("write %q to %s/%s: %w", trigger, d.path, file, Denied(err))
}
