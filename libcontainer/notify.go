package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
)

// A service manager that runs us learns through us when the container's process
// is ready, sd_notify(3): it takes messages from its own service's processes
// only, and the container's are in another cgroup.
const (
	notifyVariable = "NOTIFY_SOCKET"
	notifyName     = "notify" // the directory in the state directory, and the socket in it
	notifyTarget   = "/run/notify"
	// barrierTimeout is how long the manager may take to read what we sent, in ms.
	barrierTimeout = 30_000
)

// wantsNotify tells whether there is a manager to tell.
func wantsNotify() bool { return os.Getenv(notifyVariable) != "" }

// notifyMount shows the container a directory that gets a socket when its
// process starts.
func notifyMount(state string) specs.Mount {
	return specs.Mount{
		Destination: notifyTarget, Type: "bind", Source: state + "/" + notifyName,
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
	}
}

// notifyEnv is what sd_notify(3) looks for.
const notifyEnv = notifyVariable + "=" + notifyTarget + "/" + notifyName

// makeNotifyDir makes the directory, which the container's users may pass.
func (e *entry) makeNotifyDir() error {
	if err := unix.Mkdirat(e.dir, notifyName, 0o755); err != nil {
		return fmt.Errorf("state directory %s: make %s: %w", e.path(), notifyName, err)
	}
	// Whatever the umask is.
	if err := unix.Fchmodat(e.dir, notifyName, 0o755, 0); err != nil {
		return fmt.Errorf("state directory %s: mode of %s: %w", e.path(), notifyName, err)
	}
	return nil
}

// notifier passes messages of the container on to the manager.
type notifier struct {
	from, to int
}

// openNotifier makes the socket that the container's process sends to; nil where
// nobody would hear it. That is no reason not to run the process.
func (c *Container) openNotifier() *notifier {
	if !c.state.Notify || !wantsNotify() {
		return nil
	}
	n := &notifier{from: -1, to: -1}
	if err := n.open(c.entry); err != nil {
		n.close()
		c.runtime.warn(notifyError(err).Error())
		return nil
	}
	return n
}

func notifyError(err error) error {
	return fmt.Errorf("%s=%s: %w", notifyVariable, os.Getenv(notifyVariable), err)
}

func (n *notifier) open(e *entry) error {
	var err error
	if n.to, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Connect(n.to, &unix.SockaddrUnix{Name: os.Getenv(notifyVariable)}); err != nil {
		return err
	}
	if n.from, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	dir, err := unix.Openat(e.dir, notifyName, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	// The state root's path may be longer than the address of a socket.
	address := &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + notifyName}
	err = unix.Bind(n.from, address)
	if err == unix.EADDRINUSE && unix.Connect(n.from, address) == unix.ECONNREFUSED {
		// Of a start that was killed; another one's would have let us connect.
		if err = unix.Unlinkat(dir, notifyName, 0); err == nil {
			err = unix.Bind(n.from, address)
		}
	}
	if err != nil {
		return err
	}
	return unix.Fchmodat(dir, notifyName, 0o777, 0)
}

func (n *notifier) close() {
	if n == nil {
		return
	}
	for _, fd := range []int{n.from, n.to} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// awaitReady waits for the process to say that it is ready, or to end. The
// manager then follows the process itself instead of us.
func (c *Container) awaitReady(n *notifier) {
	if n == nil {
		return
	}
	process, err := c.state.openProcess()
	if errors.Is(err, ErrNotRunning) {
		return
	}
	if err == nil {
		defer unix.Close(process)
		err = n.untilReady(c.state.Pid, process)
	}
	if err != nil {
		c.runtime.warn(err.Error())
	}
}

func (n *notifier) untilReady(pid, process int) error {
	for {
		message, ended := n.next(process)
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

// relay passes on what a process in the foreground says until it ends, and then
// closes done.
func (n *notifier) relay(process int, done chan<- struct{}) {
	defer close(done)
	for {
		message, ended := n.next(process)
		if ended {
			return
		}
		if own := filterNotify(message); own != "" {
			_ = n.send(own)
		}
	}
}

// next is the next message; ended when there are no more and the process has
// ended, too. Descriptors in it are closed by the kernel, as there is no room
// for them.
func (n *notifier) next(process int) (message []byte, ended bool) {
	var buf [4096]byte
	for {
		fds := []unix.PollFd{{Fd: int32(n.from), Events: unix.POLLIN}, {Fd: int32(process), Events: unix.POLLIN}}
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
		} else if fds[1].Revents != 0 {
			return nil, true
		}
	}
}

func (n *notifier) send(message string) error {
	if _, err := unix.Write(n.to, []byte(message)); err != nil {
		return notifyError(err)
	}
	return nil
}

// barrier waits until the manager has read all that was sent, sd_notify(3)
// BARRIER=1: from a process that has ended it would take nothing.
func (n *notifier) barrier() error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(pipe[0])
	err := unix.Sendmsg(n.to, []byte("BARRIER=1"), unix.UnixRights(pipe[1]), nil, unix.MSG_NOSIGNAL)
	unix.Close(pipe[1])
	if err != nil {
		return notifyError(err)
	}
	pidfd.Wait(pipe[0], barrierTimeout)
	return nil
}

// filterNotify keeps the lines that a container may say about itself. Others,
// MAINPID and FDSTORE among them, would speak for processes of the host.
func filterNotify(message []byte) string {
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
