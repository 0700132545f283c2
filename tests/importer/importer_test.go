// Package importer tests that other modules can import this one. The module in the
// directory module gets it from a module proxy, a directory that the test creates from
// the tree, and runs a container with it. The go command also installs the binary from
// there. No replace directive is involved.
package importer

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/tests/moduleproxy"
)

const (
	module  = moduleproxy.Module
	version = "v0.0.0-20260102030405-0123456789ab"
)

// newProxy writes a module proxy for the tree and returns its URL.
func newProxy(t *testing.T) string {
	t.Helper()
	url, err := moduleproxy.Write(t.TempDir(), "../..", version)
	if errors.Is(err, moduleproxy.ErrNoCheckout) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// environment is the environment of a go command that knows nothing of this tree. Its
// module cache is empty, but uses what the usual one has downloaded.
type environment struct {
	vars []string
	bin  string
}

func newEnvironment(t *testing.T, cgo string) environment {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	usual := strings.Fields(string(out))
	cache := t.TempDir()
	t.Cleanup(func() { // files of the module cache are read-only
		clean := exec.Command("go", "clean", "-modcache")
		clean.Env = append(os.Environ(), "GOMODCACHE="+cache)
		if out, err := clean.CombinedOutput(); err != nil {
			t.Errorf("go clean: %v\n%s", err, out)
		}
	})
	bin := t.TempDir()
	return environment{bin: bin, vars: append(os.Environ(),
		"GOMODCACHE="+cache, "GOBIN="+bin, "CGO_ENABLED="+cgo, "GOFLAGS=-mod=mod", "GOWORK=off",
		"GOPROXY="+newProxy(t)+",file://"+usual[0]+"/cache/download,"+usual[1],
		"GONOSUMDB="+module, "GONOSUMCHECK="+module, "GOPRIVATE=", "GONOPROXY=none",
	)}
}

func (e environment) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, e.vars
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestImport(t *testing.T) {
	e := newEnvironment(t, "0")
	dir := t.TempDir()
	source, err := os.ReadFile("module/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), source, 0o644); err != nil {
		t.Fatal(err)
	}
	e.run(t, dir, "go", "mod", "init", "example.com/importer")
	e.run(t, dir, "go", "get", module+"@"+version)
	e.run(t, dir, "go", "build", "-o", "importer", ".")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !strings.Contains(string(mod), module+" "+version) || strings.Contains(string(mod), "replace") {
		t.Errorf("go.mod: %v\n%s", err, mod)
	}
	if os.Geteuid() != 0 {
		t.Skip("built; to run a container needs root")
	}
	out := e.run(t, dir, filepath.Join(dir, "importer"), newBundle(t), filepath.Join(dir, "state"))
	if want := "hello from pid 1\nexit status 3\n"; out != want {
		t.Errorf("the importer printed %q, want %q", out, want)
	}
}

// newBundle creates a bundle with busybox.
func newBundle(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("built; to run a container needs busybox")
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "rootfs", "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs", "bin", "busybox"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	spec := libcontainer.Example(false)
	spec.Process.Terminal = false
	spec.Process.Args = []string{"busybox", "sh", "-c", "echo hello from pid $$; exit 3"}
	spec.Root = &specs.Root{Path: "rootfs"}
	config, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInstall installs the binary as README.md says, with Go alone.
func TestInstall(t *testing.T) {
	e := newEnvironment(t, "0")
	e.run(t, t.TempDir(), "go", "install", module+"@"+version)
	runnel := filepath.Join(e.bin, "runnel")
	if out := e.run(t, "", runnel, "--version"); !strings.HasPrefix(out, "runnel version "+strings.TrimPrefix(version, "v")) {
		t.Errorf("--version of the installed binary: %s", out)
	}
	if os.Geteuid() != 0 {
		return
	}
	out, err := exec.Command(runnel, "--root", t.TempDir(), "run", "--bundle", newBundle(t), "installed").CombinedOutput()
	var exit *exec.ExitError
	if want := "hello from pid 1\n"; string(out) != want || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("run: %q, %v, want %q and exit status 3", out, err, want)
	}
}
