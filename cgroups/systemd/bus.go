package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// patience is how long systemd may take for all that one command asks of it.
const patience = 30 * time.Second

const (
	service    = "org.freedesktop.systemd1"
	objectPath = "/org/freedesktop/systemd1"
	manager    = service + ".Manager."
)

// bus is one connection to a manager of systemd: its own socket where that can
// be reached, which saves the way through the message bus and works without
// one, or else the bus.
type bus struct {
	conn    *dbus.Conn
	object  dbus.BusObject
	signals chan *dbus.Signal
	ctx     context.Context
	cancel  context.CancelFunc
}

// address is where a manager may be reached.
type address struct {
	text     string
	isDirect bool
}

// addresses lists them in the order to try. An address that the environment
// names is meant.
func addresses(user bool, env func(string) string, uid int) []address {
	if !user {
		if text := env("DBUS_SYSTEM_BUS_ADDRESS"); text != "" {
			return []address{{text, false}}
		}
		return []address{
			{"unix:path=/run/systemd/private", true},
			{"unix:path=/run/dbus/system_bus_socket", false},
			{"unix:path=/var/run/dbus/system_bus_socket", false},
		}
	}
	dir := env("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = "/run/user/" + strconv.Itoa(uid)
	}
	escaped := dbus.EscapeBusAddressValue(dir)
	list := []address{
		{"unix:path=" + escaped + "/systemd/private", true},
		{"unix:path=" + escaped + "/bus", false},
	}
	if text := env("DBUS_SESSION_BUS_ADDRESS"); text != "" && text != list[1].text {
		list = append([]address{{text, false}}, list...)
	}
	return list
}

// connect reaches the manager of the system or of the user.
func connect(user bool) (*bus, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	var errs []error
	for _, a := range addresses(user, os.Getenv, hostUID()) {
		conn, err := dial(ctx, a)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.text, err))
			continue
		}
		b := &bus{conn: conn, object: conn.Object(service, objectPath), ctx: ctx, cancel: cancel}
		if err = b.listen(a.isDirect); err == nil {
			return b, nil
		}
		conn.Close()
		errs = append(errs, fmt.Errorf("%s: %w", a.text, err))
	}
	cancel()
	whose := "the system's systemd"
	if user {
		whose = "the user's systemd (is this a login session, with XDG_RUNTIME_DIR set?)"
	}
	return nil, fmt.Errorf("connect to %s: %w", whose, joined(errs))
}

// CheckRunning returns the error of reaching the manager of the system or of the
// user. It asks it nothing.
func CheckRunning(user bool) error {
	b, err := connect(user)
	if err == nil {
		b.close()
	}
	return err
}

// joined puts errors on one line.
func joined(errs []error) error {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func dial(ctx context.Context, a address) (*dbus.Conn, error) {
	conn, err := dbus.Dial(a.text, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	// No name is claimed: the kernel says who this is. In a user namespace
	// both sides would name the same user differently.
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal("")}); err == nil && !a.isDirect {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// listen has the ends of jobs told to us, as systemd does on its own socket
// without being asked.
func (b *bus) listen(isDirect bool) error {
	b.signals = make(chan *dbus.Signal, 16)
	b.conn.Signal(b.signals)
	if isDirect {
		return nil
	}
	return b.conn.AddMatchSignalContext(b.ctx, dbus.WithMatchSender(service),
		dbus.WithMatchInterface(service+".Manager"), dbus.WithMatchMember("JobRemoved"))
}

func (b *bus) close() {
	b.cancel()
	b.conn.Close()
}

// call calls a method of the manager; result may be nil.
func (b *bus) call(result any, method string, args ...any) error {
	call := b.object.CallWithContext(b.ctx, manager+method, 0, args...)
	if call.Err != nil {
		return call.Err
	}
	if result == nil {
		return nil
	}
	return call.Store(result)
}

// wait waits for a job's end and gives its result, systemd's word for it:
// "done" for success.
func (b *bus) wait(job dbus.ObjectPath) (string, error) {
	for {
		select {
		case <-b.ctx.Done():
			return "", fmt.Errorf("still not done after %v", patience)
		case s, ok := <-b.signals:
			if !ok {
				return "", errors.New("systemd closed the connection")
			}
			// JobRemoved(id, job, unit, result)
			if s.Name != manager+"JobRemoved" || len(s.Body) < 4 || s.Body[1] != job {
				continue
			}
			result, _ := s.Body[3].(string)
			return result, nil
		}
	}
}

// isError tells whether systemd answered with the error of this name.
func isError(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// hostUID is this user outside of user namespaces, who owns the runtime
// directory.
func hostUID() int {
	uid := os.Getuid()
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return uid
	}
	return outside(string(text), uid)
}

// outside looks up an id in a map, user_namespaces(7).
func outside(idMap string, id int) int {
	for line := range strings.Lines(idMap) {
		var inner, outer, size int
		if _, err := fmt.Sscan(line, &inner, &outer, &size); err == nil && id >= inner && id-inner < size {
			return outer + id - inner
		}
	}
	return id
}
