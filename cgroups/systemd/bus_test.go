package systemd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// peer plays the other end of a message bus. answer gives the body of the answer
// to a method's nth call; what it has no answer to is never answered, and the
// connection is closed with errClose.
type peer struct {
	answer func(method string, n int) ([]any, error)
	calls  map[string]int
	// accepted counts connections.
	accepted atomic.Int32
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
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+path)
	p.calls = map[string]int{}
	go func() {
		// One connection at a time, as the client has.
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			p.converse(c)
			c.Close()
		}
	}()
}

func (p *peer) converse(c net.Conn) {
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
	p.calls[method]++
	return p.answer(method, p.calls[method])
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
			return
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
			p.send(c, &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(objectPath)),
				dbus.FieldInterface: dbus.MakeVariant(service + ".Manager"),
				dbus.FieldMember:    dbus.MakeVariant("JobRemoved"),
				dbus.FieldSender:    dbus.MakeVariant(service),
			}, Body: append([]any{uint32(1), body[0], "x.scope"}, result...)}, 1000+serial)
		} else if errors.Is(err, errClose) {
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

// refuse is the answer of an error.
func refuse(name string) error { return dbus.Error{Name: name, Body: []any{"refused"}} }

var errSilence = errors.New("no answer")

// usual answers as a systemd does for which all goes well.
func usualAnswer(method string) ([]any, error) {
	switch method {
	case "Hello":
		return []any{":1.1"}, nil
	case "StartTransientUnit", "StopUnit":
		return []any{dbus.ObjectPath("/job/1")}, nil
	case ownSignal:
		return []any{"done"}, nil
	case "GetUnit", "GetUnitByPID":
		return []any{dbus.ObjectPath("/unit/x")}, nil
	case "Get":
		return []any{dbus.MakeVariant("active")}, nil
	}
	return nil, nil
}

// testUnit is a unit that loses its patience soon.
func testUnit() *Unit {
	return &Unit{Name: Name{Slice: "system.slice", Unit: "x.scope"}, patience: 300 * time.Millisecond}
}

func TestUnitStartAndStop(t *testing.T) {
	p := &peer{answer: func(method string, _ int) ([]any, error) { return usualAnswer(method) }}
	p.serve(t)
	u := testUnit()
	defer u.Close()
	if err := u.Start("x", 1, true, nil, nil); err != nil {
		t.Fatal(err)
	}
	// Patience is for each thing that is asked.
	time.Sleep(2 * u.patience)
	if err := u.Set([]Property{set("TasksMax", uint64(1))}); err != nil {
		t.Error(err)
	}
	if err := u.Stop(); err != nil {
		t.Error(err)
	}
	if n := p.accepted.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestSilence: a systemd that doesn't answer, at each step, is an error in time
// that says so.
func TestSilence(t *testing.T) {
	for method, want := range map[string]string{
		"AUTH":               "connect to the system's systemd: unix:path=",
		"Hello":              "connect to the system's systemd: unix:path=",
		"AddMatch":           "connect to the system's systemd: unix:path=",
		"StartTransientUnit": "start systemd unit x.scope: StartTransientUnit: no answer from systemd within 300ms",
		ownSignal:            "start systemd unit x.scope: still not done after 300ms",
	} {
		t.Run(method, func(t *testing.T) {
			p := &peer{answer: func(called string, _ int) ([]any, error) {
				if called == method {
					return nil, errSilence
				}
				return usualAnswer(called)
			}}
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
			if took := time.Since(began); took > 20*u.patience {
				t.Errorf("Start took %v", took)
			}
		})
	}
}

// TestReconnect: the connection is lost at some step, as when systemd executes
// itself anew, and all ends well.
func TestReconnect(t *testing.T) {
	for _, method := range []string{"StartTransientUnit", ownSignal, "SetUnitProperties", "StopUnit"} {
		t.Run(method, func(t *testing.T) {
			stopping := false
			p := &peer{answer: func(called string, n int) ([]any, error) {
				switch {
				case called == method && n == 1:
					return nil, errClose
				case called == "StartTransientUnit" && n == 2:
					return nil, refuse(errUnitExists) // the first call did come through
				case called == "StopUnit":
					stopping = true
				case called == "GetUnit" && stopping:
					return nil, refuse(errNoSuchUnit)
				}
				return usualAnswer(called)
			}}
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
			if n := p.accepted.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

// TestLostForGood: a connection that is lost each time is an error.
func TestLostForGood(t *testing.T) {
	p := &peer{answer: func(method string, _ int) ([]any, error) {
		if method == "StartTransientUnit" {
			return nil, errClose
		}
		return usualAnswer(method)
	}}
	p.serve(t)
	u := testUnit()
	defer u.Close()
	err := u.Start("x", 1, true, nil, nil)
	if want := "start systemd unit x.scope: StartTransientUnit: the connection to systemd was closed"; err == nil || err.Error() != want {
		t.Errorf("Start: %v, want %s", err, want)
	}
}

func TestStopResetsAFailedUnit(t *testing.T) {
	p := &peer{answer: func(method string, _ int) ([]any, error) { return usualAnswer(method) }}
	p.serve(t)
	u := testUnit()
	if err := u.Stop(); err != nil {
		t.Error(err)
	}
	u.Close()
	if p.calls["ResetFailedUnit"] != 1 {
		t.Errorf("calls: %v, want ResetFailedUnit", p.calls)
	}
}
