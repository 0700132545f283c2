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

// patience is how long systemd may take for one thing that is asked of it:
// the connection, or a call with the job that it begins.
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
	// ctx ends when patience does, see begin.
	ctx      context.Context
	cancel   context.CancelFunc
	patience time.Duration
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
func connect(user bool, patience time.Duration) (*bus, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var errs []error
	for _, a := range addresses(user, os.Getenv, hostUID()) {
		b, err := reach(ctx, a)
		if err == nil {
			b.patience = patience
			return b, nil
		}
		if ctx.Err() != nil {
			// What is in err is that the connection was closed, by us.
			err = fmt.Errorf("no answer within %v", patience)
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.text, err))
		if ctx.Err() != nil {
			break
		}
	}
	whose := "the system's systemd"
	if user {
		whose = "the user's systemd (is this a login session, with XDG_RUNTIME_DIR set?)"
	}
	return nil, fmt.Errorf("connect to %s: %w", whose, joined(errs))
}

// CheckRunning returns the error of reaching the manager of the system or of the
// user. It asks it nothing.
func CheckRunning(user bool) error {
	b, err := connect(user, patience)
	if err == nil {
		b.close()
	}
	return err
}

// reach connects to one address. ctx is for that only: it closes the connection
// when it ends before.
func reach(ctx context.Context, a address) (*bus, error) {
	conn, err := dbus.Dial(a.text)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	b := &bus{conn: conn, object: conn.Object(service, objectPath), ctx: ctx, cancel: func() {}}
	if err = introduce(conn, a.isDirect); err == nil {
		err = b.listen(a.isDirect)
	}
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return b, nil
}

// joined puts errors on one line.
func joined(errs []error) error {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// introduce authenticates. No name is claimed: the kernel says who this is. In a
// user namespace both sides would name the same user differently.
func introduce(conn *dbus.Conn, isDirect bool) error {
	err := conn.Auth([]dbus.Auth{dbus.AuthExternal("")})
	if err == nil && !isDirect {
		err = conn.Hello()
	}
	return err
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

// begin gives systemd its time for the next thing that is asked.
func (b *bus) begin() {
	b.cancel()
	b.ctx, b.cancel = context.WithTimeout(context.Background(), b.patience)
}

// errLost says that the connection has ended without an answer, as it does when
// systemd executes itself anew or the message bus is restarted.
var errLost = errors.New("the connection to systemd was closed")

// call calls a method of the manager; result may be nil.
func (b *bus) call(result any, method string, args ...any) error {
	call := b.object.CallWithContext(b.ctx, manager+method, 0, args...)
	var answer dbus.Error
	switch {
	case call.Err == nil && result == nil:
		return nil
	case call.Err == nil:
		return call.Store(result)
	case errors.As(call.Err, &answer):
		return call.Err
	case b.ctx.Err() != nil:
		return fmt.Errorf("%s: no answer from systemd within %v", method, b.patience)
	case !b.conn.Connected():
		return fmt.Errorf("%s: %w", method, errLost)
	}
	return fmt.Errorf("%s: %w", method, call.Err)
}

// property asks for one of an object's, a variant.
func (b *bus) property(path dbus.ObjectPath, kind, name string) *dbus.Call {
	return b.conn.Object(service, path).CallWithContext(b.ctx, "org.freedesktop.DBus.Properties.Get", 0, kind, name)
}

// wait waits for a job's end and gives its result, systemd's word for it:
// "done" for success.
func (b *bus) wait(job dbus.ObjectPath) (string, error) {
	for {
		select {
		case <-b.ctx.Done():
			return "", fmt.Errorf("still not done after %v", b.patience)
		case s, ok := <-b.signals:
			if !ok {
				return "", errLost
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
