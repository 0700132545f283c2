// Package sdnotify tells the service manager that runs the runtime when a container's
// process is ready, sd_notify(3). The manager accepts messages of its own service's
// processes only, and the container's are in another cgroup: the container gets a
// socket of the runtime's, which passes on what the container may say.
package sdnotify

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/libcontainer/state"
)

const (
	// Variable is the environment variable with the address of the manager's socket.
	Variable = "NOTIFY_SOCKET"
	// Env tells the container's process where its socket is.
	Env = Variable + "=" + target + "/" + name

	name   = "notify" // the directory in the state directory, and the socket in it
	target = "/run/notify"

	// barrierTimeout is how long, in milliseconds, the manager may take to read what
	// was sent.
	barrierTimeout = 30_000
)

// Mount returns the mount that shows the container the directory of MakeDir, in
// which a socket appears when its process starts.
func Mount(d *state.Dir) specs.Mount {
	return specs.Mount{
		Destination: target, Type: "bind", Source: d.Path() + "/" + name,
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
	}
}

// MakeDir creates the directory for the socket, which all users of the container may
// search.
func MakeDir(d *state.Dir) error {
	if err := unix.Mkdirat(d.FD(), name, 0o755); err != nil {
		return fmt.Errorf("state directory %s: create %s: %w", d.Path(), name, err)
	}
	// Whatever the umask is.
	if err := unix.Fchmodat(d.FD(), name, 0o755, 0); err != nil {
		return fmt.Errorf("state directory %s: mode of %s: %w", d.Path(), name, err)
	}
	return nil
}

// Notifier passes messages of a container on to the manager. A nil *Notifier passes
// on nothing.
type Notifier struct {
	manager  string
	from, to int
}

// Open creates the socket that the container's process sends to, and connects to the
// manager's at an address in the form of NOTIFY_SOCKET. The caller closes the result.
func Open(d *state.Dir, manager string) (*Notifier, error) {
	n := &Notifier{manager: manager, from: -1, to: -1}
	if err := n.open(d); err != nil {
		n.Close()
		return nil, n.wrap(err)
	}
	return n, nil
}

func (n *Notifier) wrap(err error) error {
	return fmt.Errorf("%s=%s: %w", Variable, n.manager, err)
}

func (n *Notifier) open(d *state.Dir) error {
	var err error
	if n.to, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Connect(n.to, &unix.SockaddrUnix{Name: n.manager}); err != nil {
		return err
	}
	if n.from, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	dir, err := unix.Openat(d.FD(), name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	// The state root's path may be longer than the address of a socket.
	address := &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + name}
	err = unix.Bind(n.from, address)
	if err == unix.EADDRINUSE && unix.Connect(n.from, address) == unix.ECONNREFUSED {
		// Of a start that was killed; another one's would have let us connect.
		if err = unix.Unlinkat(dir, name, 0); err == nil {
			err = unix.Bind(n.from, address)
		}
	}
	if err != nil {
		return err
	}
	return unix.Fchmodat(dir, name, 0o777, 0)
}

// Close closes both sockets.
func (n *Notifier) Close() {
	if n == nil {
		return
	}
	for _, fd := range []int{n.from, n.to} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// UntilReady waits until the process pid, which the pidfd process refers to, says that
// it is ready, or ends, or ctx is done. From then on the manager follows that process
// instead of the runtime.
func (n *Notifier) UntilReady(ctx context.Context, pid, process int) error {
	if n == nil {
		return nil
	}
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	for {
		message, ended := n.next(process, cancelled.PollFd())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ended {
			return nil
		}
		if !hasLine(message, "READY=1") {
			continue
		}
		if err := n.send("READY=1\nMAINPID=" + strconv.Itoa(pid)); err != nil {
			return err
		}
		return n.barrier()
	}
}

// Relay passes on what a process says until it ends, and then closes done.
func (n *Notifier) Relay(process int, done chan<- struct{}) {
	defer close(done)
	if n == nil {
		return
	}
	for {
		message, ended := n.next(process, unix.PollFd{Fd: -1})
		if ended {
			return
		}
		if own := allowed(message); own != "" {
			_ = n.send(own)
		}
	}
}

// next returns the next message, or ended when there are no more and the process has
// ended, or when cancelled becomes readable. Descriptors in a message are
// closed by the kernel, as there is no room for them.
func (n *Notifier) next(process int, cancelled unix.PollFd) (message []byte, ended bool) {
	var buf [4096]byte
	for {
		fds := []unix.PollFd{
			{Fd: int32(n.from), Events: unix.POLLIN}, {Fd: int32(process), Events: unix.POLLIN},
			cancelled,
		}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return nil, true
		}
		if fds[0].Revents != 0 {
			size, err := unix.Read(n.from, buf[:])
			if err == nil {
				return buf[:size], false
			}
			if err != unix.EINTR {
				return nil, true
			}
		} else if fds[1].Revents != 0 || fds[2].Revents != 0 {
			return nil, true
		}
	}
}

func (n *Notifier) send(message string) error {
	if _, err := unix.Write(n.to, []byte(message)); err != nil {
		return n.wrap(err)
	}
	return nil
}

// barrier waits until the manager has read all that was sent, sd_notify(3)
// BARRIER=1: from a process that has ended it would take nothing.
func (n *Notifier) barrier() error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(pipe[0])
	err := unix.Sendmsg(n.to, []byte("BARRIER=1"), unix.UnixRights(pipe[1]), nil, unix.MSG_NOSIGNAL)
	unix.Close(pipe[1])
	if err != nil {
		return n.wrap(err)
	}
	pidfd.Wait(pipe[0], barrierTimeout)
	return nil
}

// allowed returns the lines that a container may say about itself. Others,
// MAINPID and FDSTORE among them, would speak for processes of the host.
func allowed(message []byte) string {
	var own []byte
	for line := range bytes.Lines(message) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		name, _, _ := bytes.Cut(line, []byte("="))
		switch string(name) {
		case "READY", "RELOADING", "STOPPING", "MONOTONIC_USEC", "STATUS", "ERRNO", "EXIT_STATUS",
			"WATCHDOG", "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC":
			own = append(append(own, line...), '\n')
		}
	}
	return string(own)
}

func hasLine(message []byte, want string) bool {
	for line := range bytes.Lines(message) {
		if string(bytes.TrimSuffix(line, []byte("\n"))) == want {
			return true
		}
	}
	return false
}
