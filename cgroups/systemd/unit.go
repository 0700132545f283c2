package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
)

// Unit is the unit of one container. It connects to systemd when it is first
// used. A Unit is not safe for concurrent use.
type Unit struct {
	Name
	// User is set if the unit belongs to the user's manager, not the system's.
	User bool
	bus  *bus
	// timeout replaces answerTimeout in tests.
	timeout time.Duration
}

// Errors of org.freedesktop.systemd1.
const (
	errUnitExists  = service + ".UnitExists"
	errNoSuchUnit  = service + ".NoSuchUnit"
	errReadOnly    = "org.freedesktop.DBus.Error.PropertyReadOnly"
	errInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs"
)

// ErrExist is the error of starting a unit under a name that another unit has.
var ErrExist = errors.New("the unit exists already")

// Start starts the unit with a process in it, and waits until it is active.
// Properties of annotations, as returned by Annotations, override all others. The
// error is ErrExist if another unit has the name.
func (u *Unit) Start(id string, pid int, isUnified bool, resources []Property, annotations map[string]string) error {
	more, err := annotationProperties(annotations)
	if err != nil {
		return err
	}
	list := slices.Concat(u.basicProperties(id, pid, isUnified), resources, more)
	if err := u.connect(); err != nil {
		return err
	}
	if err := u.start(list, pid); err != nil {
		return fmt.Errorf("start systemd unit %s: %w", u.Unit, err)
	}
	return nil
}

// Attach moves a process of the same user into the unit's cgroup. The manager of
// a user asks the system's manager where it may not do that itself.
func (u *Unit) Attach(pid int) error {
	if err := u.connect(); err != nil {
		return err
	}
	err := u.request("AttachProcessesToUnit", func(b *bus) error {
		return b.AttachProcessesToUnit(b.ctx, u.Unit, "", []uint32{uint32(pid)})
	})
	if err != nil {
		return fmt.Errorf("move process %d into systemd unit %s: %w", pid, u.Unit, err)
	}
	return nil
}

// connect connects to systemd if there is no connection or it has ended, and
// starts the timeout of a request.
func (u *Unit) connect() error {
	if u.bus == nil || !u.bus.Connected() {
		b, err := connect(u.User, cmp.Or(u.timeout, answerTimeout))
		if err != nil {
			// A lost connection stays, so that further calls fail as well.
			return err
		}
		u.Close()
		u.bus = b
	}
	u.bus.begin()
	return nil
}

// request calls a method, and calls it again on a new connection if the connection
// is lost. In that case the method may have been carried out twice.
func (u *Unit) request(method string, call func(*bus) error) error {
	err := u.bus.explain(method, call(u.bus))
	if !errors.Is(err, errLost) {
		return err
	}
	if err := u.connect(); err != nil {
		return err
	}
	return u.bus.explain(method, call(u.bus))
}

// await waits for the end of a job and returns its result. If the connection is
// lost nothing reports the end any more, and on the message bus any user can send
// a signal in systemd's name: then what counts is the state that the unit has
// without a job.
func (u *Unit) await(job <-chan string, wanted string) (string, error) {
	result, err := u.bus.wait(job)
	switch {
	case errors.Is(err, errLost):
		if err := u.connect(); err != nil {
			return "", err
		}
	case err != nil || u.bus.isDirect:
		return result, err
	}
	state, err := u.settled()
	switch {
	case err != nil:
		return "", err
	case state == wanted, wanted == "inactive" && state == "failed":
		return "done", nil
	}
	return cmp.Or(result, state), nil
}

// settled waits until the unit has no job and returns its ActiveState: "inactive"
// for a unit that doesn't exist.
func (u *Unit) settled() (string, error) {
	for {
		properties, err := u.properties()
		if err != nil {
			return "", err
		}
		// Job is of type (uo): the job's number, or 0, and its path.
		job, _ := properties["Job"].([]any)
		if len(job) == 0 || job[0] == uint32(0) {
			state, _ := properties["ActiveState"].(string)
			return state, nil
		}
		if u.bus.ctx.Err() != nil {
			return "", fmt.Errorf("still not done after %v", u.bus.timeout)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// properties returns what all units have. systemd answers for a unit that doesn't
// exist as for one that is inactive and not found.
func (u *Unit) properties() (properties map[string]any, err error) {
	err = u.request("GetAll", func(b *bus) error {
		properties, err = b.GetUnitPropertiesContext(b.ctx, u.Unit)
		return err
	})
	return properties, err
}

// contains reports whether a process is in the unit.
func (u *Unit) contains(pid int) bool {
	var name string
	err := u.request("GetUnitByPID", func(b *bus) (err error) {
		name, err = b.GetUnitNameByPID(b.ctx, uint32(pid))
		return err
	})
	return err == nil && name == u.Unit
}

// Close closes the connection. The Unit can be used again.
func (u *Unit) Close() {
	if u.bus != nil {
		u.bus.close()
		u.bus = nil
	}
}

// start starts the unit. One of this name may still be ending, which takes a
// moment after its last process, or may have failed and keep its name until it
// is reset: so a name that exists is tried again for about a second.
func (u *Unit) start(list []Property, pid int) error {
	var job chan string
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err := withoutUnknown(list, func(list []Property) error {
			return u.request("StartTransientUnit", func(b *bus) error {
				job = make(chan string, 1)
				_, err := b.StartTransientUnitContext(b.ctx, u.Unit, "replace", wire(list), job)
				return err
			})
		})
		if err == nil {
			break
		}
		if !isError(err, errUnitExists) {
			return err
		}
		if u.contains(pid) {
			// This is the second request, and the answer to the first was lost
			// with the connection.
			return nil
		}
		if pause > time.Second {
			return fmt.Errorf("%w%s", ErrExist, u.status())
		}
		u.resetFailed()
		time.Sleep(pause)
	}
	result, err := u.await(job, "active")
	if err == nil && result != "done" {
		err = fmt.Errorf("its job ended with %q", result)
	}
	if err != nil {
		err = fmt.Errorf("%w%s", err, u.status())
		u.bus.begin()
		_, _ = u.bus.StopUnitContext(u.bus.ctx, u.Unit, "replace", nil)
	}
	return err
}

// resetFailed releases the name of a unit that has failed. The error is that
// there is none.
func (u *Unit) resetFailed() { _ = u.bus.ResetFailedUnitContext(u.bus.ctx, u.Unit) }

// wire returns properties in the form in which they are sent.
func wire(list []Property) []sdbus.Property {
	out := make([]sdbus.Property, len(list))
	for i, p := range list {
		out[i] = p.Property
	}
	return out
}

// withoutUnknown calls set, and calls it again without each optional property that
// its error names.
func withoutUnknown(list []Property, set func([]Property) error) error {
	for {
		err := set(list)
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

// status describes the unit for an error; "" if there is none or systemd doesn't
// answer.
func (u *Unit) status() string {
	properties, err := u.bus.GetUnitPropertiesContext(u.bus.ctx, u.Unit)
	if err != nil || properties["LoadState"] == "not-found" {
		return ""
	}
	return fmt.Sprintf(" (it is %v, %v, %v)", properties["LoadState"], properties["ActiveState"], properties["SubState"])
}

// Set changes properties for the rest of the unit's life.
func (u *Unit) Set(list []Property) error {
	if len(list) == 0 {
		return nil
	}
	if err := u.connect(); err != nil {
		return err
	}
	err := withoutUnknown(list, func(list []Property) error {
		if len(list) == 0 {
			return nil
		}
		return u.request("SetUnitProperties", func(b *bus) error {
			return b.SetUnitPropertiesContext(b.ctx, u.Unit, true, wire(list)...)
		})
	})
	if err != nil {
		return fmt.Errorf("set properties of systemd unit %s: %w", u.Unit, err)
	}
	return nil
}

// Stop stops the unit and waits until its name is free. A unit that doesn't exist
// is no error.
func (u *Unit) Stop() error {
	if err := u.connect(); err != nil {
		return err
	}
	var job chan string
	err := u.request("StopUnit", func(b *bus) error {
		job = make(chan string, 1)
		_, err := b.StopUnitContext(b.ctx, u.Unit, "replace", job)
		return err
	})
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
		// A systemd without CollectMode keeps a unit that has failed.
		u.resetFailed()
	}
	if err != nil {
		return fmt.Errorf("stop systemd unit %s: %w", u.Unit, err)
	}
	return nil
}
