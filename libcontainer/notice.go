package libcontainer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer/state"
)

// Notice is something that has happened to a container. Which fields are set depends on
// Type.
type Notice struct {
	Type NoticeType
	ID   string
	Time time.Time
	// Event says what has happened. For lifecycle it is create, start, exec, pause, resume,
	// update, checkpoint, restore, exit or delete; for memory a key of memory.events of cgroup v2; for
	// pressure the trigger.
	Event string
	// Pid is the process that was created, started or executed, or has ended.
	Pid int
	// Exit is how init has ended, as far as that is known.
	Exit *ExitStatus
	// Count is how often the event of memory has happened so far.
	Count uint64
}

// NoticeType is the type of a Notice.
type NoticeType string

// The types of notices.
const (
	LifecycleNotice NoticeType = "lifecycle"
	MemoryNotice    NoticeType = "memory"
	PressureNotice  NoticeType = "pressure"
)

// Commands tell what they have done to those who listen: each listener has a datagram socket
// in the directory state.EventsName of the state root. Without that directory, which is how
// it usually is, it costs a command one openat(2) that fails. A listener that doesn't read
// loses notices: nothing waits for it. Only who may change the state of containers can make
// or reach the sockets.

// tellListeners tells the listeners what a command has done.
func (c *Container) tellListeners(event string, pid int) {
	dir, err := state.OpenEvents(c.runtime.Root)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("id", c.ID())
	w.String("event", event)
	w.Int("pid", pid)
	w.String("time", time.Now().Format(time.RFC3339Nano))
	w.End('}')
	if err := tell(dir, w.Text); err != nil {
		c.runtime.debugf("%s %s: tell the listeners: %v", event, c.ID(), err)
	}
}

// tell sends a message to each socket in a directory. It removes those of listeners that
// were killed.
func tell(dir int, message []byte) error {
	path := "/proc/self/fd/" + strconv.Itoa(dir)
	names, err := rawio.Names(path)
	if err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	for _, name := range names {
		err := unix.Sendto(socket, message, unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: path + "/" + name})
		if err == unix.ECONNREFUSED {
			_ = unix.Unlinkat(dir, name, 0)
		}
	}
	return nil
}

// listener receives what commands tell.
type listener struct {
	root   string
	dir    int
	name   string
	socket int
}

// listen makes a socket for the commands on the containers of a state root.
func listen(root string) (*listener, error) {
	path := root + "/" + state.EventsName
	l := &listener{root: root, dir: -1, socket: -1, name: fmt.Sprintf("%d.%08x", os.Getpid(), rand.Uint32())}
	var err error
	for range listenTries {
		if err = unix.Mkdir(path, 0o700); err != nil && err != unix.EEXIST {
			break
		}
		if l.dir, err = state.OpenEvents(root); err == unix.ENOENT {
			continue // the last other listener has just ended
		}
		if err != nil {
			break
		}
		if err = l.bind(); err != unix.ENOENT {
			break
		}
		unix.Close(l.dir)
		l.dir = -1
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("listen in %s: %w", path, err)
	}
	return l, nil
}

// listenTries bounds how often the directory is made anew that others have removed.
const listenTries = 100

func (l *listener) bind() (err error) {
	if l.socket < 0 {
		if l.socket, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
	}
	return unix.Bind(l.socket, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(l.dir) + "/" + l.name})
}

// next returns the next message that commands have sent; ok is false if there is none.
func (l *listener) next() (n Notice, ok bool) {
	buffer := make([]byte, 4096)
	for {
		size, _, err := unix.Recvfrom(l.socket, buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return n, false
		}
		n = Notice{Type: LifecycleNotice}
		var at string
		err = jsontext.DecodeObject("notice", buffer[:size], func(key string, v jsontext.Value) bool {
			switch key {
			case "id":
				v.String(&n.ID)
			case "event":
				v.String(&n.Event)
			case "pid":
				v.Int(&n.Pid)
			case "time":
				v.String(&at)
			default:
				return false
			}
			return true
		})
		if err == nil {
			n.Time, err = time.Parse(time.RFC3339Nano, at)
		}
		if err == nil && state.ValidID(n.ID) {
			return n, true
		}
	}
}

// close removes the socket, and the directory with the last one.
func (l *listener) close() {
	if l.dir >= 0 {
		_ = unix.Unlinkat(l.dir, l.name, 0)
		unix.Close(l.dir)
		_ = unix.Rmdir(l.root + "/" + state.EventsName)
	}
	if l.socket >= 0 {
		unix.Close(l.socket)
	}
}
