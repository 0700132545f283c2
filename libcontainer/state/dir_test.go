package state

import (
	"sync"
	"testing"
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
		if dir, err := Reserve(root, "c"); err == nil {
			dir.Close()
			t.Errorf("Reserve(%q) succeeds", root)
		}
	}
}

func TestSaveByTwoGoroutines(t *testing.T) {
	dir, err := Reserve(t.TempDir(), "c")
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
