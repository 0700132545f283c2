package v1

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

const freezer = "freezer"

// freezerDir returns the cgroup of the freezer.
func (m *Manager) freezerDir() (*cgroupfs.Dir, error) {
	d := m.dir(freezer)
	if d == nil {
		return nil, fmt.Errorf("cgroup controller %s is not available: no cgroup v1 hierarchy with it is mounted: %w", freezer, unix.ENOENT)
	}
	return d, nil
}

// Freeze stops all processes of the cgroup and below and returns when they
// stand still. After an error they are running again.
//
// The kernel tells nothing when it is done. A process that is just being
// forked or joined, or one that waits in a way that can't be frozen for a
// child that can, leaves the cgroup half frozen (FREEZING) for any time;
// asking again settles the first, and letting go for a moment the second.
func (m *Manager) Freeze() error {
	d, err := m.freezerDir()
	if err != nil {
		return err
	}
	end := time.Now().Add(cgroupfs.Deadline)
	pause := 10 * time.Microsecond
	for round := 1; ; round++ {
		if err := d.WriteFile("freezer.state", "FROZEN"); err != nil {
			return errors.Join(err, m.Thaw())
		}
		state, err := d.ReadFile("freezer.state")
		if err != nil {
			return errors.Join(err, m.Thaw())
		}
		if state == "FROZEN" {
			return nil
		}
		if time.Now().After(end) {
			err := fmt.Errorf("freeze cgroup %s: not all processes stopped within %v", d.Path(), cgroupfs.Deadline)
			return errors.Join(err, m.Thaw())
		}
		if round%20 == 0 {
			if err := m.Thaw(); err != nil {
				return err
			}
		}
		time.Sleep(pause)
		pause = min(2*pause, 10*time.Millisecond)
	}
}

// Thaw lets the processes go on.
func (m *Manager) Thaw() error {
	d, err := m.freezerDir()
	if err != nil {
		return err
	}
	return d.WriteFile("freezer.state", "THAWED")
}

// Frozen reports whether the cgroup itself was told to freeze; one that is
// gone, or has no freezer, wasn't.
func (m *Manager) Frozen() (bool, error) {
	d := m.dir(freezer)
	if d == nil {
		return false, nil
	}
	text, err := d.ReadFile("freezer.self_freezing")
	if cgroupfs.IsGone(err) {
		return false, nil
	}
	return text == "1", err
}

// Kill sends a signal to every process of the cgroup and below, also to
// those that are forked meanwhile.
func (m *Manager) Kill(sig unix.Signal) error {
	before, err := m.Frozen()
	if err != nil {
		return err
	}
	if sig == unix.SIGKILL {
		done, err := m.killUnified()
		if err != nil {
			return err
		}
		if done {
			return m.thawKilled(before)
		}
	}
	d, err := m.members()
	if err != nil {
		return err
	}
	defer d.Close()
	frozen := before || m.Freeze() == nil
	_, err = d.Signal(sig, frozen && d == m.dir(freezer))
	if frozen && (!before || sig == unix.SIGKILL) {
		// A frozen process of v1 doesn't even die.
		err = errors.Join(err, m.thawKilled(true))
	}
	if err == nil && sig == unix.SIGKILL && !frozen {
		err = killForks(d)
	}
	return err
}

// killUnified kills by the cgroup2 hierarchy of a hybrid host, at once and
// without freezing. It reports whether there is such a thing (Linux 5.14).
func (m *Manager) killUnified() (bool, error) {
	d := m.dir(Unified)
	if d == nil {
		return false, nil
	}
	err := d.WriteFile("cgroup.kill", "1")
	if cgroupfs.IsGone(err) {
		return false, nil
	}
	return err == nil, err
}

// thawKilled lets frozen processes go on, to their end or not.
func (m *Manager) thawKilled(frozen bool) error {
	if !frozen {
		return nil
	}
	if err := m.Thaw(); !cgroupfs.IsGone(err) {
		return err
	}
	return nil
}

// killForks goes on killing where nothing could be frozen, until no process
// shows up that wasn't there before.
func killForks(d *cgroupfs.Dir) error {
	for range 100 {
		sent, err := d.Signal(unix.SIGKILL, false)
		if err != nil || sent == 0 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	pids, err := d.Pids()
	if err == nil && len(pids) > 0 {
		err = fmt.Errorf("kill the processes of cgroup %s: %s still there", d.Path(), cgroupfs.Describe(pids))
	}
	return err
}
