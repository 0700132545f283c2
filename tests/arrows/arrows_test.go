// Package arrows compares the imports between the module's packages with the picture in
// CONTRIBUTING.md. It uses the go command's information, not the sources.
package arrows

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module     = "github.com/runnel/runnel"
	libseccomp = "github.com/seccomp/libseccomp-golang"
)

// arrows lists, for each package of the module, the packages of the module that it may
// import. A key that ends in /... is for a directory and everything below it. A package
// without an entry may import no package of the module.
var arrows = map[string][]string{
	"":                 {"internal/cli"},
	"internal/cli/...": {"libcontainer", "libcontainer/criu", "libcontainer/fault", "libcontainer/sdnotify", "libcontainer/trace", "specconv/config", "nsenter/plan", "internal/..."},

	// No command links it: its packages double the time of a start.
	"image/...": {"image"},

	"libcontainer": {
		"libcontainer/...", "specconv/...", "nsenter", "nsenter/plan", "cgroups/...", "seccomp", "seccomp/profile", "internal/...",
	},
	"libcontainer/preflight": {
		"libcontainer/criu", "libcontainer/explain", "libcontainer/program", "libcontainer/idmap", "libcontainer/cgrouppolicy", "libcontainer/bundle",
		"specconv/...", "nsenter", "nsenter/plan", "cgroups/...", "seccomp", "internal/...",
	},
	"libcontainer/explain": {
		"libcontainer/hook", "libcontainer/idmap", "libcontainer/program", "libcontainer/fault", "specconv/config", "nsenter", "nsenter/plan", "internal/...",
	},
	"libcontainer/cgrouppolicy": {"specconv/...", "cgroups/...", "internal/..."},
	"libcontainer/bundle":       {"libcontainer/fault", "specconv/...", "internal/..."},
	"libcontainer/trace":        {"internal/..."},
	"libcontainer/hook":         {"libcontainer/fault", "libcontainer/trace", "nsenter", "internal/..."},
	"libcontainer/resctrl":      {"libcontainer/state", "internal/..."},
	"libcontainer/sdnotify":     {"libcontainer/state", "internal/..."},
	"libcontainer/isolation":    {"specconv/...", "internal/..."},
	"libcontainer/inspect":      {"specconv/...", "cgroups/...", "internal/..."},
	"libcontainer/idmap":        {"nsenter", "nsenter/plan", "internal/..."},
	"libcontainer/netdev":       {"internal/..."},
	"libcontainer/criu":         {"internal/..."},
	"libcontainer/program":      {"internal/..."},
	"libcontainer/state":        {"libcontainer/fault", "cgroups", "internal/..."},
	"libcontainer/fault":        {"specconv/config", "internal/..."},

	"specconv":              {"specconv/config", "specconv/host", "specconv/words", "nsenter/plan", "cgroups/mode", "internal/..."},
	"specconv/config":       {"specconv/host", "specconv/words", "cgroups/mode", "internal/..."},
	"specconv/host":         {"specconv/words", "cgroups/mode", "internal/..."},
	"specconv/words":        {},
	"specconv/internal/...": {"specconv/...", "cgroups/mode", "internal/..."},
	"nsenter":               {"nsenter/plan", "internal/..."},
	"nsenter/plan":          {"internal/place"},
	"cgroups/...":           {"cgroups/...", "internal/..."},
	"cgroups/mode":          {},
	"seccomp":               {"seccomp/compiler", "internal/..."},
	"seccomp/...":           {"seccomp/compiler", "internal/..."},

	"internal/cancel":   {},
	"internal/memfd":    {},
	"internal/place":    {},
	"internal/pidfd":    {},
	"internal/procfs":   {"internal/rawio"},
	"internal/rawio":    {},
	"internal/reap":     {},
	"internal/spelling": {},
	"internal/...":      {"internal/..."},

	"tests/...":   {"..."},
	"contrib/...": {"..."},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
	GoFiles    []string
}

func list(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,CgoFiles,GoFiles", module+"/...")
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("decode what go list says: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatal("go list knows no package of the module")
	}
	return packages
}

// covers reports whether a pattern matches the package at path; both are relative to
// the module.
func covers(pattern, path string) bool {
	folder, below := strings.CutSuffix(pattern, "...")
	if !below {
		return pattern == path
	}
	folder = strings.TrimSuffix(folder, "/")
	return folder == "" || path == folder || strings.HasPrefix(path, folder+"/")
}

// allowed returns what the package at path may import: the entry with the longest
// pattern that matches it.
func allowed(path string) []string {
	best, found := "", false
	for pattern := range arrows {
		if covers(pattern, path) && (!found || len(pattern) > len(best)) {
			best, found = pattern, true
		}
	}
	return arrows[best]
}

// relative removes the module from an import path; ok is false for a package of another
// module.
func relative(importPath string) (path string, ok bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func TestArrows(t *testing.T) {
	for _, p := range list(t) {
		from, ok := relative(p.ImportPath)
		if !ok {
			t.Errorf("go list gave %s, which is not in %s", p.ImportPath, module)
			continue
		}
		may := allowed(from)
		for _, imported := range p.Imports {
			to, ours := relative(imported)
			if ours && !slices.ContainsFunc(may, func(pattern string) bool { return covers(pattern, to) }) {
				t.Errorf("%q imports %q; it may import only %q", from, to, may)
			}
		}
	}
}

// TestPureGo checks that only the compiler of seccomp filters uses cgo, through
// libseccomp-golang, and that no package has C code of its own that cgo compiles.
func TestPureGo(t *testing.T) {
	for _, p := range list(t) {
		if len(p.CgoFiles) > 0 || slices.Contains(p.Imports, "C") {
			t.Errorf("%s uses cgo in %q", p.ImportPath, p.CgoFiles)
		}
		path, _ := relative(p.ImportPath)
		if slices.Contains(p.Imports, libseccomp) && path != "seccomp/compiler" {
			t.Errorf("%q imports %s", path, libseccomp)
		}
	}
}

// Packages whose mere import costs every command time at its start.
func TestNoCostlyImports(t *testing.T) {
	costly := []string{"net/http", "os/user", "log/slog", "expvar", "encoding/gob"}
	for _, p := range list(t) {
		path, _ := relative(p.ImportPath)
		if covers("tests/...", path) || covers("contrib/...", path) {
			continue
		}
		for _, imported := range p.Imports {
			if slices.Contains(costly, imported) {
				t.Errorf("%q imports %s", path, imported)
			}
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "", true},
		{"", "specconv", false},
		{"...", "specconv", true},
		{"cgroups/...", "cgroups", true},
		{"cgroups/...", "cgroups/v2", true},
		{"cgroups/...", "cgroupsx", false},
		{"nsenter", "nsenter/plan", false},
	} {
		if got := covers(c.pattern, c.path); got != c.want {
			t.Errorf("covers(%q, %q) = %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
}
