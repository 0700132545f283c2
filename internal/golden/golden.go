// Package golden compares the output of a test with a file in its testdata, which `go
// test -update` rewrites. It is imported by tests only.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Check compares got with the file testdata/name of the package that is tested.
func Check(t testing.TB, name, got string) {
	t.Helper()
	if diff := cmp.Diff(Read(t, name, got), got); diff != "" {
		t.Errorf("testdata/%s differs (-want +got):\n%s", name, diff)
	}
}

// Read returns the content of the file testdata/name; with -update it first writes got
// to the file. It is for tests that need another comparison than that of Check.
func Read(t testing.TB, name, got string) string {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}
