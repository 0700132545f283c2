package libcontainer_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/nsenter"
)

// A start that is stopped after it has connected keeps others from nothing.
func TestStartBesideSilentOne(t *testing.T) {
	r, dir, name := newRuntime(t, nil, "sleep", "1000")
	ctx := context.Background()
	init, err := r.Create(ctx, libcontainer.CreateOptions{ID: name, Bundle: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer init.Close()
	c := init.Container()
	defer func() {
		if err := c.Delete(true); err != nil {
			t.Errorf("Delete() = %v", err)
		}
	}()
	state, err := unix.Open(filepath.Join(r.Root, name), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(state)
	silent := make([]*nsenter.Conversation, 2)
	for i := range silent {
		if silent[i], err = nsenter.DialStart(state, "start"); err != nil {
			t.Fatal(err)
		}
		defer silent[i].Close()
	}
	if status, err := c.Status(); err != nil || status != libcontainer.Created {
		t.Errorf("Status() = %s, %v, want %s", status, err, libcontainer.Created)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := c.Start(ctx, ""); err != nil {
		t.Fatalf("Start() = %v", err)
	}
	if status, err := c.Status(); err != nil || status != libcontainer.Running {
		t.Errorf("Status() = %s, %v, want %s", status, err, libcontainer.Running)
	}
	for _, s := range silent {
		if _, err := s.Next(); !errors.Is(err, nsenter.ErrGone) {
			t.Errorf("the silent start receives %v, want %v", err, nsenter.ErrGone)
		}
	}
}
