package libcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/seccomp"
)

// supervisor is the seccomp agent of a container that this process runs. The container gets
// another profile, whose agent it is. Processes of exec get the same, because it is in the
// config.json of the state directory.
type supervisor struct {
	// profile returns the container's profile; original is that of the bundle, nil if it has
	// none.
	profile func(original *specs.LinuxSeccomp) (*specs.LinuxSeccomp, error)
	// decide may be called by several goroutines.
	decide func(seccomp.Notification) seccomp.Verdict

	socket    int
	cancelled *cancel.Signal
	stopped   context.CancelFunc
	running   sync.WaitGroup
	// warn is told of what the agent has missed; nil if its user asks for missed.
	warn   func(string)
	mutex  sync.Mutex
	missed error
}

// adapt replaces the profile in a bundle that was read.
func (s *supervisor) adapt(b *bundle.Bundle, root, id string) error {
	profile, err := s.profile(b.Spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	profile.ListenerPath = filepath.Join(root, id, state.AgentName)
	if most := len(unix.RawSockaddrUnix{}.Path) - 1; len(profile.ListenerPath) > most {
		return fmt.Errorf("seccomp agent %s: a socket's path has at most %d bytes: choose a shorter --root or id", profile.ListenerPath, most)
	}
	profile.ListenerMetadata = ""
	b.Spec.Linux.Seccomp = profile
	b.Content, err = json.Marshal(b.Spec)
	return err
}

// listen creates the socket in the container's state directory, and serves it until close.
func (s *supervisor) listen(dir *state.Dir) (err error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("seccomp agent: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.FD(), state.AgentName)})
	if err == nil {
		err = unix.Listen(fd, 8)
	}
	ctx, stop := context.WithCancel(context.Background())
	if err == nil {
		s.cancelled, err = cancel.On(ctx)
	}
	if err != nil {
		stop()
		unix.Close(fd)
		return fmt.Errorf("seccomp agent %s: %w", state.AgentName, err)
	}
	s.socket, s.stopped = fd, stop
	s.running.Go(s.accept)
	return nil
}

// close ends the agent. System calls of processes that are left fail with ENOSYS then. It may
// be called more than once, and for nil.
func (s *supervisor) close() {
	if s == nil || s.stopped == nil {
		return
	}
	s.stopped()
	s.running.Wait()
	s.cancelled.Close()
	unix.Close(s.socket)
	s.stopped = nil
	if s.missed != nil && s.warn != nil {
		s.warn(fmt.Sprintf("not all system calls of the container were seen, and some have failed with ENOSYS: %v", s.missed))
	}
}

// miss notes that system calls weren't seen.
func (s *supervisor) miss(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.missed == nil {
		s.missed = fmt.Errorf("seccomp agent: %w", err)
	}
}

// wait waits until a descriptor is readable. It returns false if there is nothing more to
// come, or when the agent is closed.
func (s *supervisor) wait(fd int) bool {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, s.cancelled.PollFd()}
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			s.miss(err)
			return false
		}
		return fds[1].Revents == 0 && fds[0].Revents&unix.POLLIN != 0
	}
}

// acceptPause is the time, in milliseconds, after which an accept that has failed is repeated.
const acceptPause = 10

// accept receives listeners, one from each process that gets the filter.
func (s *supervisor) accept() {
	for s.wait(s.socket) {
		connection, _, err := unix.Accept4(s.socket, unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			if listener, err := s.receive(connection); err == nil {
				s.running.Go(func() { s.serve(listener) })
			}
			unix.Close(connection)
		case unix.EINTR, unix.ECONNABORTED:
		default:
			s.miss(err)
			// Descriptors or memory may be there again a little later.
			_, _ = unix.Poll([]unix.PollFd{s.cancelled.PollFd()}, acceptPause)
		}
	}
}

var errNoListener = errors.New("no descriptor came with the message")

// receive reads the message of a runtime to its end, and returns the descriptor that comes with
// it. Only the user of the state directory can connect.
func (s *supervisor) receive(connection int) (listener int, err error) {
	listener = -1
	message, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	for s.wait(connection) {
		n, controlSize, _, _, err := unix.Recvmsg(connection, message, control, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			s.miss(err)
			break
		}
		if n == 0 {
			break
		}
		for _, fd := range rights(control[:controlSize]) {
			if listener >= 0 {
				unix.Close(listener)
			}
			listener = fd
		}
	}
	if listener < 0 {
		return -1, errNoListener
	}
	return listener, nil
}

// rights returns the descriptors in a control message.
func rights(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		received, err := unix.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, received...)
		}
	}
	return fds
}

// serve answers the system calls of a filter until its last process has ended.
func (s *supervisor) serve(listener int) {
	defer unix.Close(listener)
	seccomp.HurryListener(listener)
	for s.wait(listener) {
		n, err := seccomp.Receive(listener)
		if errors.Is(err, seccomp.ErrGone) {
			continue
		}
		if err == nil {
			err = seccomp.Answer(listener, n.ID, s.decide(n))
		}
		if err != nil && !errors.Is(err, seccomp.ErrGone) {
			s.miss(err)
			return
		}
	}
}
