package cgroupfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// Change is what one write does to a control file. In a file with a line for each device,
// Old, New and Actual are the lines of the device alone.
type Change struct {
	Place place.Place // the property of config.json that asks for the write
	Path  string      // of the file
	Old   string
	New   string // as it is asked for
	// Actual is what the file has after the write; "" before it, and if the file can't be
	// read. The kernel rounds some values, and clamps others.
	Actual string
}

// IsAsAsked reports whether the kernel has set what was asked for.
func (c *Change) IsAsAsked() bool { return tookEffect(c.Path, c.New, c.Actual) }

// A Transaction is a list of writes of which all take effect, or none. It is made by
// [Begin].
type Transaction struct {
	writes []pending
	// also are files that the kernel changes together with one that is written. They are
	// restored after the others.
	also []pending
}

// pending is a write with the value that it replaces.
type pending struct {
	Write
	dir        *Dir
	old        string
	isReadable bool
	actual     string
}

// Begin reads what the writes are about to replace. It changes nothing. It fails where
// Apply would because of a missing controller or file, or because this user may not write
// to a file.
func Begin(writes []Write, dir func(controller string) *Dir) (*Transaction, error) {
	t := &Transaction{writes: make([]pending, 0, len(writes))}
	for _, w := range writes {
		p, err := begin(w, dir)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		t.writes = append(t.writes, *p)
		t.also = append(t.also, companions(p)...)
	}
	return t, nil
}

// begin returns nil for a write that is tolerated to fail, and would.
func begin(w Write, dir func(controller string) *Dir) (*pending, error) {
	d := dir(w.Controller)
	switch {
	case d == nil && w.Tolerate == Missing:
		return nil, nil
	case d == nil:
		return nil, place.Wrap(w.Place, &MissingError{Controller: w.Controller, File: w.File})
	}
	fd, err := d.Open(w.File, unix.O_WRONLY)
	switch {
	case err == nil:
		unix.Close(fd)
	case err == unix.ENOENT && w.Else != nil:
		return begin(*w.Else, dir)
	case err == unix.ENOENT && w.Tolerate == Missing:
		return nil, nil
	case err == unix.ENOENT:
		return nil, place.Wrap(w.Place, &MissingError{Controller: w.Controller, File: w.File, Dir: d.path})
	default:
		return nil, place.Errorf(w.Place, "write %q to %s/%s: %w", w.Value, d.path, w.File, Denied(err))
	}
	p := &pending{Write: w, dir: d}
	p.old, p.isReadable = p.read()
	return p, nil
}

// read returns what the file has at present, as far as the write concerns it. Some files
// can only be written, such as memory.reclaim.
func (p *pending) read() (text string, isReadable bool) {
	text, err := p.dir.ReadFile(p.File)
	if err != nil {
		return "", false
	}
	return part(p.File, p.Value, text), true
}

// companions returns the weight for a write to cpu.idle, which resets it.
func companions(p *pending) []pending {
	if p.File != "cpu.idle" {
		return nil
	}
	var list []pending
	for _, file := range []string{"cpu.weight", "cpu.shares"} {
		c := pending{Write: Write{Controller: p.Controller, File: file, Place: p.Place}, dir: p.dir}
		if c.old, c.isReadable = c.read(); c.isReadable {
			list = append(list, c)
		}
	}
	return list
}

// Changes returns what the transaction does, or has done.
func (t *Transaction) Changes() []Change {
	list := make([]Change, len(t.writes))
	for i := range t.writes {
		p := &t.writes[i]
		list[i] = Change{Place: p.Place, Path: p.dir.path + "/" + p.File, Old: p.old, New: p.Value, Actual: p.actual}
	}
	return list
}

// Apply performs the writes, and reads the files back. If a write fails, it restores what
// the earlier ones have replaced. The error says so, and carries the place of the write in
// config.json.
func (t *Transaction) Apply() error {
	writes := make([]Write, len(t.writes))
	for i := range t.writes {
		writes[i] = t.writes[i].Write
	}
	if err := Apply(writes, dirOf(t.writes)); err != nil {
		return t.Undone(err)
	}
	t.ReadBack()
	return nil
}

// dirOf returns the cgroups by the controllers of a list.
func dirOf(list []pending) func(string) *Dir {
	return func(controller string) *Dir {
		i := slices.IndexFunc(list, func(p pending) bool { return p.Controller == controller })
		return list[i].dir
	}
}

// ReadBack reads what the files have now, for Changes and Deviations.
func (t *Transaction) ReadBack() {
	for i := range t.writes {
		t.writes[i].actual, _ = t.writes[i].read()
	}
}

// isReplaced reports whether a later write is to the same file and device.
func (t *Transaction) isReplaced(i int) bool {
	p := &t.writes[i]
	return slices.ContainsFunc(t.writes[i+1:], func(q pending) bool {
		return q.dir == p.dir && q.File == p.File && keyOf(q.File, q.Value) == keyOf(p.File, p.Value)
	})
}

// Deviations returns the changes that the kernel has accepted, and rounded, clamped or
// ignored.
func (t *Transaction) Deviations() []Change {
	var list []Change
	for i, c := range t.Changes() {
		if t.writes[i].isReadable && !t.isReplaced(i) && !c.IsAsAsked() {
			list = append(list, c)
		}
	}
	return list
}

// Undone restores what the writes have replaced, and returns err with what has come of
// that.
func (t *Transaction) Undone(err error) error {
	restored, undoErr := t.Undo()
	switch {
	case undoErr != nil:
		return fmt.Errorf("%w; and what was written before couldn't be restored: %w", err, undoErr)
	case restored > 0:
		return fmt.Errorf("%w (what was written before is restored)", err)
	}
	return err
}

// Undo restores what the writes have replaced, and returns how many files had changed. It
// continues after an error, and returns all of them.
func (t *Transaction) Undo() (restored int, err error) {
	list := slices.Clone(t.writes)
	slices.Reverse(list)
	list = append(list, t.also...)
	var errs []error
	for len(list) > 0 {
		n := 1
		for list[0].Group != "" && n < len(list) && list[n].Group == list[0].Group {
			n++
		}
		changed, err := undo(list[:n])
		restored += changed
		errs = append(errs, err)
		list = list[n:]
	}
	return restored, errors.Join(errs...)
}

// undo restores the files of a group if one of them has changed.
func undo(group []pending) (changed int, err error) {
	var writes []Write
	for i := range group {
		p := &group[i]
		if !p.isReadable {
			continue
		}
		if now, _ := p.read(); now != p.old {
			changed++
		}
		w := p.Write
		if w.Value, err = restoring(p.File, p.Value, p.old); err != nil {
			return 0, fmt.Errorf("%s/%s: %w", p.dir.path, p.File, err)
		}
		writes = append(writes, w)
	}
	if changed == 0 {
		return 0, nil
	}
	return changed, Apply(writes, dirOf(group))
}

// keyOf returns the device, or the name, that the line of a value begins with; "" in a file
// that has only one value.
func keyOf(file, value string) string {
	if file == "cpu.max" || strings.HasPrefix(file, "cpuset.") || strings.HasPrefix(file, "cgroup.") {
		return ""
	}
	key, _, ok := strings.Cut(value, " ")
	if !ok {
		return ""
	}
	return key
}

// part returns what a write of value replaces in the content of a file.
func part(file, value, content string) string {
	if file == "memory.oom_control" {
		// "oom_kill_disable 0", and further lines that are no settings.
		first, _, _ := strings.Cut(content, "\n")
		_, n, _ := strings.Cut(first, " ")
		return n
	}
	key := keyOf(file, value)
	if key == "" {
		return content
	}
	for line := range strings.Lines(content) {
		if strings.HasPrefix(line, key+" ") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

// restoring returns the value that restores the old one. It is an error if there was none,
// and it isn't known what removes the line.
func restoring(file, value, old string) (string, error) {
	key := keyOf(file, value)
	switch {
	case old != "":
		return old, nil
	case key == "":
		return "\n", nil // a write without any byte doesn't reach the controller
	case file == "io.max":
		return key + " rbps=max wbps=max riops=max wiops=max", nil
	case file == "io.latency":
		return key + " target=0", nil
	case file == "io.weight", file == "io.bfq.weight":
		return key + " default", nil
	case strings.HasPrefix(file, "blkio."), file == "net_prio.ifpriomap":
		return key + " 0", nil
	}
	return "", fmt.Errorf("it isn't known what removes %q", value)
}
