package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"slices"
	"testing"
)

// bill runs the command for this test's own binary.
func bill(t *testing.T, args ...string) []byte {
	t.Helper()
	var output bytes.Buffer
	if err := run(append(args, os.Args[0]), &output); err != nil {
		t.Fatal(err)
	}
	return output.Bytes()
}

func TestBill(t *testing.T) {
	args := []string{"-name=product", "-version=1.2.3", "-time=86400", "-library=libx=1.0-2+deb1", "-library=liby=3",
		"-embedded=" + os.Args[0]}
	content := bill(t, args...)
	if !bytes.Equal(content, bill(t, args...)) {
		t.Error("the same arguments printed two documents")
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	if d.Metadata.Timestamp != "1970-01-02T00:00:00Z" || d.Metadata.Component.Version != "1.2.3" {
		t.Errorf("metadata = %+v", d.Metadata)
	}
	var references, purls []string
	for _, c := range d.Components {
		references = append(references, c.Ref)
		purls = append(purls, c.PURL)
	}
	for _, want := range []string{"pkg:deb/debian/libx@1.0-2%2Bdeb1?arch=source", "pkg:generic/liby@3"} {
		if !slices.Contains(purls, want) {
			t.Errorf("no %s in %q", want, purls)
		}
	}
	if unique := slices.Compact(slices.Clone(references)); len(unique) != len(references) {
		t.Errorf("a component is listed twice in %q", references)
	}
	if len(d.Dependencies) != 1 || !slices.Equal(d.Dependencies[0].DependsOn, references) {
		t.Errorf("dependencies %+v, want %q", d.Dependencies, references)
	}
}

func TestModule(t *testing.T) {
	sum := "h1:LAEzFkke61DFROc7zNLX/WA2i5J8gYqe0rSj9KI28KA="
	replaced := &debug.Module{Path: "a", Version: "v1", Replace: &debug.Module{Path: "b.org/c", Version: "v2.0.0", Sum: sum}}
	c, err := moduleComponent(replaced)
	if err != nil || c.PURL != "pkg:golang/b.org/c@v2.0.0" || c.Hashes[0].Content[:8] != "2c013316" {
		t.Errorf("moduleComponent = %+v, %v", c, err)
	}
	if _, err := moduleComponent(&debug.Module{Path: "a", Version: "(devel)"}); err == nil {
		t.Error("a module without a checksum is no error")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-version=1", os.Args[0]},
		{"-name=p", os.Args[0]},
		{"-name=p", "-version=1"},
		{"-name=p", "-version=1", "-library=x", os.Args[0]},
		{"-name=p", "-version=1", "main.go"},
		{"-name=p", "-version=1", "-embedded=main.go", os.Args[0]},
	} {
		if err := run(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
}
