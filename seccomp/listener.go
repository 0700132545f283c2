package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// agentTimeout is the time, in seconds, that a seccomp agent has to accept the
// connection and to receive the message. An agent that hangs must not block the
// container forever.
const agentTimeout = 10

// HandOver sends the listener of a filter to the seccomp agent at the socket path
// (linux.seccomp.listenerPath) and closes the connection (runtime-spec
// config-linux.md, "The Container Process State"). The descriptor and the whole
// state are sent by one sendmsg(2). HandOver sets state.Fds; the caller sets the
// rest, and closes the listener.
func HandOver(path string, state *specs.ContainerProcessState, listener int) error {
	message := *state
	message.Fds = []string{specs.SeccompFdName}
	payload, err := json.Marshal(&message)
	if err != nil {
		return fmt.Errorf("encode the container process state: %w", err)
	}
	agent, err := connectAgent(path)
	if err != nil {
		return fmt.Errorf("connect to the seccomp agent at %s (linux.seccomp.listenerPath): %w", path, err)
	}
	defer unix.Close(agent)
	for {
		n, err := unix.SendmsgN(agent, payload, unix.UnixRights(listener), nil, unix.MSG_NOSIGNAL)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			err = errAgentTimeout
		case err == nil && n < len(payload):
			err = fmt.Errorf("it took %d of %d bytes: %w", n, len(payload), errAgentTimeout)
		}
		if err != nil {
			return fmt.Errorf("send the listener to the seccomp agent at %s (linux.seccomp.listenerPath): %w", path, err)
		}
		return nil
	}
}

var errAgentTimeout = errors.New("the agent did not take it in time")

func connectAgent(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// The limit of sun_path; the library would return a bare EINVAL.
	if len(path) > len(unix.RawSockaddrUnix{}.Path)-1 {
		unix.Close(fd)
		return -1, fmt.Errorf("a socket's path has at most %d bytes, this one %d", len(unix.RawSockaddrUnix{}.Path)-1, len(path))
	}
	timeout := unix.Timeval{Sec: agentTimeout}
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err == nil {
		for {
			if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); !errors.Is(err, unix.EINTR) {
				break
			}
		}
	}
	if errors.Is(err, unix.EAGAIN) {
		err = errAgentTimeout
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
