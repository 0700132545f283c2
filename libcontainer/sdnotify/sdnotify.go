// Package sdnotify informs the service manager that runs the runtime when a container's
// process is ready, sd_notify(3). A service manager accepts messages only from
// processes of the service, and the container's processes are in another cgroup. The
// container therefore gets a socket of the runtime, which forwards those messages that
// a container may send.
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
	// Env is the environment variable with which the container's process finds its
	// socket.
	Env = Variable + "=" + target + "/" + name

	name   = "notify" // of the directory in the state directory, and of the socket in it
	target = "/run/notify"

	// barrierTimeout is the time, in milliseconds, that the manager has to read what
	// was sent.
	barrierTimeout = 30_000
)

// Mount returns the mount that makes the directory of MakeDir visible in the container.
// The socket appears in it when the container is started.
func Mount(d *state.Dir) specs.Mount {
	return specs.Mount{
		Destination: target, Type: "bind", Source: d.Path() + "/" + name,
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
	}
}

// MakeDir creates the directory for the socket in the state directory. All users of the
// container may search it.
func MakeDir(d *state.Dir) error {
	if err := unix.Mkdirat(d.FD(), name, 0o755); err != nil {
		return fmt.Errorf("state directory %s: create %s: %w", d.Path(), name, err)
	}
	// Independently of the umask.
	if err := unix.Fchmodat(d.FD(), name, 0o755, 0); err != nil {
		return fmt.Errorf("state directory %s: mode of %s: %w", d.Path(), name, err)
	}
	return nil
}

// Notifier forwards messages of a container to the service manager. A nil *Notifier
// does nothing.
type Notifier struct {
	manager string
	from    int // socket that the container sends to
	to      int // socket that is connected to the manager
}

// Open creates the socket that the container's process sends to, and connects to the
// manager's socket, whose address has the form of NOTIFY_SOCKET. The caller closes the
// result.
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
		// The socket is left over from a start that was killed. We could have connected
		// to that of a start that still runs.
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

// UntilReady waits until the process has reported that it is ready, or has ended, or
// ctx is done. pid is its process id and process a pidfd of it. It reports the
// readiness to the manager, which from then on follows that process instead of the
// runtime.
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
		return n.Ready(pid)
	}
}

// Ready reports to the manager that the process pid is ready, which it follows from then on
// instead of the runtime.
func (n *Notifier) Ready(pid int) error {
	if n == nil {
		return nil
	}
	if err := n.send("READY=1\nMAINPID=" + strconv.Itoa(pid)); err != nil {
		return err
	}
	return n.barrier()
}

// Relay forwards the messages of a process until the process has ended, and then closes
// done. process is a pidfd of it.
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

// next returns the next message. ended reports that there are no more messages and that
// the process has ended, or that cancelled is ready. The kernel closes descriptors in a
// message, because the buffer has no room for them.
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

// barrier waits until the manager has read everything that was sent, sd_notify(3)
// BARRIER=1. The manager ignores messages of a process that has ended.
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

// allowed returns the lines with which a container describes itself. Others, such as
// MAINPID and FDSTORE, would affect processes of the host.
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
