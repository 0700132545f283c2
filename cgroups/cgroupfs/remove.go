package cgroupfs

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A Waiter waits until a cgroup may have become empty, for at most the given time.
// v2 has an event for that, v1 has none and sleeps.
type Waiter func(d *Dir, most time.Duration)

// Sleep is the Waiter of hierarchies without such an event.
func Sleep(_ *Dir, most time.Duration) { time.Sleep(most) }

// Remove removes the cgroup and those below it, leaves first. A cgroup that doesn't
// exist is no error. Remove waits for a busy one until end, because a killed
// process leaves its cgroup some time after the signal. The error names the
// processes that are still there.
func (d *Dir) Remove(end time.Time, wait Waiter) error {
	// For most containers one rmdir is sufficient.
	err := unix.Rmdir(d.path)
	if err == nil || IsGone(err) {
		return nil
	}
	defer d.Close()
	return d.retry(end, wait, func() error {
		if err := d.removeBelow(); err != nil {
			return err
		}
		return d.removed(unix.Rmdir(d.path))
	})
}

// RemoveBelow removes all cgroups below this one as Remove does, and keeps this one.
func (d *Dir) RemoveBelow(end time.Time, wait Waiter) error {
	return d.retry(end, wait, d.removeBelow)
}

// retry repeats a removal until no cgroup is busy any more, or until end.
func (d *Dir) retry(end time.Time, wait Waiter, remove func() error) error {
	for pause := 100 * time.Microsecond; ; pause *= 2 {
		err := remove()
		left := time.Until(end)
		if !isBusy(err) || left <= 0 {
			return err
		}
		wait(d, min(pause, left))
	}
}

// removeBelow removes the cgroups below this one that aren't busy, and returns the error
// of the first one that is.
func (d *Dir) removeBelow() error {
	var busy error
	err := d.walk(nil, func(below *Dir, parent int, name string) error {
		err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
		if isBusy(err) && busy != nil {
			return nil
		}
		err = below.removed(err)
		if isBusy(err) {
			busy = err
			return nil
		}
		return err
	})
	return cmp.Or(err, busy)
}

func isBusy(err error) bool {
	return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOTEMPTY)
}

// removed returns the error for the result of removing this cgroup.
func (d *Dir) removed(err error) error {
	if err == nil || IsGone(err) {
		return nil
	}
	if pids, _ := d.OwnPids(); err == unix.EBUSY && len(pids) > 0 {
		return fmt.Errorf("remove cgroup %s: process %s still in it: %w", d.path, Describe(pids), err)
	}
	return fmt.Errorf("remove cgroup %s: %w", d.path, Denied(err))
}

// RemoveAll removes the directories that [Dir.Mkdir] has created, the last one
// first. Those that others use by now stay, which is no error.
func RemoveAll(created []string) {
	for i := len(created) - 1; i >= 0; i-- {
		unix.Rmdir(created[i])
	}
}
