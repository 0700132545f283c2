// Package cancel makes the end of a context visible to poll(2), so that one goroutine
// can wait for descriptors and for the context.
package cancel

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Signal is a descriptor that becomes readable when a context is done. The caller
// closes it.
type Signal struct {
	fd   int
	stop func() bool
	done chan struct{}
}

// On returns the Signal of a context. For a context that is never done it opens
// nothing, and the descriptor is -1, which poll(2) ignores.
func On(ctx context.Context) (*Signal, error) {
	if ctx.Done() == nil {
		return &Signal{fd: -1}, nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &Signal{fd: fd, done: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() {
		defer close(s.done)
		_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // any number but zero
	})
	return s, nil
}

// PollFd returns the entry for poll(2).
func (s *Signal) PollFd() unix.PollFd { return unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN} }

// Wait waits until fd becomes readable or is closed at its other end, or until the
// context is done. If the context is never done, it returns at once.
func (s *Signal) Wait(fd int) {
	if s.fd < 0 {
		return
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, s.PollFd()}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return
		}
	}
}

// Close closes the descriptor.
func (s *Signal) Close() {
	if s.fd < 0 {
		return
	}
	if !s.stop() {
		<-s.done
	}
	unix.Close(s.fd)
	s.fd = -1
}
