package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/libcontainer/resctrl"
)

// Event is one line of `runnel events`, in the JSON of runc that containerd's shim and
// others decode.
type Event struct {
	// Type is "stats", or "oom" if the kernel has killed a process of the container
	// because of a lack of memory.
	Type string `json:"type"`
	// ID is the container's id.
	ID string `json:"id"`
	// Data is the container's resource usage, for "stats" only.
	Data *Usage `json:"data,omitempty"`
}

// The values of Event.Type.
const (
	statsEvent = "stats"
	oomEvent   = "oom"
)

// Usage is the resource usage of a container.
type Usage struct {
	*cgroups.Stats
	IntelRdt resctrl.Stats `json:"intel_rdt"`
	// Interfaces is always null: the container's network devices belong to whoever has
	// set them up.
	Interfaces *struct{} `json:"network_interfaces"`
}

// Stats returns the container's current resource usage, as an Event of type "stats". It
// returns an error if the container isn't created, running or paused, or if it has no
// cgroup.
func (c *Container) Stats() (*Event, error) {
	m, err := c.liveManager()
	if err != nil {
		return nil, err
	}
	return c.stats(m)
}

func (c *Container) stats(m cgroups.Manager) (*Event, error) {
	used, err := m.Stats()
	if err != nil {
		return nil, fmt.Errorf("statistics of %s: %w", c.dir.ID(), err)
	}
	return &Event{Type: statsEvent, ID: c.dir.ID(), Data: &Usage{Stats: used, IntelRdt: resctrl.Host.Stats(c.state.IntelRdt)}}, nil
}

// liveManager returns the manager of the container's cgroup; it is an error if the
// container has stopped or has no cgroup.
func (c *Container) liveManager() (cgroups.Manager, error) {
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	if status == Stopped || status == Creating {
		return nil, fmt.Errorf("container with id %s is not running", c.dir.ID())
	}
	m := c.manager()
	if m == nil {
		return nil, errors.New("the container has no cgroup of its own to read statistics from")
	}
	c.runtime.debugf("events %s: statistics of cgroup %v", c.dir.ID(), c.state.Cgroup.Paths)
	return m, nil
}

// Events calls emit with the container's resource usage after each interval, and with
// an "oom" event when the kernel kills a process of the container because of a lack of
// memory. It returns nil when the container's init has ended, or the error of emit. The
// interval must be positive. Errors are otherwise those of Stats.
func (c *Container) Events(interval time.Duration, emit func(*Event) error) error {
	m, err := c.liveManager()
	if err != nil {
		return err
	}
	pidfd, err := c.state.OpenProcess()
	if errors.Is(err, ErrNotRunning) {
		return fmt.Errorf("container with id %s is not running", c.dir.ID())
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	w := watcher{container: c, manager: m, pidfd: pidfd, emit: emit}
	defer w.close()
	w.oom, err = m.WatchOOM()
	if errors.Is(err, fs.ErrNotExist) {
		c.runtime.warn(fmt.Sprintf("no event will report a lack of memory: %v", err))
	} else if err != nil {
		return fmt.Errorf("events of %s: %w", c.dir.ID(), err)
	}
	return w.run(interval)
}

// watcher is the state of one call of Events.
type watcher struct {
	container *Container
	manager   cgroups.Manager
	pidfd     int
	oom       cgroups.OOMWatch // nil without a memory controller
	emit      func(*Event) error
}

func (w *watcher) close() {
	if w.oom != nil {
		w.oom.Close()
		w.oom = nil
	}
}

func (w *watcher) run(interval time.Duration) error {
	for next := time.Now().Add(interval); ; {
		hasEnded, err := w.wait(time.Until(next))
		if err != nil {
			return err
		}
		// Also when init has ended: the lack of memory may be the reason.
		if err := w.emitOOM(); err != nil || hasEnded {
			return err
		}
		if time.Now().Before(next) {
			continue
		}
		if err := w.emitStats(); err != nil {
			return err
		}
		// Intervals that have passed while this process was stopped are skipped.
		for !next.After(time.Now()) {
			next = next.Add(interval)
		}
	}
}

// wait waits for an OOM kill or for the end of init, at most for the timeout. It reports
// whether init has ended.
func (w *watcher) wait(timeout time.Duration) (hasEnded bool, err error) {
	fds := []unix.PollFd{{Fd: int32(w.pidfd), Events: unix.POLLIN}}
	if w.oom != nil {
		fds = append(fds, w.oom.Poll())
	}
	// At most an hour, because a number of days doesn't fit into poll's argument.
	milliseconds := min(max(timeout, 0), time.Hour)/time.Millisecond + 1
	if _, err := unix.Poll(fds, int(milliseconds)); err != nil && err != unix.EINTR {
		return false, fmt.Errorf("events of %s: poll: %w", w.container.dir.ID(), err)
	}
	return fds[0].Revents != 0, nil
}

// emitOOM emits an event if the kernel has killed a process since the last call.
func (w *watcher) emitOOM() error {
	if w.oom == nil {
		return nil
	}
	happened, err := w.oom.Happened()
	switch {
	case cgroups.IsGone(err):
		// Init has ended or is about to; the next wait reports that.
		w.close()
		return nil
	case err != nil:
		return fmt.Errorf("events of %s: %w", w.container.dir.ID(), err)
	case happened:
		return w.emit(&Event{Type: oomEvent, ID: w.container.dir.ID()})
	}
	return nil
}

// emitStats emits the resource usage.
func (w *watcher) emitStats() error {
	event, err := w.container.stats(w.manager)
	if cgroups.IsGone(err) {
		return nil // as in emitOOM
	}
	if err != nil {
		return err
	}
	return w.emit(event)
}
