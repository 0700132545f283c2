// Package moduleproxy writes a module proxy, a directory that serves the working tree
// as the only version of the module, for tests of importers.
package moduleproxy

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Module is the module's path.
const Module = "github.com/runnel/runnel"

// ErrNoCheckout is returned for a tree that isn't a git checkout.
var ErrNoCheckout = errors.New("the tree is not a git checkout")

// Write writes a module proxy to dir, in the layout of
// https://go.dev/ref/mod#goproxy-protocol, with the tree as the only version of the
// module, and returns its URL. The tree must be a git checkout. Files that git ignores
// and nested modules are left out.
func Write(dir, tree, version string) (url string, err error) {
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	if err != nil {
		return "", err
	}
	if strings.Contains(string(mod), "replace") {
		return "", errors.New("go.mod has a replace directive, which importers don't see")
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	if err != nil {
		return "", err
	}
	versions := filepath.Join(dir, Module, "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"list": []byte(version + "\n"), version + ".info": info, version + ".mod": mod} {
		if err := os.WriteFile(filepath.Join(versions, name), content, 0o644); err != nil {
			return "", err
		}
	}
	return "file://" + dir, writeZip(filepath.Join(versions, version+".zip"), tree, Module+"@"+version)
}

// Files returns the paths of the files in a git checkout, relative to tree: those that
// git tracks or would add.
func Files(tree string) ([]string, error) {
	list := exec.Command("git", "ls-files", "-coz", "--deduplicate", "--exclude-standard")
	list.Dir = tree
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: git ls-files: %w", ErrNoCheckout, err)
	}
	var paths []string
	for path := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		// git also lists files that are deleted in the working tree.
		if _, err := os.Lstat(filepath.Join(tree, path)); err == nil {
			paths = append(paths, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return paths, nil
}

func writeZip(name, tree, prefix string) error {
	paths, err := Files(tree)
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	z := zip.NewWriter(file)
	for _, path := range paths {
		if inOtherModule(tree, path) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(tree, path))
		if err != nil {
			return err
		}
		w, err := z.Create(prefix + "/" + path)
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return z.Close()
}

func inOtherModule(tree, path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(tree, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}
