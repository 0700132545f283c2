package libcontainer

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWritePidFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pid")
	// What a command that was killed before its rename has left.
	if err := os.WriteFile(filepath.Join(dir, ".pid"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{4711, 12} {
		if err := writePidFile(path, pid); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "12" {
		t.Errorf("the pid file has %q, %v", got, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the directory: %v", entries)
	}
}
