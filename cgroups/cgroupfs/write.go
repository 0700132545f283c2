package cgroupfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Write is one value for one control file. The compilers of v1 and v2
// turn resources into an ordered list of them; [Apply] is the only
// interpreter.
type Write struct {
	Controller string // owner of the file; "" for the core files of cgroup2
	File       string
	Value      string
	Field      string   // where it comes from in config.json: linux.resources.…
	Tolerate   Tolerate // what doesn't count as an error
	// Group names writes that depend on each other's outcome, such as a
	// limit of memory and one of memory plus swap: neither order suits both
	// raising and lowering. A write of a group that gets EINVAL is tried
	// again after the rest of its group. Groups are contiguous; "" is none.
	Group string
	// Else is taken where File doesn't exist: the same limit under another
	// name.
	Else *Write
}

// Tolerate says which failure of a Write is none.
type Tolerate uint8

// The values of Tolerate.
const (
	Nothing Tolerate = iota
	Missing          // the file isn't there, and the value is what the kernel does then anyway
)

// Apply performs the writes in order and stops at the first that fails. dir
// returns the cgroup that has a controller's files, or nil where the
// controller isn't available. The error begins with the field.
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

// applier keeps the file of the last write open: device rules are a dozen
// writes to the same.
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

// groupLen counts the writes of the group that the list begins with.
func groupLen(writes []Write) int {
	n := 1
	for writes[0].Group != "" && n < len(writes) && writes[n].Group == writes[0].Group {
		n++
	}
	return n
}

// group tries the writes of a group round and round for as long as each
// round gets at least one further done.
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
		return &MissingError{Field: w.Field, Controller: w.Controller, File: w.File}
	}
	err := a.write(d, w.File, w.Value)
	if err == unix.ENOENT {
		switch {
		case w.Else != nil:
			return a.apply(w.Else)
		case w.Tolerate == Missing:
			return nil
		}
		return &MissingError{Field: w.Field, Controller: w.Controller, File: w.File, Dir: d.path}
	}
	if err != nil {
		return fmt.Errorf("%s: write %q to %s/%s: %w", w.Field, w.Value, d.path, w.File, Denied(err))
	}
	return nil
}

// MissingError says that a limit needs a controller or a control file that
// isn't there.
type MissingError struct {
	Field      string // of config.json
	Controller string
	File       string
	Dir        string // cgroup that lacks the file; "" where the whole controller is missing
	Hint       string // what to do about it, or what there is instead
}

func (e *MissingError) Error() string {
	text := e.Field + ": "
	if e.Dir == "" {
		text += fmt.Sprintf("cgroup controller %s is not available", e.Controller)
	} else {
		text += fmt.Sprintf("no file %s in cgroup %s", e.File, e.Dir)
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// Is makes the error one of [unix.ENOENT].
func (e *MissingError) Is(target error) bool { return target == unix.ENOENT }
