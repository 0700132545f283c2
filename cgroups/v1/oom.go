package v1

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/cgroups/stats"
)

// OOMWatch reports when memory runs out, by an eventfd that is registered with the
// cgroup (Documentation/admin-guide/cgroup-v1/memory.rst, 10).
type OOMWatch struct {
	dir   *cgroupfs.Dir
	event int
}

// WatchOOM starts a watch, which the caller closes. The error is fs.ErrNotExist
// without a memory controller.
func (m *Manager) WatchOOM() (*OOMWatch, error) {
	d := m.dir("memory")
	if d == nil {
		return nil, fmt.Errorf("cgroup controller memory is not available: no cgroup v1 hierarchy with it is mounted: %w", unix.ENOENT)
	}
	control, err := d.Open("memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open %s/memory.oom_control: %w", d.Path(), err)
	}
	// The registration doesn't need the descriptor any more.
	defer unix.Close(control)
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create an eventfd: %w", err)
	}
	if err := d.WriteFile("cgroup.event_control", fmt.Sprintf("%d %d", event, control)); err != nil {
		unix.Close(event)
		return nil, err
	}
	return &OOMWatch{dir: d, event: event}, nil
}

// Poll returns the descriptor and events to wait for with poll(2).
func (w *OOMWatch) Poll() unix.PollFd { return unix.PollFd{Fd: int32(w.event), Events: unix.POLLIN} }

// Happened reports whether memory ran out since the last call.
func (w *OOMWatch) Happened() (bool, error) {
	var count [8]byte
	_, err := unix.Read(w.event, count[:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read an eventfd: %w", err)
	}
	// Removing the cgroup is an event, too.
	_, err = w.dir.ReadFile("memory.oom_control")
	return err == nil, err
}

// Counts returns how many processes were killed, which is all that v1 counts.
func (w *OOMWatch) Counts() (map[string]uint64, error) {
	text, err := w.dir.ReadFile("memory.oom_control")
	if err != nil {
		return nil, err
	}
	return map[string]uint64{"oom_kill": stats.Keyed(text)["oom_kill"]}, nil
}

// WatchPressure registers a trigger with a file of the cgroup2 hierarchy of a hybrid host;
// see cgroups.Manager.
func (m *Manager) WatchPressure(file, trigger string) (int, error) {
	d := m.dir(Unified)
	if d == nil {
		return -1, fmt.Errorf("%s: pressure is measured by cgroup v2, which this host doesn't have: %w", file, unix.ENOENT)
	}
	return d.WatchPressure(file, trigger)
}

// Close ends the watch.
func (w *OOMWatch) Close() { unix.Close(w.event) }
