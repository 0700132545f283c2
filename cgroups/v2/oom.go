package v2

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/stats"
)

// OOMWatch reports when the OOM killer has killed a process of the cgroup or below:
// poll(2) on memory.events returns at each change.
type OOMWatch struct {
	fd    int
	path  string
	kills uint64
}

// WatchOOM starts a watch, which the caller closes. The error is fs.ErrNotExist
// without a memory controller.
func (m *Manager) WatchOOM() (*OOMWatch, error) {
	w := &OOMWatch{path: m.dir.Path() + "/memory.events"}
	var err error
	if w.fd, err = m.dir.Open("memory.events", unix.O_RDONLY); err != nil {
		return nil, fmt.Errorf("open %s: %w", w.path, err)
	}
	if _, err = w.Happened(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Poll returns the descriptor and events to wait for with poll(2).
func (w *OOMWatch) Poll() unix.PollFd { return unix.PollFd{Fd: int32(w.fd), Events: unix.POLLPRI} }

// Happened reports whether a process was killed since the last call.
func (w *OOMWatch) Happened() (bool, error) {
	counts, err := w.Counts()
	if err != nil {
		return false, err
	}
	kills := counts["oom_kill"]
	more := kills > w.kills
	w.kills = kills
	return more, nil
}

// Counts returns the content of memory.events.
func (w *OOMWatch) Counts() (map[string]uint64, error) {
	buf := make([]byte, 1024)
	n, err := unix.Pread(w.fd, buf, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", w.path, err)
	}
	return stats.Keyed(string(buf[:n])), nil
}

// Close ends the watch.
func (w *OOMWatch) Close() { unix.Close(w.fd) }

// WatchPressure registers a trigger with a file of the cgroup; see cgroups.Manager.
func (m *Manager) WatchPressure(file, trigger string) (int, error) {
	return m.dir.WatchPressure(file, trigger)
}
