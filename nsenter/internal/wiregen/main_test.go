package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what wiregen writes: run `make generate`", name)
		}
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string][]string{
		"OOMScoreAdj":   {"oom", "score", "adj"},
		"IOPriority":    {"io", "priority"},
		"SetUndumpable": {"set", "undumpable"},
		"UID":           {"uid"},
		"preserveFDs":   {"preserve", "fds"},
	} {
		if got := words(name); !slices.Equal(got, want) {
			t.Errorf("words(%s) = %q, want %q", name, got, want)
		}
	}
}

func TestParseRejects(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"type A struct{ X map[string]string }", "no encoding for type map[string]string"},
		{"type A struct{ X uint64 `op:\",decimals\"` }", `unknown format "decimals"`},
		{"type A struct{ X, Y uint64 `op:\"x\"` }", "one name for 2 fields"},
		{"type A uint64", "A is not a struct"},
		{"", "no ops"},
	} {
		name := filepath.Join(t.TempDir(), "ops.go")
		if err := os.WriteFile(name, []byte("package plan\n"+c.source), 0o644); err != nil {
			t.Fatal(err)
		}
		err := new(table).parseOps(name)
		if err == nil || !bytes.HasSuffix([]byte(err.Error()), []byte(c.want)) {
			t.Errorf("parseOps(%s) = %v, want %s", c.source, err, c.want)
		}
	}
}
