package systemd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// peer is a fake message bus with systemd. answer returns the body of the answer to the
// nth call of a method. If its error is a dbus.Error, that is the answer; errClose
// closes all connections, and after any other error there is no answer.
type peer struct {
	answer func(method string, n int) ([]any, error)

	mu    sync.Mutex
	calls map[string]int
	// conns are the open connections, accepted counts all.
	conns    []net.Conn
	accepted int
	// socket accepts connections.
	socket net.Listener
	// listener is the connection that has subscribed to signals.
	listener net.Conn
}

var errClose = errors.New("close the connection")

const ownSignal = "signal" // a method of a fake answer that isn't one

// serve listens at an address that the environment names.
func (p *peer) serve(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p.socket = l
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+path)
	p.calls = map[string]int{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.accepted++
			p.conns = append(p.conns, c)
			p.mu.Unlock()
			go p.converse(c)
		}
	}()
}

// closeAll closes all connections, as systemd does when it re-executes itself.
func (p *peer) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *peer) converse(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	if _, err := in.ReadByte(); err != nil {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch word, mechanism, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "BEGIN":
			p.messages(c, in)
			return
		case "AUTH":
			if _, err := p.answerTo("AUTH"); err != nil {
				continue
			}
			if mechanism == "" {
				_, _ = c.Write([]byte("REJECTED EXTERNAL\r\n"))
			} else {
				_, _ = c.Write([]byte("OK 1234\r\n"))
			}
		default:
			_, _ = c.Write([]byte("ERROR\r\n"))
		}
	}
}

func (p *peer) answerTo(method string) ([]any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[method]++
	return p.answer(method, p.calls[method])
}

// called returns how often a method was called.
func (p *peer) called(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[method]
}

// connected returns how many connections there have been.
func (p *peer) connected() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

func (p *peer) messages(c net.Conn, in *bufio.Reader) {
	for serial := uint32(1); ; serial++ {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		method, _ := m.Headers[dbus.FieldMember].Value().(string)
		body, err := p.answerTo(method)
		if errors.Is(err, errClose) {
			p.closeAll()
			return
		}
		if method == "AddMatch" {
			p.mu.Lock()
			p.listener = c
			p.mu.Unlock()
		}
		var refused dbus.Error
		isRefused := errors.As(err, &refused)
		if err != nil && !isRefused {
			continue
		}
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
		}, Body: body}
		if isRefused {
			reply.Type = dbus.TypeError
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(refused.Name)
			reply.Body = refused.Body
		}
		p.send(c, reply, serial)
		if method != "StartTransientUnit" && method != "StopUnit" || isRefused {
			continue
		}
		if result, err := p.answerTo(ownSignal); err == nil {
			p.mu.Lock()
			listener := p.listener
			p.mu.Unlock()
			p.send(listener, &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/systemd1")),
				dbus.FieldInterface: dbus.MakeVariant(service + ".Manager"),
				dbus.FieldMember:    dbus.MakeVariant("JobRemoved"),
				dbus.FieldSender:    dbus.MakeVariant(service),
			}, Body: append([]any{uint32(1), body[0], "x.scope"}, result...)}, 1000+serial)
		} else if errors.Is(err, errClose) {
			p.closeAll()
			return
		}
	}
}

func (p *peer) send(c net.Conn, m *dbus.Message, serial uint32) {
	if len(m.Body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.Body...))
	}
	var out strings.Builder
	if m.EncodeTo(&out, binary.LittleEndian) != nil {
		return
	}
	// The serial number has its place in the header, D-Bus Specification, "Message Format".
	wire := []byte(out.String())
	binary.LittleEndian.PutUint32(wire[8:], serial)
	_, _ = c.Write(wire)
}

// refuse returns the answer of an error.
func refuse(name string) error { return dbus.Error{Name: name, Body: []any{"refused"}} }

// connections is how many connections go-systemd opens at a time.
const connections = 2

var errSilence = errors.New("no answer")

// usualAnswer returns the answers for success. state is the ActiveState of the unit.
func usualAnswer(method, state string) ([]any, error) {
	switch method {
	case "Hello":
		return []any{":1.1"}, nil
	case "StartTransientUnit", "StopUnit":
		return []any{dbus.ObjectPath("/job/1")}, nil
	case ownSignal:
		return []any{"done"}, nil
	case "GetUnitByPID":
		return []any{dbus.ObjectPath("/org/freedesktop/systemd1/unit/x_2escope")}, nil
	case "GetAll":
		return []any{unitProperties(state, 0)}, nil
	}
	return nil, nil
}

// unitProperties returns the properties of a unit. A job of 0 means none.
func unitProperties(state string, job uint32) map[string]dbus.Variant {
	return map[string]dbus.Variant{
		"LoadState": dbus.MakeVariant("loaded"), "ActiveState": dbus.MakeVariant(state), "SubState": dbus.MakeVariant("some"),
		"Job": dbus.MakeVariant(struct {
			ID   uint32
			Path dbus.ObjectPath
		}{job, "/"}),
	}
}

// lively returns the answers of a systemd whose unit is active after StartTransientUnit
// and inactive after StopUnit. If instead returns true, its answer is used.
func lively(instead func(method string, n int) ([]any, error, bool)) func(string, int) ([]any, error) {
	state := "inactive"
	return func(method string, n int) ([]any, error) {
		switch method {
		case "StartTransientUnit":
			state = "active"
		case "StopUnit":
			state = "inactive"
		}
		if instead != nil {
			if body, err, ok := instead(method, n); ok {
				return body, err
			}
		}
		return usualAnswer(method, state)
	}
}

// testUnit returns a unit with a short timeout.
func testUnit() *Unit {
	return &Unit{Name: Name{Slice: "system.slice", Unit: "x.scope"}, timeout: 300 * time.Millisecond}
}

func TestUnitStartAndStop(t *testing.T) {
	p := &peer{answer: lively(nil)}
	p.serve(t)
	u := testUnit()
	defer u.Close()
	if err := u.Start("x", 1, true, nil, nil); err != nil {
		t.Fatal(err)
	}
	// The timeout is for each request.
	time.Sleep(2 * u.timeout)
	if err := u.Set([]Property{set("TasksMax", uint64(1))}); err != nil {
		t.Error(err)
	}
	if err := u.Stop(); err != nil {
		t.Error(err)
	}
	if n := p.connected(); n != connections {
		t.Errorf("%d connections, want %d", n, connections)
	}
}

// TestSilence: if systemd doesn't answer at some step, there is an error that says so
// after the timeout.
func TestSilence(t *testing.T) {
	for method, want := range map[string]string{
		"AUTH":               "connect to the system's systemd: unix:path=",
		"Hello":              "connect to the system's systemd: unix:path=",
		"AddMatch":           "connect to the system's systemd: unix:path=",
		"StartTransientUnit": "start systemd unit x.scope: StartTransientUnit: no answer from systemd within 300ms",
		ownSignal:            "start systemd unit x.scope: still not done after 300ms",
	} {
		t.Run(method, func(t *testing.T) {
			p := &peer{answer: lively(func(called string, _ int) ([]any, error, bool) {
				return nil, errSilence, called == method
			})}
			p.serve(t)
			u := testUnit()
			defer u.Close()
			began := time.Now()
			err := u.Start("x", 1, true, nil, nil)
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "closed") {
				t.Errorf("Start: %v, want %s", err, want)
			}
			if strings.HasPrefix(want, "connect") && !strings.HasSuffix(err.Error(), ": no answer within 300ms") {
				t.Errorf("Start: %v, want that there was no answer", err)
			}
			if took := time.Since(began); took > 20*u.timeout {
				t.Errorf("Start took %v", took)
			}
		})
	}
}

// TestReconnect: the connection is lost at some step, as when systemd re-executes
// itself, and every operation succeeds.
func TestReconnect(t *testing.T) {
	for _, method := range []string{"StartTransientUnit", ownSignal, "SetUnitProperties", "StopUnit"} {
		t.Run(method, func(t *testing.T) {
			p := &peer{answer: lively(func(called string, n int) ([]any, error, bool) {
				switch {
				case called == method && n == 1:
					return nil, errClose, true
				case called == "StartTransientUnit" && n == 2:
					return nil, refuse(errUnitExists), true // the first call was carried out
				}
				return nil, nil, false
			})}
			p.serve(t)
			u := testUnit()
			defer u.Close()
			if err := u.Start("x", 1, true, nil, nil); err != nil {
				t.Errorf("Start: %v", err)
			}
			if err := u.Set([]Property{set("TasksMax", uint64(1))}); err != nil {
				t.Errorf("Set: %v", err)
			}
			if err := u.Stop(); err != nil {
				t.Errorf("Stop: %v", err)
			}
			if n := p.connected(); n != 2*connections {
				t.Errorf("%d connections, want %d", n, 2*connections)
			}
		})
	}
}

// TestLostForGood: a connection that is lost again and again is an error.
func TestLostForGood(t *testing.T) {
	p := &peer{answer: lively(func(method string, _ int) ([]any, error, bool) {
		return nil, errClose, method == "StartTransientUnit"
	})}
	p.serve(t)
	u := testUnit()
	defer u.Close()
	err := u.Start("x", 1, true, nil, nil)
	if want := "start systemd unit x.scope: StartTransientUnit: the connection to systemd was closed"; err == nil || err.Error() != want {
		t.Errorf("Start: %v, want %s", err, want)
	}
}

// TestGone: the connection is lost at some step, and there is no systemd any more.
func TestGone(t *testing.T) {
	for _, method := range []string{"StartTransientUnit", ownSignal, "GetUnitByPID", "SetUnitProperties", "StopUnit"} {
		t.Run(method, func(t *testing.T) {
			p := &peer{}
			p.answer = lively(func(called string, n int) ([]any, error, bool) {
				switch {
				case called == method:
					p.socket.Close()
					return nil, errClose, true
				case called == "StartTransientUnit" && method == "GetUnitByPID":
					return nil, refuse(errUnitExists), true
				}
				return nil, nil, false
			})
			p.serve(t)
			u := testUnit()
			defer u.Close()
			err := u.Start("x", 1, true, nil, nil)
			if err == nil {
				err = u.Set([]Property{set("TasksMax", uint64(1))})
			}
			if err == nil {
				err = u.Stop()
			}
			if err == nil || !strings.Contains(err.Error(), "connect to the system's systemd") {
				t.Errorf("error %v, want that systemd can't be reached", err)
			}
		})
	}
}

// TestForgedSignal: on a message bus any user can send the signal that ends a job.
func TestForgedSignal(t *testing.T) {
	for _, c := range []struct {
		name, signal, state string
		jobs                int // answers for which the unit still has its job
		wantErr             string
	}{
		{"a failure that is none", "failed", "active", 2, ""},
		{"a success too early", "done", "active", 2, ""},
		{"a failure", "failed", "failed", 0, `start systemd unit x.scope: its job ended with "failed" (it is loaded, failed, some)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &peer{answer: lively(func(method string, n int) ([]any, error, bool) {
				switch {
				case method == ownSignal:
					return []any{c.signal}, nil, true
				case method == "GetAll" && n <= c.jobs:
					return []any{unitProperties("activating", 7)}, nil, true
				case method == "GetAll":
					return []any{unitProperties(c.state, 0)}, nil, true
				}
				return nil, nil, false
			})}
			p.serve(t)
			u := testUnit()
			defer u.Close()
			err := u.Start("x", 1, true, nil, nil)
			if c.wantErr == "" && err != nil || c.wantErr != "" && (err == nil || err.Error() != c.wantErr) {
				t.Errorf("Start: %v, want %q", err, c.wantErr)
			}
			if n := p.called("GetAll"); n <= c.jobs {
				t.Errorf("%d looks at the unit, want more than %d", n, c.jobs)
			}
		})
	}
}

func TestStopResetsAFailedUnit(t *testing.T) {
	p := &peer{answer: lively(nil)}
	p.serve(t)
	u := testUnit()
	if err := u.Stop(); err != nil {
		t.Error(err)
	}
	u.Close()
	if n := p.called("ResetFailedUnit"); n != 1 {
		t.Errorf("%d calls of ResetFailedUnit, want 1", n)
	}
}
