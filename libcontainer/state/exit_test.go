package state

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExit(t *testing.T) {
	e, err := Reserve(t.TempDir(), "c", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if x, err := e.LoadExit(); x != nil || err != nil {
		t.Errorf("LoadExit without a record = %v, %v", x, err)
	}
	want := &Exit{Status: 7 << 8, OOMKills: -1, Finished: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	// The first record counts.
	for _, x := range []*Exit{want, {Status: 9, OOMKills: 2, Finished: want.Finished.Add(1)}} {
		if err := e.SaveExit(x); err != nil {
			t.Fatal(err)
		}
	}
	got, err := e.LoadExit()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := e.writeFile(exitName, 0, []byte(`{"status": 0}`)); err != nil {
		t.Fatal(err)
	}
	if x, err := e.LoadExit(); err == nil {
		t.Errorf("LoadExit of a broken record = %v", x)
	}
	if names, err := e.Stale(time.Now().Add(time.Hour)); len(names) > 0 || err != nil {
		t.Errorf("temporary files: %q, %v", names, err)
	}
	if err := e.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := e.SaveExit(want); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SaveExit in a directory that was removed: %v", err)
	}
}
