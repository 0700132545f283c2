package state

import (
	"errors"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/fault"
)

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "A-b_c+d.9": true, "..a": true, "": false, ".": false, "..": false,
		"a/b": false, "a b": false, "é": false, "a\x00": false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("validID(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestReserveWantsAnAbsoluteRoot(t *testing.T) {
	for _, root := range []string{"", "state", "./state"} {
		if dir, err := Reserve(root, "c", nil); err == nil {
			dir.Close()
			t.Errorf("Reserve(%q) succeeds", root)
		}
	}
}

func TestSaveByTwoGoroutines(t *testing.T) {
	dir, err := Reserve(t.TempDir(), "c", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 50 {
				if err := dir.Save(&State{ID: "c", Pid: i}); err != nil {
					t.Error(err)
				}
				if _, err := dir.Load(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	one, err := Reserve(root, "c", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := Open(root, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	if two.Lock() {
		t.Error("a directory isn't locked once it is reserved")
	}
	one.Unlock()
	if !two.Lock() {
		t.Error("the lock can't be taken after it was given up")
	}
}

func TestRemoveSparesADirectoryOfThatName(t *testing.T) {
	root := t.TempDir()
	old, err := Reserve(root, "c", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := old.Remove(); err != nil {
		t.Fatal(err)
	}
	anew, err := Reserve(root, "c", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer anew.Close()
	if err := old.Remove(); err != nil || !old.IsRemoved() {
		t.Errorf("second Remove = %v, IsRemoved() = %t", err, old.IsRemoved())
	}
	if content, err := anew.ReadFile(ConfigName); err != nil || string(content) != "{}" || anew.IsRemoved() {
		t.Errorf("the new directory has %q, %v", content, err)
	}
}

// A create may be interrupted between mkdir(2) and open(2), and then find a directory that
// another has created.
func TestClaimIsExclusive(t *testing.T) {
	root := t.TempDir()
	owner, err := Reserve(root, "c", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	late, err := Open(root, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := late.claim(nil); err != fault.ErrExist {
		t.Errorf("claim of a directory that has an owner = %v, want %v", err, fault.ErrExist)
	}
	if content, _ := owner.ReadFile(ConfigName); string(content) != "{}" {
		t.Errorf("the owner's config is %q", content)
	}
	if err := owner.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := late.claim(nil); err != fault.ErrDeleted {
		t.Errorf("claim of a removed directory = %v, want %v", err, fault.ErrDeleted)
	}
}

// A delete may come between the mkdir(2) and the lock of a create, which then begins again.
func TestReserveBesideDeletes(t *testing.T) {
	root := t.TempDir()
	end := make(chan struct{})
	var deletes sync.WaitGroup
	for range 4 {
		deletes.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if e, err := Open(root, "c"); err == nil {
					if e.Lock() {
						_ = e.Remove()
					}
					e.Close()
				}
			}
		})
	}
	for range 300 {
		e, err := Reserve(root, "c", nil)
		if errors.Is(err, fault.ErrExist) {
			continue
		}
		if err != nil {
			t.Errorf("Reserve = %v", err)
			break
		}
		if err := e.Save(&State{ID: "c"}); err != nil || e.IsRemoved() {
			t.Errorf("Save in a reserved directory = %v, IsRemoved() = %t", err, e.IsRemoved())
		}
		e.Close()
	}
	close(end)
	deletes.Wait()
}

func TestReserveWithoutDescriptors(t *testing.T) {
	root := t.TempDir()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := Reserve(root, "c", nil)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("Reserve = %v, want %v", err, unix.EMFILE)
	}
	if e, err := Reserve(root, "c", nil); err != nil {
		t.Errorf("Reserve after a failure = %v", err)
	} else {
		e.Close()
	}
}

// TestRemoveBesideWrites has somebody else write files until the directory is gone.
func TestRemoveBesideWrites(t *testing.T) {
	for range 200 {
		e, err := Reserve(t.TempDir(), "a", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		started, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				if i == 1 {
					close(started)
				}
				err := e.SaveExit(&Exit{})
				_ = unix.Unlinkat(e.fd, exitName, 0)
				if err != nil && i > 0 {
					return
				}
			}
		}()
		<-started
		if err := e.Remove(); err != nil {
			t.Fatal(err)
		}
		<-done
		e.Close()
	}
}
