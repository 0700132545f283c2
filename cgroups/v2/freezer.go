package v2

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
)

// Freeze freezes all processes of the cgroup and below, and returns when they have
// stopped. After an error they are running again.
func (m *Manager) Freeze() error {
	if err := m.dir.WriteFile("cgroup.freeze", "1"); err != nil {
		return err
	}
	ok, err := waitEvent(m.dir, "frozen", "1", cgroupfs.FreezeTimeout)
	if err == nil && ok {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("freeze cgroup %s: not all processes stopped within %v", m.dir.Path(), cgroupfs.FreezeTimeout)
	}
	return errors.Join(err, m.Thaw())
}

// Thaw resumes the processes.
func (m *Manager) Thaw() error { return m.dir.WriteFile("cgroup.freeze", "0") }

// Frozen reports whether freezing was requested for the cgroup itself. It wasn't for
// a cgroup that no longer exists.
func (m *Manager) Frozen() (bool, error) {
	text, err := m.dir.ReadFile("cgroup.freeze")
	if cgroupfs.IsGone(err) {
		return false, nil
	}
	return text == "1", err
}

// ThawKilled thaws the cgroup if it is frozen. Those below it don't matter: in v2 a frozen
// process that is killed exits.
func (m *Manager) ThawKilled() error {
	frozen, err := m.Frozen()
	if err != nil || !frozen {
		return err
	}
	return m.Thaw()
}

// Kill sends a signal to every process of the cgroup and below, including those that
// are forked at the same time.
func (m *Manager) Kill(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		// Since Linux 5.14; a threaded cgroup doesn't support it.
		err := m.dir.WriteFile("cgroup.kill", "1")
		if err == nil || !cgroupfs.IsGone(err) && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	before, err := m.Frozen()
	if err != nil {
		return err
	}
	frozen := before || m.Freeze() == nil
	_, err = m.dir.Signal(sig, frozen)
	if frozen && !before {
		if err2 := m.Thaw(); !cgroupfs.IsGone(err2) {
			err = errors.Join(err, err2)
		}
	}
	return err
}

// waitEmpty waits until no process is left in a cgroup and below.
func waitEmpty(d *cgroupfs.Dir, most time.Duration) {
	// After a failure, removing the cgroup fails.
	_, _ = waitEvent(d, "populated", "0", most)
}

// waitEvent waits until a key of cgroup.events has a value, and reports whether that
// happened in time. poll(2) returns at each change since the last read, so that no
// change is missed in between.
func waitEvent(d *cgroupfs.Dir, key, value string, most time.Duration) (bool, error) {
	fd, err := d.Open("cgroup.events", unix.O_RDONLY)
	if err != nil {
		return false, fmt.Errorf("open %s/cgroup.events: %w", d.Path(), err)
	}
	defer unix.Close(fd)
	end := time.Now().Add(most)
	buf := make([]byte, 256)
	for {
		n, err := unix.Pread(fd, buf, 0)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("read %s/cgroup.events: %w", d.Path(), err)
		}
		if event(string(buf[:max(n, 0)]), key) == value {
			return true, nil
		}
		left := time.Until(end)
		if left <= 0 {
			return false, nil
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if _, err := unix.Poll(fds, int(left/time.Millisecond)+1); err != nil && err != unix.EINTR {
			return false, fmt.Errorf("poll %s/cgroup.events: %w", d.Path(), err)
		}
	}
}

// event returns the value of a key of a flat keyed file.
func event(text, key string) string {
	for line := range strings.Lines(text) {
		k, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if k == key {
			return value
		}
	}
	return ""
}
