package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Unit is the unit of one container. The zero connection is made when it is
// needed first; a Unit is not safe for concurrent use.
type Unit struct {
	Name
	// User is the manager that the unit belongs to: the user's, or the system's.
	User bool
	bus  *bus
	// patience is for tests; 0 is the usual one.
	patience time.Duration
}

// Errors of org.freedesktop.systemd1.
const (
	errUnitExists = service + ".UnitExists"
	errNoSuchUnit = service + ".NoSuchUnit"
	// What is no object any more; systemd has both for a unit that is gone.
	errUnknownObject = "org.freedesktop.DBus.Error.UnknownObject"
	errReadOnly      = "org.freedesktop.DBus.Error.PropertyReadOnly"
	errInvalidArgs   = "org.freedesktop.DBus.Error.InvalidArgs"
)

// ErrExist says that there is a unit of this name, which isn't ours.
var ErrExist = errors.New("the unit exists already")

// wireProperty and wireAux are StartTransientUnit's (sv) and (sa(sv)).
type wireProperty struct {
	Name  string
	Value dbus.Variant
}

type wireAux struct {
	Name       string
	Properties []wireProperty
}

func wire(list []Property) []wireProperty {
	out := make([]wireProperty, len(list))
	for i, p := range list {
		out[i] = wireProperty{p.Name, p.Value}
	}
	return out
}

// Start makes the unit with a process in it, and waits until it is there. What
// is in extra, as Annotations gives it, overrides all else. ErrExist.
func (u *Unit) Start(id string, pid int, isUnified bool, resources []Property, annotations map[string]string) error {
	more, err := extra(annotations)
	if err != nil {
		return err
	}
	list := slices.Concat(u.usual(id, pid, isUnified), resources, more)
	if err := u.connect(); err != nil {
		return err
	}
	if err := u.start(list, pid); err != nil {
		return fmt.Errorf("start systemd unit %s: %w", u.Unit, err)
	}
	return nil
}

// Attach moves a process of the same user into the unit's cgroup. A user's
// systemd has the system's do that where it may not itself.
func (u *Unit) Attach(pid int) error {
	if err := u.connect(); err != nil {
		return err
	}
	if err := u.ask(nil, "AttachProcessesToUnit", u.Unit, "", []uint32{uint32(pid)}); err != nil {
		return fmt.Errorf("move process %d into systemd unit %s: %w", pid, u.Unit, err)
	}
	return nil
}

// connect makes the connection, or makes it anew where it has ended meanwhile.
func (u *Unit) connect() error {
	if u.bus != nil && !u.bus.conn.Connected() {
		u.Close()
	}
	if u.bus == nil {
		var err error
		if u.bus, err = connect(u.User, cmp.Or(u.patience, patience)); err != nil {
			return err
		}
	}
	u.bus.begin()
	return nil
}

// ask calls a method, a second time where the connection was lost. Whether the
// first call had come through can't be known.
func (u *Unit) ask(result any, method string, args ...any) error {
	err := u.bus.call(result, method, args...)
	if !errors.Is(err, errLost) {
		return err
	}
	if err := u.connect(); err != nil {
		return err
	}
	return u.bus.call(result, method, args...)
}

// await waits for the end of a job. Where the connection is lost nobody tells
// of it any more; then it shows in the unit's state.
func (u *Unit) await(job dbus.ObjectPath, wanted string) (string, error) {
	result, err := u.bus.wait(job)
	if !errors.Is(err, errLost) {
		return result, err
	}
	if err := u.connect(); err != nil {
		return "", err
	}
	for {
		state, err := u.state()
		if err != nil {
			return "", err
		}
		switch {
		case state == wanted, wanted == "inactive" && state == "failed":
			return "done", nil
		case state == "active", state == "inactive", state == "failed":
			return state, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// state is ActiveState, "inactive" for a unit that there isn't.
func (u *Unit) state() (string, error) {
	var path dbus.ObjectPath
	err := u.ask(&path, "GetUnit", u.Unit)
	if isError(err, errNoSuchUnit) {
		return "inactive", nil
	}
	if err != nil {
		return "", err
	}
	return u.property(path, "ActiveState")
}

func (u *Unit) property(path dbus.ObjectPath, name string) (string, error) {
	var value dbus.Variant
	err := u.bus.property(path, service+".Unit", name).Store(&value)
	if isError(err, errUnknownObject) || isError(err, errNoSuchUnit) {
		return "inactive", nil // it has gone meanwhile
	}
	return fmt.Sprint(value.Value()), err
}

// has tells whether the unit is the one of a process.
func (u *Unit) has(pid int) bool {
	var unit, ofProcess dbus.ObjectPath
	return u.ask(&unit, "GetUnit", u.Unit) == nil && u.ask(&ofProcess, "GetUnitByPID", uint32(pid)) == nil && unit == ofProcess
}

// Close ends the connection. The Unit can be used again.
func (u *Unit) Close() {
	if u.bus != nil {
		u.bus.close()
		u.bus = nil
	}
}

// start asks until systemd takes it. A unit of this name may be on its way out,
// which takes a moment after its last process, or have failed: then it keeps its
// name until it is reset.
func (u *Unit) start(list []Property, pid int) error {
	var job dbus.ObjectPath
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := u.withoutUnknown(list, func(list []Property) error {
			return u.ask(&job, "StartTransientUnit", u.Unit, "replace", wire(list), []wireAux{})
		})
		if err == nil {
			break
		}
		if !isError(err, errUnitExists) {
			return err
		}
		if u.has(pid) {
			// Asked for twice: the first answer was lost with the connection.
			return nil
		}
		if pause > time.Second {
			return fmt.Errorf("%w%s", ErrExist, u.status())
		}
		// An error means that there is nothing to reset.
		_ = u.ask(nil, "ResetFailedUnit", u.Unit)
		time.Sleep(pause)
	}
	result, err := u.await(job, "active")
	if err == nil && result != "done" {
		err = fmt.Errorf("its job ended with %q", result)
	}
	if err != nil {
		err = fmt.Errorf("%w%s", err, u.status())
		u.bus.begin()
		_ = u.bus.call(nil, "StopUnit", u.Unit, "replace")
	}
	return err
}

// withoutUnknown leaves out, one after the other, the optional properties that
// the error names.
func (u *Unit) withoutUnknown(list []Property, ask func([]Property) error) error {
	for {
		err := ask(list)
		if !isError(err, errReadOnly) && !isError(err, errInvalidArgs) {
			return err
		}
		at := slices.IndexFunc(list, func(p Property) bool { return p.Optional && hasWord(err.Error(), p.Name) })
		if at < 0 {
			return err
		}
		list = slices.Delete(slices.Clone(list), at, at+1)
	}
}

func hasWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return r < 'A' || r > 'z' || r > 'Z' && r < 'a'
	}), word)
}

// status describes the unit for an error, as far as systemd still answers.
func (u *Unit) status() string {
	var path dbus.ObjectPath
	if u.bus.call(&path, "GetUnit", u.Unit) != nil {
		return ""
	}
	var words []string
	for _, name := range []string{"LoadState", "ActiveState", "SubState"} {
		if word, err := u.property(path, name); err == nil {
			words = append(words, word)
		}
	}
	return " (it is " + strings.Join(words, ", ") + ")"
}

// Set changes properties until the unit's end.
func (u *Unit) Set(list []Property) error {
	if len(list) == 0 {
		return nil
	}
	if err := u.connect(); err != nil {
		return err
	}
	err := u.withoutUnknown(list, func(list []Property) error {
		if len(list) == 0 {
			return nil
		}
		return u.ask(nil, "SetUnitProperties", u.Unit, true, wire(list))
	})
	if err != nil {
		return fmt.Errorf("set properties of systemd unit %s: %w", u.Unit, err)
	}
	return nil
}

// Stop ends the unit and waits for that, so that its name is free. One that is
// gone is fine.
func (u *Unit) Stop() error {
	if err := u.connect(); err != nil {
		return err
	}
	var job dbus.ObjectPath
	err := u.ask(&job, "StopUnit", u.Unit, "replace")
	if isError(err, errNoSuchUnit) {
		return nil
	}
	var result string
	if err == nil {
		result, err = u.await(job, "inactive")
	}
	switch {
	case err == nil && result != "done" && result != "skipped":
		err = fmt.Errorf("its job ended with %q%s", result, u.status())
	case err == nil:
		// A systemd without CollectMode keeps a unit that has failed. An error
		// means that there is none.
		_ = u.bus.call(nil, "ResetFailedUnit", u.Unit)
	}
	if err != nil {
		return fmt.Errorf("stop systemd unit %s: %w", u.Unit, err)
	}
	return nil
}
