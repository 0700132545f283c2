package libcontainer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
)

func runSleep(t *testing.T, args ...string) (*libcontainer.Process, *libcontainer.Runtime) {
	t.Helper()
	r, dir, _ := newRuntime(t, nil, args...)
	p, err := r.Run(context.Background(), libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "c", Bundle: dir}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Delete("c", true); err != nil {
			t.Error(err)
		}
		_, _ = p.Wait(context.Background())
		p.Close()
	})
	return p, r
}

// TestWaitMoreThanOnce: a second wait4(2) would be for a pid that may be another child's.
func TestWaitMoreThanOnce(t *testing.T) {
	p, _ := runSleep(t, "sh", "-c", "sleep 0.05; exit 7")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			ctx := context.Background()
			if i%2 == 0 {
				var stop func()
				ctx, stop = context.WithCancel(ctx)
				defer stop()
			}
			if status, err := p.Wait(ctx); status.Code != 7 || err != nil {
				t.Errorf("Wait = %+v, %v", status, err)
			}
		})
	}
	all.Wait()
	p.Close()
	if status, err := p.Wait(t.Context()); status.Code != 7 || err != nil {
		t.Errorf("Wait after Close = %+v, %v", status, err)
	}
	if err := p.Signal(unix.SIGTERM); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Signal after Close = %v", err)
	}
}

func TestWaitAfterClose(t *testing.T) {
	p, _ := runSleep(t, "sh", "-c", "sleep 0.05; exit 7")
	p.Close()
	if status, err := p.Wait(t.Context()); status.Code != 7 || err != nil {
		t.Errorf("Wait = %+v, %v", status, err)
	}
}

// TestWaitWithTimeouts: a Wait that gives up holds no thread until the process ends.
func TestWaitWithTimeouts(t *testing.T) {
	p, _ := runSleep(t, "sleep", "1000")
	threads := func() int { return pprof.Lookup("threadcreate").Count() }
	before, fds := threads(), len(openFDs(t))
	for range 50 {
		ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Wait = %v", err)
		}
		stop()
	}
	if after := threads(); after > before+10 {
		t.Errorf("%d threads after 50 calls, %d before", after, before)
	}
	if after := len(openFDs(t)); after > fds {
		t.Errorf("%d descriptors, before %d", after, fds)
	}
}

func TestFilesMustBeOpen(t *testing.T) {
	p, r := runSleep(t, "sleep", "1000")
	closed, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	command := libcontainer.ProcessOverride{Args: []string{"busybox", "true"}}
	for _, o := range []libcontainer.ExecOptions{
		{Override: command, Stdio: libcontainer.Stdio{Out: closed}},
		{Override: command, ExtraFiles: []*os.File{closed}},
		{Override: command, ExtraFiles: []*os.File{nil}},
	} {
		if _, err := p.Container().Exec(t.Context(), o); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Exec with a closed file = %v", err)
		}
	}
	bundle := filepath.Dir(r.Root)
	for _, o := range []libcontainer.CreateOptions{
		{ID: "d", Bundle: bundle, Stdio: libcontainer.Stdio{In: closed}},
		{ID: "d", Bundle: bundle, ListenFDs: 1},
		{ID: "d", Bundle: bundle, ListenFDs: -1},
	} {
		if _, err := r.Create(t.Context(), o); err == nil {
			t.Errorf("Create with %+v succeeds", o)
			_ = r.Delete("d", true)
		}
	}
}
