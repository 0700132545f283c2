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

// Freeze freezes all processes of the cgroup and below, and returns when they have
// stopped. After an error they are running again.
//
// The kernel doesn't report when it is done. A process that is being forked or
// joined, or one that waits uninterruptibly for a frozen child, leaves the cgroup
// partly frozen (FREEZING) for any time. Writing FROZEN again solves the first,
// thawing for a moment the second.
func (m *Manager) Freeze() error {
	d, err := m.freezerDir()
	if err != nil {
		return err
	}
	end := time.Now().Add(cgroupfs.FreezeTimeout)
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
			err := fmt.Errorf("freeze cgroup %s: not all processes stopped within %v", d.Path(), cgroupfs.FreezeTimeout)
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

// Thaw resumes the processes.
func (m *Manager) Thaw() error {
	d, err := m.freezerDir()
	if err != nil {
		return err
	}
	return d.WriteFile("freezer.state", "THAWED")
}

// Frozen reports whether freezing was requested for the cgroup itself. It wasn't for
// a cgroup that no longer exists or has no freezer.
func (m *Manager) Frozen() (bool, error) {
	d := m.dir(freezer)
	if d == nil {
		return false, nil
	}
	return isFrozen(d)
}

func isFrozen(d *cgroupfs.Dir) (bool, error) {
	text, err := d.ReadFile("freezer.self_freezing")
	if cgroupfs.IsGone(err) {
		return false, nil
	}
	return text == "1", err
}

// ThawKilled thaws the cgroup and those below it, if they are frozen: in v1 a frozen
// process doesn't exit, even if it is killed. A container that may write to its cgroups
// can freeze its processes in one of its own.
func (m *Manager) ThawKilled() error {
	d := m.dir(freezer)
	if d == nil {
		return nil
	}
	defer d.Close()
	return d.Each(func(one *cgroupfs.Dir) error {
		frozen, err := isFrozen(one)
		if err == nil && frozen {
			err = one.WriteFile("freezer.state", "THAWED")
		}
		if cgroupfs.IsGone(err) {
			return nil
		}
		return err
	})
}

// Kill sends a signal to every process of the cgroup and below, including those that
// are forked at the same time.
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
			return m.ThawKilled()
		}
	}
	d, err := m.members()
	if err != nil {
		return err
	}
	defer d.Close()
	frozen := before || m.Freeze() == nil
	_, err = d.Signal(sig, frozen && d == m.dir(freezer))
	switch {
	case sig == unix.SIGKILL:
		err = errors.Join(err, m.ThawKilled())
	case frozen && !before:
		if err2 := m.Thaw(); !cgroupfs.IsGone(err2) {
			err = errors.Join(err, err2)
		}
	}
	if err == nil && sig == unix.SIGKILL && !frozen {
		err = killForks(d)
	}
	return err
}

// killUnified kills through the cgroup2 hierarchy of a hybrid host, in one step and
// without freezing. It reports whether the host can do that (Linux 5.14).
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

// killForks kills until no process is left, for a cgroup that can't be frozen while
// its processes fork.
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
