package libcontainer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
)

// WatchOptions say what Watch reports. Nothing is polled: every notice comes from the kernel
// or from a command of the runtime.
type WatchOptions struct {
	// Lifecycle reports what commands do to the container, and its end.
	Lifecycle bool
	// Memory reports the events of the memory controller.
	Memory bool
	// Pressure reports when processes have stalled for lack of a resource.
	Pressure []PressureTrigger
	// Interval, if it isn't 0, calls Stats with the resource usage after each interval.
	Interval time.Duration
	Stats    func(*Event) error
}

// PressureTrigger is a trigger of PSI, Documentation/accounting/psi.rst: processes of the
// container stall for as long as Stall within each Window.
type PressureTrigger struct {
	Resource      string // memory, cpu or io
	Line          string // some (of the processes) or full (all that aren't idle)
	Stall, Window time.Duration
}

// ParsePressure parses RESOURCE:LINE:STALL/WINDOW, such as memory:some:150ms/2s.
func ParsePressure(text string) (PressureTrigger, error) {
	var p PressureTrigger
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return p, fmt.Errorf("%q must be RESOURCE:some|full:STALL/WINDOW, such as memory:some:150ms/2s", text)
	}
	stall, window, _ := strings.Cut(parts[2], "/")
	p.Resource, p.Line = parts[0], parts[1]
	var err, err2 error
	p.Stall, err = time.ParseDuration(stall)
	p.Window, err2 = time.ParseDuration(window)
	switch {
	case p.Resource != "memory" && p.Resource != "cpu" && p.Resource != "io":
		err = fmt.Errorf("%q is not memory, cpu or io", p.Resource)
	case p.Line != "some" && p.Line != "full":
		err = fmt.Errorf("%q is neither some nor full", p.Line)
	case err != nil || err2 != nil:
		err = fmt.Errorf("%q is not two durations, such as 150ms/2s", parts[2])
	case p.Window < leastWindow || p.Window > greatestWindow:
		err = fmt.Errorf("a window of %v: the kernel has windows from %v to %v", p.Window, leastWindow, greatestWindow)
	case p.Stall <= 0 || p.Stall > p.Window:
		err = fmt.Errorf("a stall of %v: it must be more than 0, and not more than the window of %v", p.Stall, p.Window)
	default:
		return p, nil
	}
	return p, fmt.Errorf("%q: %w", text, err)
}

// The kernel's bounds of a window, WINDOW_MIN_US and WINDOW_MAX_US.
const (
	leastWindow    = 500 * time.Millisecond
	greatestWindow = 10 * time.Second
)

// String returns the trigger as ParsePressure reads it.
func (p PressureTrigger) String() string {
	return fmt.Sprintf("%s:%s:%v/%v", p.Resource, p.Line, p.Stall, p.Window)
}

// Watch calls emit with what happens to the container, until its init has ended; with
// Lifecycle, until it is deleted. It returns nil then, the error of emit, or that of ctx.
func (c *Container) Watch(ctx context.Context, o WatchOptions, emit func(Notice) error) error {
	w := &watch{runtime: c.runtime, only: c, options: o, emit: emit, watched: map[string]*watched{}, missed: map[string]bool{}}
	defer w.close()
	return w.run(ctx)
}

// Watch calls emit with what commands do to the containers below Root, and with the end of
// each, until ctx is done. It then returns the error of ctx.
func (r *Runtime) Watch(ctx context.Context, emit func(Notice) error) error {
	w := &watch{runtime: r, options: WatchOptions{Lifecycle: true}, emit: emit, watched: map[string]*watched{}, missed: map[string]bool{}}
	defer w.close()
	return w.run(ctx)
}

// watch is the state of one call of Watch.
type watch struct {
	runtime *Runtime
	only    *Container // nil for all
	options WatchOptions
	emit    func(Notice) error
	// watched are the containers that exist, by their ids.
	watched map[string]*watched
	// missed are the ids of containers that were deleted before they could be opened.
	missed map[string]bool
	// listener and inotify are nil and 0 without Lifecycle. inotify reports the state
	// directories that are removed.
	listener *listener
	inotify  int
	// oom and counts are for Memory, triggers for Pressure.
	oom      cgroups.OOMWatch
	looks    int // how often the counts are still to be read
	counts   map[string]uint64
	triggers []int
	end      bool
}

// watched is a container with its init.
type watched struct {
	container *Container
	pidfd     int // -1 if its init has ended, or doesn't exist yet
}

// source is a descriptor with what to do when it is ready.
type source struct {
	poll  unix.PollFd
	ready func(events int16) error
}

func (w *watch) close() {
	for _, c := range w.watched {
		c.close(w.only)
	}
	if w.listener != nil {
		w.listener.close()
	}
	if w.inotify > 0 {
		unix.Close(w.inotify)
	}
	if w.oom != nil {
		w.oom.Close()
	}
	for _, fd := range w.triggers {
		unix.Close(fd)
	}
}

// close leaves open the container of the caller.
func (c *watched) close(callers *Container) {
	if c.pidfd >= 0 {
		unix.Close(c.pidfd)
	}
	if c.container != callers {
		c.container.Close()
	}
}

func (w *watch) run(ctx context.Context) error {
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	if err := w.begin(); err != nil {
		return err
	}
	next := time.Now().Add(w.options.Interval)
	for !w.end {
		sources := w.sources()
		fds := make([]unix.PollFd, len(sources)+1)
		for i := range sources {
			fds[i] = sources[i].poll
		}
		fds[len(sources)] = cancelled.PollFd()
		n, err := unix.Poll(fds, w.timeout(next))
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("events: poll: %w", err)
		}
		if n == 0 && w.looks > 0 {
			w.looks--
			if err := w.count(); err != nil {
				return err
			}
		}
		for i := range sources {
			if fds[i].Revents != 0 {
				if err := sources[i].ready(fds[i].Revents); err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if next, err = w.stats(next); err != nil {
			return err
		}
	}
	return nil
}

// begin opens what the notices come from. The listener is first, so that nothing that
// happens to a container once it is known is missed.
func (w *watch) begin() error {
	if w.options.Lifecycle {
		if err := w.listen(); err != nil {
			return err
		}
	}
	if w.only == nil {
		containers, broken, err := w.runtime.List()
		for _, err := range broken {
			w.runtime.warn(err.Error())
		}
		for _, c := range containers {
			w.add(c)
		}
		return err
	}
	if status, err := w.only.Status(); err != nil || status == Stopped && !w.options.Lifecycle {
		return errors.Join(err, fmt.Errorf("container with id %s is not running", w.only.ID()))
	}
	w.add(w.only)
	return w.watchCgroup()
}

func (w *watch) listen() (err error) {
	if w.listener, err = listen(w.runtime.Root); err != nil {
		return err
	}
	if w.inotify, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
		_, err = unix.InotifyAddWatch(w.inotify, w.runtime.Root, unix.IN_DELETE|unix.IN_ONLYDIR)
	}
	if err != nil {
		err = fmt.Errorf("inotify of %s: %w", w.runtime.Root, err)
	}
	return err
}

// add begins to watch a container that is open.
func (w *watch) add(c *Container) {
	known := &watched{container: c, pidfd: -1}
	w.watched[c.ID()] = known
	known.open()
}

// open opens the pidfd of init.
func (c *watched) open() {
	if c.pidfd < 0 && c.container.state.Pid != 0 {
		if fd, err := c.container.state.OpenProcess(); err == nil {
			c.pidfd = fd
		}
	}
}

func (w *watch) watchCgroup() error {
	if !w.options.Memory && len(w.options.Pressure) == 0 {
		return nil
	}
	m := w.only.manager()
	if m == nil {
		return errors.New("the container has no cgroup of its own to watch")
	}
	if w.options.Memory {
		oom, err := m.WatchOOM()
		if err != nil {
			return fmt.Errorf("events of %s: %w", w.only.ID(), err)
		}
		w.oom = oom
		if w.counts, err = oom.Counts(); err != nil {
			return fmt.Errorf("events of %s: %w", w.only.ID(), err)
		}
	}
	for _, p := range w.options.Pressure {
		fd, err := m.WatchPressure(p.Resource+".pressure", fmt.Sprintf("%s %d %d", p.Line, p.Stall.Microseconds(), p.Window.Microseconds()))
		if err != nil {
			if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w (without CAP_SYS_RESOURCE a window must be a multiple of 2s, from Linux 6.5 on)", err)
			}
			return fmt.Errorf("events of %s: %s: %w", w.only.ID(), p, err)
		}
		w.triggers = append(w.triggers, fd)
	}
	return nil
}

// sources returns what can become ready.
func (w *watch) sources() []source {
	var list []source
	if w.listener != nil {
		list = append(list, source{unix.PollFd{Fd: int32(w.listener.socket), Events: unix.POLLIN}, w.receive},
			source{unix.PollFd{Fd: int32(w.inotify), Events: unix.POLLIN}, w.removed})
	}
	if w.oom != nil {
		list = append(list, source{w.oom.Poll(), w.memory})
	}
	for i, fd := range w.triggers {
		list = append(list, source{unix.PollFd{Fd: int32(fd), Events: unix.POLLPRI}, func(events int16) error { return w.pressure(i, events) }})
	}
	// The end of a process comes last, after what has led to it.
	for _, id := range slices.Sorted(maps.Keys(w.watched)) {
		c := w.watched[id]
		if c.pidfd >= 0 {
			list = append(list, source{unix.PollFd{Fd: int32(c.pidfd), Events: unix.POLLIN}, func(int16) error { return w.ended(c) }})
		}
	}
	return list
}

// receive reports what commands have told.
func (w *watch) receive(int16) error {
	for {
		n, ok := w.listener.next()
		if !ok {
			return nil
		}
		if w.only != nil && n.ID != w.only.ID() {
			continue
		}
		if known := w.watched[n.ID]; known == nil {
			if c, err := w.runtime.Open(n.ID); err == nil {
				w.add(c)
			} else {
				w.missed[n.ID] = true
			}
		} else if known.pidfd < 0 && known.container.state.Pid == 0 && known.container.reload() == nil {
			known.open()
		}
		if err := w.emit(n); err != nil {
			return err
		}
	}
}

// removed reports containers that have been deleted, by whomever.
func (w *watch) removed(int16) error {
	// What a command has told before comes first.
	if err := w.receive(0); err != nil {
		return err
	}
	buffer := make([]byte, 8192)
	for {
		n, err := unix.Read(w.inotify, buffer)
		if err != nil || n < unix.SizeofInotifyEvent {
			return nil
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			length := int(binary.NativeEndian.Uint32(buffer[at+12:]))
			name, _, _ := bytes.Cut(buffer[at+unix.SizeofInotifyEvent:at+unix.SizeofInotifyEvent+length], []byte{0})
			at += unix.SizeofInotifyEvent + length
			if err := w.deleted(string(name)); err != nil {
				return err
			}
		}
	}
}

func (w *watch) deleted(id string) error {
	known := w.watched[id]
	switch {
	case w.missed[id]:
		delete(w.missed, id)
	case known == nil || !known.container.dir.IsRemoved():
		return nil
	default:
		if err := w.ended(known); err != nil {
			return err
		}
		delete(w.watched, id)
		known.close(w.only)
		w.end = known.container == w.only
	}
	return w.emit(Notice{Type: LifecycleNotice, ID: id, Time: time.Now(), Event: "delete"})
}

// ended reports the end of init, once.
func (w *watch) ended(c *watched) error {
	if c.pidfd < 0 {
		return nil // deleted has seen it, in the same round
	}
	n := Notice{Type: LifecycleNotice, ID: c.container.ID(), Time: time.Now(), Event: "exit", Pid: c.container.state.Pid}
	if err := w.memory(0); err != nil { // it may be the reason
		return err
	}
	if status, ok := pidfd.ExitStatus(c.pidfd); ok {
		exit := exitStatusOf(status)
		n.Exit = &exit
	} else if status, ok := procfs.ExitStatus(c.container.state.Pid, c.container.state.StartTime); ok {
		exit := exitStatusOf(status)
		n.Exit = &exit
	}
	unix.Close(c.pidfd)
	c.pidfd = -1
	if !w.options.Lifecycle {
		w.end = true
		return nil
	}
	return w.emit(n)
}

// memory is called when the kernel tells of memory.
func (w *watch) memory(int16) error {
	if w.oom == nil {
		return nil
	}
	if _, err := w.oom.Happened(); err == nil { // an eventfd is ready until it is read
		w.looks = maxLooks
		return w.count()
	}
	return w.endMemory()
}

// maxLooks is how often the counts of memory are read after the kernel has told of a change
// that isn't in them: v1 tells of a lack of memory before it kills. The time between them
// doubles, from a millisecond, and is a second altogether.
const maxLooks = 10

// endMemory is called when the cgroup is gone: its init has ended, or is about to.
func (w *watch) endMemory() error {
	w.oom.Close()
	w.oom, w.looks = nil, 0
	return nil
}

// count reports the events of memory that have become more.
func (w *watch) count() error {
	counts, err := w.oom.Counts()
	if err != nil {
		return w.endMemory()
	}
	if !maps.Equal(counts, w.counts) {
		w.looks = 0
	}
	for _, event := range slices.Sorted(maps.Keys(counts)) {
		if counts[event] == w.counts[event] {
			continue
		}
		n := Notice{Type: MemoryNotice, ID: w.only.ID(), Time: time.Now(), Event: event, Count: counts[event]}
		if err := w.emit(n); err != nil {
			return err
		}
	}
	w.counts = counts
	return nil
}

// pressure reports that a trigger has fired.
func (w *watch) pressure(i int, events int16) error {
	if events&unix.POLLERR != 0 { // the cgroup is gone
		unix.Close(w.triggers[i])
		w.triggers[i] = -1 // which poll(2) ignores
		return nil
	}
	return w.emit(Notice{Type: PressureNotice, ID: w.only.ID(), Time: time.Now(), Event: w.options.Pressure[i].String()})
}

// timeout returns how long to wait, in milliseconds: for ever without an Interval, unless the
// counts of memory are to be read again.
func (w *watch) timeout(next time.Time) int {
	if w.looks > 0 {
		return 1 << (maxLooks - w.looks)
	}
	if w.options.Interval == 0 {
		return -1
	}
	return int(min(max(time.Until(next), 0), time.Hour)/time.Millisecond + 1)
}

// stats reports the resource usage after each interval, and returns when it does so next.
func (w *watch) stats(next time.Time) (time.Time, error) {
	if w.options.Interval == 0 || time.Now().Before(next) || w.end {
		return next, nil
	}
	for !next.After(time.Now()) {
		next = next.Add(w.options.Interval)
	}
	if w.watched[w.only.ID()].pidfd < 0 {
		return next, nil // it has ended
	}
	event, err := w.only.Stats()
	if cgroups.IsGone(err) {
		return next, nil
	}
	if err == nil {
		err = w.options.Stats(event)
	}
	return next, err
}
