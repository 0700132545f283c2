package config

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/internal/configtest"
)

// fill sets every field of a value of a configuration, so that a property that
// the decoder doesn't know makes a difference.
func fill(v reflect.Value, n *uint64) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, n)
		v.SetMapIndex(reflect.ValueOf("a.b/c").Convert(v.Type().Key()), element)
	case reflect.String:
		v.SetString("ü\"\\\n<" + strings.Repeat("x", int(*n%7)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*n))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(*n)
	default:
		panic("no value for " + v.Type().String())
	}
}

func fullSpec() *specs.Spec {
	var n uint64
	spec := new(specs.Spec)
	v := reflect.ValueOf(spec).Elem()
	for i := range v.NumField() {
		switch v.Type().Field(i).Name {
		case "Solaris", "Windows", "VM", "ZOS", "FreeBSD":
		default:
			fill(v.Field(i), &n)
		}
	}
	return spec
}

func TestDecodeKnowsEveryProperty(t *testing.T) {
	want := fullSpec()
	for name, marshal := range map[string]func(any) ([]byte, error){
		"compact":  json.Marshal,
		"indented": func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "\t") },
	} {
		data, err := marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Decode(data)
		if err != nil {
			t.Fatalf("%s: Decode: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: decoded config differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeValues(t *testing.T) {
	config := `{
		"unknown": [{"x": [1.5e3, -0.1, null, true, false, "\u00e9"]}, {}], "windows": {"layerFolders": 3},
		"ociVersion": "1.\u0030.2", "hostname": "\ud83d\ude00\/\b\f\n\r\t",  "domainname": "\ud83dx",
		"process": null, "root": {"path": "a", "path": "b"}, "mounts": [],
		"linux": {"rootfsPropagation": null, "seccomp": {"flags": []}, "sysctl": {}}
	}`
	want := &specs.Spec{
		Version: "1.0.2", Hostname: "😀/\b\f\n\r\t", Domainname: "\ufffdx",
		Root: &specs.Root{Path: "b"}, Mounts: []specs.Mount{},
		Linux: &specs.Linux{
			Seccomp: &specs.LinuxSeccomp{Flags: []specs.LinuxSeccompFlag{}},
			Sysctl:  map[string]string{},
		},
	}
	got, _, err := Decode([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded config differs (-want +got):\n%s", diff)
	}
}

// TestDecodeFolds compares keys with letters of another case with encoding/json.
func TestDecodeFolds(t *testing.T) {
	config := `{"OCIVersion": "1.0.0", "PROCESS": {"noNewPrivileges": true, "NoNewPrivileges": false, "Args": ["a"], "User": {"UID": 5}},
"Windows": {"LayerFolders": 3}, "linux": {"Resources": {"memory": {"LIMIT": 7}}, "sysctl": {"A": "1", "a": "2"}}}`
	var want specs.Spec
	if err := json.Unmarshal([]byte(strings.Replace(config, "3", `["x"]`, 1)), &want); err != nil {
		t.Fatal(err)
	}
	want.Windows = nil
	got, warnings, err := Decode([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("encoding/json and Decode differ (-want +got):\n%s", diff)
	}
	var texts []string
	for _, w := range warnings {
		texts = append(texts, fmt.Sprintf("%d:%d %s", w.Line, w.Column, w))
	}
	if diff := cmp.Diff([]string{
		`1:2 OCIVersion: is read as "ociVersion"`, `1:25 PROCESS: is read as "process"`,
		`1:62 process.NoNewPrivileges: is read as "noNewPrivileges"`, `1:88 process.Args: is read as "args"`,
		`1:103 process.User: is read as "user"`, `1:112 process.user.UID: is read as "uid"`,
		`2:43 linux.Resources: is read as "resources"`, `2:68 linux.resources.memory.LIMIT: is read as "limit"`,
	}, texts); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

var decodeErrors = []struct{ config, want string }{
	{"", `config.json:1:1: the file is empty`},
	{" \n ", `config.json:2:2: the file is empty`},
	{"[]", `config.json:1:1: expected an object, found an array`},
	{"{", `config.json:1:2: expected a key, found the end of the file`},
	{"{\n\t\"process\": {\n\t\t\"cwd\": 7\n\t}\n}", `config.json:3:10: process.cwd: expected a string, found a number`},
	{`{"process": {"args": ["sh", 1]}}`, `config.json:1:29: process.args[1]: expected a string, found a number`},
	{`{"process": {"user": {"uid": -1}}}`, `config.json:1:30: process.user.uid: -1 is negative`},
	{`{"process": {"user": {"uid": 4294967296}}}`, `config.json:1:30: process.user.uid: 4294967296 is out of range`},
	{`{"process": {"user": {"uid": 1.0}}}`, `config.json:1:30: process.user.uid: 1.0 is not an integer`},
	{`{"process": {"user": {"uid": "0"}}}`, `config.json:1:30: process.user.uid: expected a number, found a string`},
	{`{"process": {"user": {"uid": 01}}}`, `config.json:1:30: process.user.uid: invalid number`},
	{`{"process": {"terminal": "yes"}}`, `config.json:1:26: process.terminal: expected true or false, found a string`},
	{`{"process": {"terminal": tru}}`, `config.json:1:26: process.terminal: expected true or false, found invalid character 't'`},
	{`{"mounts": {}}`, `config.json:1:12: mounts: expected an array, found an object`},
	{`{"mounts": [{"destination": true}]}`, `config.json:1:29: mounts[0].destination: expected a string, found a boolean`},
	{`{"linux": {"sysctl": {"net.x": 1}}}`, `config.json:1:32: linux.sysctl["net.x"]: expected a string, found a number`},
	{`{"hostname": "ä", "root": 5}`, `config.json:1:27: root: expected an object, found a number`},
	{`{"hostname": "a`, `config.json:1:14: hostname: the string has no end`},
	{`{"hostname": "a\`, `config.json:1:14: hostname: the string has no end`},
	{`{"hostname": "\x"}`, `config.json:1:15: hostname: invalid escape \x in a string`},
	{`{"hostname": "\u12"}`, `config.json:1:15: hostname: \u without four hexadecimal digits`},
	{"{\"hostname\": \"a\nb\"}", `config.json:1:16: hostname: control character '\n' in a string`},
	{"{\"hostname\": \"\xff\"}", `config.json:1:14: hostname: the string is not valid UTF-8`},
	{`{"hostname": "a" "b"}`, `config.json:1:18: expected ',' or '}', found a string`},
	{`{"hostname": "a",}`, `config.json:1:17: a comma after the last member`},
	{`{"hostname" "a"}`, `config.json:1:13: expected ':', found a string`},
	{`{"x": [1,]}`, `config.json:1:9: x: a comma after the last element`},
	{`{"x": 1.}`, `config.json:1:7: x: invalid number`},
	{"{}\n{}", `config.json:2:1: an object after the end of the object`},
	{"{}\x00", `config.json:1:3: invalid character '\x00' after the end of the object`},
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range decodeErrors {
		spec, _, err := Decode([]byte(tt.config))
		if err == nil || err.Error() != tt.want {
			t.Errorf("Decode(%q) = %v, want %s", tt.config, err, tt.want)
		}
		if spec != nil {
			t.Errorf("Decode(%q) returns a config and an error", tt.config)
		}
	}
	if _, _, err := Decode([]byte(strings.Repeat(`{"x":`, 10000))); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("Decode(deep) = %.200v", err)
	}
}

func TestDecodeParts(t *testing.T) {
	_, _, err := DecodeProcess("process.json", []byte(`{"cwd": 1}`))
	if want := `process.json:1:9: cwd: expected a string, found a number`; err == nil || err.Error() != want {
		t.Errorf("DecodeProcess = %v, want %s", err, want)
	}
	limit, swap := int64(5), int64(5)
	v := specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap}}
	if _, err := DecodeResources("-", []byte(`{"memory": {"limit": 7}}`), &v); err != nil {
		t.Fatal(err)
	}
	if *v.Memory.Limit != 7 || *v.Memory.Swap != 5 {
		t.Errorf("limit, swap = %d, %d, want 7, 5", *v.Memory.Limit, *v.Memory.Swap)
	}
	warnings, err := DecodeResources("-", []byte(`{"memroy": {}, "Pids": {"Limit": 7}}`), &v)
	if err != nil || v.Pids == nil || *v.Pids.Limit != 7 || len(warnings) != 3 {
		t.Errorf("DecodeResources = %v, %v, with %+v", warnings, err, v.Pids)
	}
}

// FuzzDecode compares the decoder with encoding/json: it refuses what isn't JSON, and
// both read what it has read, written out again, alike.
func FuzzDecode(f *testing.F) {
	for _, spec := range []*specs.Spec{fullSpec(), Example(false, 0, 0, true)} {
		data, err := json.Marshal(spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, data := range configtest.Seeds(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"x": [1.5e3, -0, null, true, {"y": "\ud800\u0041"}], "root": {"path": ""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		compare(t, data, func(data []byte) (*specs.Spec, error) {
			spec, _, err := Decode(data)
			return spec, err
		})
	})
}

// FuzzDecodeParts compares the decoders of process.json and of resources with encoding/json.
func FuzzDecodeParts(f *testing.F) {
	spec := fullSpec()
	for _, part := range []any{spec.Process, spec.Linux.Resources} {
		data, err := json.Marshal(part)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compare(t, data, func(data []byte) (*specs.Process, error) {
			process, _, err := DecodeProcess("process.json", data)
			return process, err
		})
		compare(t, data, func(data []byte) (*specs.LinuxResources, error) {
			resources := new(specs.LinuxResources)
			_, err := DecodeResources("resources.json", data, resources)
			return resources, err
		})
	})
}

// compare checks that a decoder refuses what isn't JSON, and that encoding/json and the
// decoder read what it has read, written out again, alike.
func compare[T any](t *testing.T, data []byte, decode func([]byte) (*T, error)) {
	got, err := decode(data)
	if err != nil {
		return
	}
	if !json.Valid(data) {
		t.Fatalf("the decoder accepts %q, which isn't JSON", data)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := new(T)
	if err := json.Unmarshal(again, want); err != nil {
		t.Fatal(err)
	}
	reread, err := decode(again)
	if err != nil {
		t.Fatalf("the decoder refuses %s: %v", again, err)
	}
	if diff := cmp.Diff(want, reread); diff != "" {
		t.Errorf("encoding/json and the decoder differ on %s:\n%s", again, diff)
	}
}

// BenchmarkDecode compares the decoders with encoding/json. What a command pays is the
// first time in a process, -benchtime 1x.
func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("testdata/example.json")
	if err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func() error{
		"generated":     func() error { _, _, err := Decode(data); return err },
		"encoding/json": func() error { return json.Unmarshal(data, new(specs.Spec)) },
		"examine":       func() error { Examine(data).Problems(); return nil },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
