package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestCommandTable(t *testing.T) {
	seen := map[string]bool{}
	for i, c := range Commands() {
		if name := entries()[i].name; c.Name != name || seen[name] {
			t.Errorf("entry %s builds the command %s, or is not unique", name, c.Name)
		}
		seen[c.Name] = true
		if c.Action == nil || c.Category == "" || c.Usage == "" || strings.HasSuffix(c.Usage, ".") || !strings.HasSuffix(c.Description, ".") {
			t.Errorf("%s lacks a text or has a full stop too many or too few", c.Name)
		}
		if !strings.Contains(c.Example, "runnel "+c.Name) {
			t.Errorf("%s: the example does not show it: %s", c.Name, c.Example)
		}
		checkFlags(t, c.Name, append(slices.Clip(c.Flags), cli.HelpFlag))
		if c.SkipFlagParsing {
			continue
		}
		got := execute(t, "", c.Name, "--help")
		if other := execute(t, "", "help", c.Name); other != got && c.Name != "help" {
			t.Errorf("help %s: %+v", c.Name, other)
		}
		if got.code != 0 || got.stderr != "" || strings.ContainsAny(got.stdout, "\t\x1b`") || !strings.Contains(got.stdout, "\nEXAMPLE:\n   ") {
			t.Errorf("%s --help: code %d, stdout %s, stderr %s", c.Name, got.code, got.stdout, got.stderr)
		}
		for line := range strings.Lines(got.stdout) {
			if len(line) > 140 || strings.HasSuffix(line, " \n") {
				t.Errorf("%s --help: line too long or with trailing space: %q", c.Name, line)
			}
		}
	}
	checkFlags(t, "global", GlobalFlags())
}

func checkFlags(t *testing.T, command string, flags []cli.Flag) {
	t.Helper()
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
		own := f.Names()
		doc := f.(cli.DocGenerationFlag)
		if len(own[0]) < 2 || len(own) > 2 || len(own) == 2 && len(own[1]) != 1 || doc.GetUsage() == "" || doc.TakesValue() != (Placeholder(f) != "") {
			t.Errorf("%s: bad flag %q: %s", command, own, doc.GetUsage())
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%s: two flags have one name: %q", command, names)
	}
}

// Every command is found, and every flag that it reads is one of its flags. Without
// a container all of them end early, but none panics.
func TestRunsOfAllCommands(t *testing.T) {
	for _, c := range Commands() {
		args := []string{"--root", t.TempDir(), c.Name}
		if slices.Contains([]string{"spec", "plan", "create", "run", "check", "explain"}, c.Name) {
			args = append(args, "--bundle", filepath.Join(t.TempDir(), "absent"))
		}
		if c.Name == "stats" {
			args = append(args, "--no-stream", "--interval", "1ms")
		}
		for range c.Least {
			args = append(args, "absent")
		}
		got := execute(t, "", args...)
		if wantError := !slices.Contains([]string{"features", "gc", "help", "info", "list", "stats"}, c.Name); (got.code != 0) != wantError {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestHelp(t *testing.T) {
	got := execute(t, "", "--help")
	for _, line := range []string{"", "help", "h", "help --help", "--debug"} {
		if other := execute(t, "", strings.Fields(line)...); got != other || got.code != 0 || got.stderr != "" {
			t.Errorf("--help: %+v\n%s: %+v", got, line, other)
		}
	}
	for _, c := range Commands() {
		if listed := strings.Contains(got.stdout, "\n     "+c.Name+" "); listed == c.Hidden {
			t.Errorf("--help lists %s: %v", c.Name, listed)
		}
	}
	for _, want := range []string{"\nEXAMPLE:\n   mkdir ", "\n   Run containers:\n     run ", "\n   --root DIR ", "\n   --version, -v "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("--help lacks %q:\n%s", want, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "criu") {
		t.Errorf("--help shows a hidden flag:\n%s", got.stdout)
	}
}
