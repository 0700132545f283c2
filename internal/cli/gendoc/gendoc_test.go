package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The generated files in the repository are what gendoc writes.
func TestFilesAreCurrent(t *testing.T) {
	files, err := generate(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not up to date; go generate ./internal/cli/gendoc writes it:\n%s", path, diff)
		}
	}
	for _, dir := range []string{"man", "completions"} {
		present, err := filepath.Glob(filepath.Join(moduleRoot, "contrib", dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range present {
			if _, ok := files[path]; !ok {
				t.Errorf("%s is not a generated file", path)
			}
		}
	}
}

// Every file in prose belongs to a page.
func TestProseIsUsed(t *testing.T) {
	pages, err := manualPages(moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := prose.ReadDir("prose")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".roff")
		if _, ok := pages["man/"+name+".8"]; !ok {
			t.Errorf("prose/%s is the text of no page", e.Name())
		}
	}
}

func TestManualPagesAreValid(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("the host has no groff")
	}
	pages, err := filepath.Glob(filepath.Join(moduleRoot, "contrib/man/*"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("groff", append([]string{"-man", "-ww", "-Tutf8", "-z"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
