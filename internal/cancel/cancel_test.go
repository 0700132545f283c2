package cancel

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWait(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	s, err := On(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Wait(pipe[0])
	if ctx.Err() == nil {
		t.Error("Wait returned before the context was done")
	}
	fds := []unix.PollFd{s.PollFd()}
	if n, err := unix.Poll(fds, 0); n != 1 || err != nil {
		t.Errorf("poll after the end of the context = %d, %v", n, err)
	}
}

func TestWaitForTheDescriptor(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	unix.Close(pipe[1])
	ctx, stop := context.WithCancel(context.Background())
	s, err := On(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s.Wait(pipe[0]) // is closed at its other end
	stop()
	s.Close()
}

func TestNever(t *testing.T) {
	s, err := On(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Wait(0)
	if fd := s.PollFd().Fd; fd != -1 {
		t.Errorf("the descriptor for a context that is never done is %d", fd)
	}
	s.Close()
}
