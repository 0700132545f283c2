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

// Event is one line of `events`, in the JSON of runc that containerd's shim
// and others decode.
type Event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data *Usage `json:"data,omitempty"` // with statsEvent only
}

// The types of events.
const (
	statsEvent = "stats"
	oomEvent   = "oom" // a process was killed for want of memory
)

// Usage is what a container uses.
type Usage struct {
	*cgroups.Stats
	IntelRdt resctrl.Stats `json:"intel_rdt"`
	// Interfaces is null: a container's network belongs to who has set it up.
	Interfaces *struct{} `json:"network_interfaces"`
}

// Stats reads what the container uses at the moment.
func (c *Container) Stats() (*Event, error) {
	m, err := c.watched()
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

// watched is the manager of a container that has something to tell.
func (c *Container) watched() (cgroups.Manager, error) {
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
	return m, nil
}

// Events tells what the container uses after each interval, and at once when a
// process of it is killed for want of memory. It returns when the container's
// init has ended, or with the error of tell.
func (c *Container) Events(interval time.Duration, tell func(*Event) error) error {
	m, err := c.watched()
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
	w := watcher{container: c, manager: m, pidfd: pidfd, tell: tell}
	defer w.close()
	w.oom, err = m.WatchOOM()
	if errors.Is(err, fs.ErrNotExist) {
		c.runtime.warn(fmt.Sprintf("no event will tell of a lack of memory: %v", err))
	} else if err != nil {
		return fmt.Errorf("events of %s: %w", c.dir.ID(), err)
	}
	return w.run(interval)
}

// watcher is one Events.
type watcher struct {
	container *Container
	manager   cgroups.Manager
	pidfd     int
	oom       cgroups.OOMWatch // nil without a memory controller
	tell      func(*Event) error
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
		// Also after init's end: that may be what happened.
		if err := w.tellOOM(); err != nil || hasEnded {
			return err
		}
		if time.Now().Before(next) {
			continue
		}
		if err := w.tellStats(); err != nil {
			return err
		}
		// Intervals that have passed meanwhile, in a stopped runtime, are left out.
		for !next.After(time.Now()) {
			next = next.Add(interval)
		}
	}
}

// wait returns when something has happened or the time is over.
func (w *watcher) wait(most time.Duration) (hasEnded bool, err error) {
	fds := []unix.PollFd{{Fd: int32(w.pidfd), Events: unix.POLLIN}}
	if w.oom != nil {
		fds = append(fds, w.oom.Poll())
	}
	// A duration of days would not fit.
	milliseconds := min(max(most, 0), time.Hour)/time.Millisecond + 1
	if _, err := unix.Poll(fds, int(milliseconds)); err != nil && err != unix.EINTR {
		return false, fmt.Errorf("events of %s: poll: %w", w.container.dir.ID(), err)
	}
	return fds[0].Revents != 0, nil
}

func (w *watcher) tellOOM() error {
	if w.oom == nil {
		return nil
	}
	happened, err := w.oom.Happened()
	switch {
	case cgroups.IsGone(err):
		// Init has ended, which the next wait sees, or is about to.
		w.close()
		return nil
	case err != nil:
		return fmt.Errorf("events of %s: %w", w.container.dir.ID(), err)
	case happened:
		return w.tell(&Event{Type: oomEvent, ID: w.container.dir.ID()})
	}
	return nil
}

func (w *watcher) tellStats() error {
	event, err := w.container.stats(w.manager)
	if cgroups.IsGone(err) {
		return nil // as in tellOOM
	}
	if err != nil {
		return err
	}
	return w.tell(event)
}
