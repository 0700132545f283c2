package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// answerTimeout is the time that systemd has for each request: the connection, or
// a call with the job that it begins.
const answerTimeout = 30 * time.Second

// service is the name of systemd on a bus.
const service = "org.freedesktop.systemd1"

// bus is a connection to a manager of systemd: to its own socket if that can be
// reached, which avoids the message bus and works without one, or else to the
// bus. go-systemd does the rest; bus adds the choice of the address, timeouts,
// and that a lost connection is noticed.
type bus struct {
	*sdbus.Conn
	isDirect bool
	// ctx ends with the timeout of the present request, see begin.
	ctx     context.Context
	cancel  context.CancelFunc
	timeout time.Duration
	// lost ends with the connection.
	lost context.Context
}

// address is where a manager may be reached.
type address struct {
	text     string
	isDirect bool
}

// addresses returns the addresses of a manager in the order in which to try them.
// An address that the environment sets has no alternative for the system's
// manager, and comes first for the user's.
func addresses(ofUser bool, env func(string) string, uid int) []address {
	if !ofUser {
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

// connect connects to the manager of the system or of the user.
func connect(ofUser bool, timeout time.Duration) (*bus, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var errs []error
	for _, a := range addresses(ofUser, os.Getenv, hostUID()) {
		b, err := dial(ctx, a)
		if err == nil {
			b.timeout = timeout
			return b, nil
		}
		if ctx.Err() != nil {
			// err says that the connection is closed, which dial did.
			err = fmt.Errorf("no answer within %v", timeout)
		}
		errs = append(errs, fmt.Errorf("%s: %w", a.text, err))
		if ctx.Err() != nil {
			break
		}
	}
	whose := "the system's systemd"
	if ofUser {
		whose = "the user's systemd (is this a login session, with XDG_RUNTIME_DIR set?)"
	}
	isThere := func(err error) bool { return !errors.Is(err, fs.ErrNotExist) }
	if len(errs) > 1 && !slices.ContainsFunc(errs, isThere) {
		return nil, fmt.Errorf("connect to %s: it doesn't run here: %w", whose, unix.ENOENT)
	}
	return nil, fmt.Errorf("connect to %s: %w", whose, joined(errs))
}

// CheckRunning returns the error of connecting to the manager of the system or of
// the user. It makes no request.
func CheckRunning(ofUser bool) error {
	b, err := connect(ofUser, answerTimeout)
	if err == nil {
		b.close()
	}
	return err
}

// dial connects to one address. ctx limits the time for connecting only.
// go-systemd uses two connections, the second one for signals.
func dial(ctx context.Context, a address) (*bus, error) {
	lost, cancelLost := context.WithCancel(context.Background())
	b := &bus{isDirect: a.isDirect, ctx: ctx, cancel: func() {}, lost: lost}
	var stops []func() bool
	conn, err := sdbus.NewConnection(func() (*dbus.Conn, error) {
		conn, err := dbus.Dial(a.text)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(conn.Context(), cancelLost)
		// NewConnection has no context, so closing the connection is the only way
		// to interrupt it.
		stops = append(stops, context.AfterFunc(ctx, func() { conn.Close() }))
		if err := authenticate(conn, a.isDirect); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	})
	for _, stop := range stops {
		if !stop() && err == nil {
			conn.Close()
			err = ctx.Err()
		}
	}
	if err == nil && !conn.Connected() {
		conn.Close()
		err = errLost
	}
	if err != nil {
		cancelLost()
		return nil, err
	}
	b.Conn = conn
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

// authenticate claims no name, so that the kernel's credentials count: in a user
// namespace the two sides have different ids for the same user.
func authenticate(conn *dbus.Conn, isDirect bool) error {
	err := conn.Auth([]dbus.Auth{dbus.AuthExternal("")})
	if err == nil && !isDirect {
		err = conn.Hello()
	}
	return err
}

func (b *bus) close() {
	b.cancel()
	b.Close()
}

// begin starts the timeout of the next request.
func (b *bus) begin() {
	b.cancel()
	b.ctx, b.cancel = context.WithTimeout(context.Background(), b.timeout)
}

// errLost is the error of a connection that has ended without an answer, as it
// does when systemd re-executes itself or the message bus is restarted.
var errLost = errors.New("the connection to systemd was closed")

// explain returns the error of a call with the name of the method, or that the
// connection or the time has ended. An error that systemd has answered with stays
// as it is.
func (b *bus) explain(method string, err error) error {
	var answer dbus.Error
	switch {
	case err == nil, errors.As(err, &answer):
		return err
	case b.ctx.Err() != nil:
		return fmt.Errorf("%s: no answer from systemd within %v", method, b.timeout)
	case !b.Connected():
		return fmt.Errorf("%s: %w", method, errLost)
	}
	return fmt.Errorf("%s: %w", method, err)
}

// wait waits for the end of a job and returns its result, in systemd's words:
// "done" for success.
func (b *bus) wait(result <-chan string) (string, error) {
	select {
	case r := <-result:
		return r, nil
	case <-b.lost.Done():
		return "", errLost
	case <-b.ctx.Done():
		return "", fmt.Errorf("still not done after %v", b.timeout)
	}
}

// managerProperty returns a property of the manager itself.
func (b *bus) managerProperty(name string) (any, error) {
	// This call of go-systemd has no context either.
	stop := context.AfterFunc(b.ctx, b.Close)
	defer stop()
	text, err := b.GetManagerProperty(name)
	if err != nil {
		return nil, b.explain(name, err)
	}
	v, err := dbus.ParseVariant(text, dbus.Signature{})
	return v.Value(), err
}

// isError reports whether systemd answered with the error of this name.
func isError(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// hostUID returns this user's id outside of user namespaces, which the runtime
// directory is named after.
func hostUID() int {
	uid := os.Getuid()
	uidMap, err := user.CurrentProcessUIDMap()
	if err != nil {
		return uid
	}
	return outside(uidMap, uid)
}

// outside looks up an id in a map, user_namespaces(7). One that isn't mapped stays the
// same.
func outside(uidMap []user.IDMap, id int) int {
	host, _, err := user.IdentityMapping{UIDMaps: uidMap}.ToHost(id, 0)
	if err != nil {
		return id
	}
	return host
}
