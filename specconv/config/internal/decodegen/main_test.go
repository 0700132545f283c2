package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The decoders in the tree are those of the specification that go.mod names.
func TestDecodersAreCurrent(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + output)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s isn't what `go generate ./specconv/config` writes (-want +got):\n%s", output, diff)
	}
}

func TestFields(t *testing.T) {
	type inner struct {
		A string `json:"a"`
	}
	type object struct {
		inner
		B       *inner `json:"b,omitempty" platform:"linux,zos"`
		C       *inner `json:"c" platform:"windows"`
		D       string `json:"d" platform:"windows"`
		Ignored string `json:"-"`
	}
	var names, read []string
	for _, f := range fields(reflect.TypeFor[object]()) {
		names = append(names, f.name)
		if f.isRead() {
			read = append(read, f.name)
		}
	}
	if got := strings.Join(names, " "); got != "a b c d" {
		t.Errorf("properties are %s, want a b c d", got)
	}
	if got := strings.Join(read, " "); got != "a b d" {
		t.Errorf("properties that are read are %s, want a b d", got)
	}
}

func TestCollectRefuses(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[struct {
			F float64 `json:"f"`
		}](),
		reflect.TypeFor[struct {
			M map[int]string `json:"m"`
		}](),
	} {
		if err := new(generator).collect(of); err == nil {
			t.Errorf("collect(%s) finds a reader for it", of)
		}
	}
}
