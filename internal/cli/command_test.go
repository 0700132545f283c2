package cli

import (
	stdflag "flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = stdflag.Bool("update", false, "rewrite contrib/man and contrib/completions")

// checkGenerated holds files that are made from the command table to it.
func checkGenerated(t *testing.T, files map[string]string) {
	t.Helper()
	for path, want := range files {
		path = filepath.Join("../../contrib", path)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s isn't what the command table says; go test ./internal/cli -update rewrites it:\n%s", path, diff)
		}
	}
}

func TestCommandTable(t *testing.T) {
	last := ""
	for _, e := range entries() {
		c := e.make()
		if c.name != e.name {
			t.Errorf("the entry %s makes the command %s", e.name, c.name)
		}
		if c.name <= last {
			t.Errorf("%s stands after %s", c.name, last)
		}
		last = c.name
		if c.run == nil || c.summary == "" || strings.HasSuffix(c.summary, ".") || !strings.HasSuffix(c.description, ".") {
			t.Errorf("%s: lacks something, or has a full stop too many or too few", c.name)
		}
		if !strings.Contains(c.example, "runnel "+c.name) {
			t.Errorf("%s: the example doesn't show it: %s", c.name, c.example)
		}
		checkFlags(t, c.name, c.flags)
		for line := range strings.Lines(c.help()) {
			if strings.ContainsAny(line, "\t\x1b") {
				t.Errorf("%s: help has control characters: %q", c.name, line)
			}
		}
	}
	checkFlags(t, "global", globalFlags())
}

func checkFlags(t *testing.T, command string, table []flag) {
	t.Helper()
	var names []string
	for i := range table {
		f := &table[i]
		names = append(names, f.name)
		if f.short != "" {
			names = append(names, f.short)
		}
		if len(f.name) < 2 || len(f.short) > 1 || f.usage == "" || (f.kind == boolean) != (f.value == "") {
			t.Errorf("%s: bad flag %+v", command, *f)
		}
	}
	names = append(names, "help", "h")
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%s: two flags have one name: %q", command, names)
	}
}

// Every command is found, and a flag that run asks for is in its table: without
// a container they all end early, but not in a panic.
func TestRunsOfAllCommands(t *testing.T) {
	for _, e := range entries() {
		c := e.make()
		args := []string{"--root", t.TempDir(), c.name}
		if c.name == "spec" || c.name == "plan" || c.name == "create" || c.name == "run" {
			args = append(args, "--bundle", filepath.Join(t.TempDir(), "absent"))
		}
		for range c.least {
			args = append(args, "absent")
		}
		got := execute(t, "", args...)
		if wantError := !slices.Contains([]string{"features", "help", "list"}, c.name); (got.code != 0) != wantError {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
