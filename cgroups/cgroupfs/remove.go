package cgroupfs

import (
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
	return d.remove(end, wait, func() error { return unix.Rmdir(d.path) })
}

func (d *Dir) remove(end time.Time, wait Waiter, rmdir func() error) error {
	// For most containers one rmdir is sufficient.
	err := rmdir()
	if err == nil || IsGone(err) {
		return nil
	}
	defer d.Close()
	for pause := 100 * time.Microsecond; err == unix.EBUSY || err == unix.ENOTEMPTY; pause *= 2 {
		if err := d.RemoveBelow(end, wait); err != nil {
			return err
		}
		err = rmdir()
		left := time.Until(end)
		if err != unix.EBUSY || left <= 0 {
			break
		}
		wait(d, min(pause, left))
	}
	if err == nil || IsGone(err) {
		return nil
	}
	if pids, _ := d.Pids(); err == unix.EBUSY && len(pids) > 0 {
		return fmt.Errorf("remove cgroup %s: process %s still in it: %w", d.path, Describe(pids), err)
	}
	return fmt.Errorf("remove cgroup %s: %w", d.path, Denied(err))
}

// RemoveBelow removes all cgroups below this one, and keeps this one. They are
// opened relative to their parents and not by path, because a container that may
// create cgroups can nest them deeper than a path may be long.
func (d *Dir) RemoveBelow(end time.Time, wait Waiter) error {
	children, err := d.Children()
	if err != nil {
		return err
	}
	for _, name := range children {
		child, err := d.child(name)
		if IsGone(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open cgroup %s/%s: %w", d.path, name, err)
		}
		err = child.remove(end, wait, func() error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
		child.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll removes the directories that [Dir.Mkdir] has created, the last one
// first. Those that others use by now stay, which is no error.
func RemoveAll(created []string) {
	for i := len(created) - 1; i >= 0; i-- {
		unix.Rmdir(created[i])
	}
}
