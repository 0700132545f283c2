package v1

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/cgroupfs"
	"github.com/runnel/runnel/internal/golden"
	"github.com/runnel/runnel/internal/place"
)

// TestCompile compiles testdata/*.json, each linux.resources of a new
// cgroup, and compares with the .txt beside it.
func TestCompile(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r specs.LinuxResources
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			got := render(compile(&r))
			for _, field := range Ignored(&r) {
				got += fmt.Sprintf("ignored: %v\n", field)
			}
			golden.Check(t, strings.TrimSuffix(filepath.Base(file), ".json")+".txt", got)
		})
	}
}

// render prints all problems, or else the writes, one on each line.
func render(writes []cgroupfs.Write, problems place.Errors) string {
	var b strings.Builder
	for _, e := range problems {
		fmt.Fprintf(&b, "error: %v\n", e)
	}
	if len(problems) > 0 {
		return b.String()
	}
	for _, w := range writes {
		fmt.Fprintf(&b, "%s %s = %q", w.Controller, w.File, w.Value)
		for e := w.Else; e != nil; e = e.Else {
			fmt.Fprintf(&b, " else %s = %q", e.File, e.Value)
		}
		if w.Tolerate == cgroupfs.Missing {
			b.WriteString(" (if there)")
		}
		if w.Group != "" {
			fmt.Fprintf(&b, " (with %s)", w.Group)
		}
		fmt.Fprintf(&b, " # %s\n", w.Place)
	}
	return b.String()
}
