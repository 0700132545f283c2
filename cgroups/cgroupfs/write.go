package cgroupfs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// A Write is one value for one control file. The compilers of v1 and v2 turn
// resources into an ordered list of them, which [Apply] carries out.
type Write struct {
	Controller string // owner of the file; "" for the core files of cgroup2
	File       string
	Value      string
	Place      place.Place // the property of config.json that asks for the write
	Tolerate   Tolerate    // which failure is no error
	// Group names writes that depend on each other's outcome, such as a
	// limit of memory and one of memory plus swap: neither order is right for
	// both raising and lowering them. A write of a group that fails with EINVAL
	// is repeated after the rest of its group. Groups are contiguous; "" is no
	// group.
	Group string
	// Else replaces the write where File doesn't exist: the same limit under
	// another name.
	Else *Write
}

// Controllers returns the controllers that the writes need, sorted.
func Controllers(writes []Write) []string {
	var list []string
	for i := range writes {
		if w := &writes[i]; w.Controller != "" && w.Tolerate == Nothing {
			list = append(list, w.Controller)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Tolerate is a failure of a Write that is no error.
type Tolerate uint8

// The values of Tolerate.
const (
	Nothing Tolerate = iota
	Missing          // the file doesn't exist, and the value is the kernel's default
)

// Apply performs the writes in order and stops at the first that fails. dir
// returns the cgroup that has a controller's files, or nil where the controller
// isn't available. The error carries the place of the write in config.json.
func Apply(writes []Write, dir func(controller string) *Dir) error {
	a := applier{dir: dir, fd: -1}
	defer a.close()
	for len(writes) > 0 {
		n := groupLen(writes)
		if err := a.group(writes[:n]); err != nil {
			return err
		}
		writes = writes[n:]
	}
	return nil
}

// applier keeps the file of the last write open, because device rules are a
// dozen writes to the same file.
type applier struct {
	dir  func(controller string) *Dir
	last *Dir
	file string
	fd   int
}

func (a *applier) close() {
	if a.fd >= 0 {
		unix.Close(a.fd)
		a.fd = -1
	}
}

func (a *applier) write(d *Dir, file, value string) error {
	if a.fd < 0 || a.last != d || a.file != file {
		a.close()
		fd, err := d.Open(file, unix.O_WRONLY)
		if err != nil {
			return err
		}
		a.last, a.file, a.fd = d, file, fd
	}
	return writeValue(a.fd, value)
}

// groupLen returns the length of the group at the beginning of the list.
func groupLen(writes []Write) int {
	n := 1
	for writes[0].Group != "" && n < len(writes) && writes[n].Group == writes[0].Group {
		n++
	}
	return n
}

// group repeats the writes of a group that fail with EINVAL until all have
// succeeded or a round makes no progress.
func (a *applier) group(group []Write) error {
	pending := group
	for {
		var refused []Write
		var first error
		for _, w := range pending {
			err := a.apply(&w)
			if err == nil {
				continue
			}
			if len(group) == 1 || !errors.Is(err, unix.EINVAL) {
				return err
			}
			if first == nil {
				first = err
			}
			refused = append(refused, w)
		}
		if len(refused) == 0 {
			return nil
		}
		if len(refused) == len(pending) {
			return first
		}
		pending = refused
	}
}

func (a *applier) apply(w *Write) error {
	d := a.dir(w.Controller)
	if d == nil {
		if w.Tolerate == Missing {
			return nil
		}
		return place.Wrap(w.Place, &MissingError{Controller: w.Controller, File: w.File})
	}
	err := a.write(d, w.File, w.Value)
	if err == unix.ENOENT {
		switch {
		case w.Else != nil:
			return a.apply(w.Else)
		case w.Tolerate == Missing:
			return nil
		}
		return place.Wrap(w.Place, &MissingError{Controller: w.Controller, File: w.File, Dir: d.path})
	}
	if err != nil {
		return place.Errorf(w.Place, "write %q to %s/%s: %w", w.Value, d.path, w.File, Denied(err))
	}
	return nil
}

// MissingError is the error of a limit that needs a controller or a control
// file which doesn't exist.
type MissingError struct {
	Controller string
	File       string
	Dir        string // cgroup without the file; "" where the whole controller is missing
	Hint       string // what to do about it, or what exists instead
}

func (e *MissingError) Error() string {
	var text string
	if e.Dir == "" {
		text = fmt.Sprintf("cgroup controller %s is not available", e.Controller)
	} else {
		text = fmt.Sprintf("no file %s in cgroup %s", e.File, e.Dir)
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Is makes the error match [unix.ENOENT].
func (e *MissingError) Is(target error) bool { return target == unix.ENOENT }
