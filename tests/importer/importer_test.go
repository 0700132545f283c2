// Package importer tests that other modules can import this one. The module in the
// directory module gets it from a module proxy, a directory that the test creates from
// the tree, and runs a container with it. The go command also installs the binary from
// there. No replace directive is involved.
package importer

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/libcontainer"
)

const (
	module  = "github.com/runnel/runnel"
	version = "v0.0.0-20260102030405-0123456789ab"
)

// newProxy creates a module proxy that has the tree as the only version of the module,
// in the layout of https://go.dev/ref/mod#goproxy-protocol, and returns its URL.
func newProxy(t *testing.T) string {
	t.Helper()
	proxy := t.TempDir()
	dir := filepath.Join(proxy, module, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mod), "replace") {
		t.Fatal("go.mod has a replace directive, which importers don't see")
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"list": []byte(version + "\n"), version + ".info": info, version + ".mod": mod} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	writeZip(t, filepath.Join(dir, version+".zip"))
	return "file://" + proxy
}

// writeZip writes the files that git knows into a zip file, except for nested modules.
func writeZip(t *testing.T, name string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "-co", "--exclude-standard")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Skipf("the tree isn't a git checkout: %v", err)
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z := zip.NewWriter(file)
	for _, path := range strings.Fields(string(out)) {
		content, err := os.ReadFile(filepath.Join("../..", path))
		if errors.Is(err, fs.ErrNotExist) || inOtherModule(path) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.Create(module + "@" + version + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func inOtherModule(path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join("../..", dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
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
