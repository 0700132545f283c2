package libcontainer

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/state"
)

// A container's processes can't be found any more when its state is gone.
func TestDeleteKeepsWhatItCannotReadNow(t *testing.T) {
	r := &Runtime{Root: t.TempDir()}
	dir, err := state.Reserve(r.Root, "c", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Save(&state.State{ID: "c"}); err != nil {
		t.Fatal(err)
	}
	dir.Unlock()
	next, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(next)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// The directory opens, the file in it doesn't.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(next + 1), Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	deleted := r.Delete("c", true)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(deleted, unix.EMFILE) {
		t.Errorf("Delete without descriptors = %v, want %v", deleted, unix.EMFILE)
	}
	if err := unix.Access(filepath.Join(r.Root, "c", "state.json"), unix.F_OK); err != nil {
		t.Errorf("the state after it: %v", err)
	}
}
