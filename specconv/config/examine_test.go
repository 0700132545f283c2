package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/host"
)

func examined(e *Examination) []string {
	var list []string
	for _, p := range e.Problems() {
		line := fmt.Sprintf("%d:%d %s %s | %s", p.Line, p.Column, p.Severity, p.Place.Pointer, p)
		if p.Hint != "" {
			line += " (" + p.Hint + ")"
		}
		list = append(list, line)
	}
	return list
}

func TestExamine(t *testing.T) {
	tests := []struct {
		name, config string
		want         []string
	}{
		{"nothing wrong", `{"ociVersion": "1.0.0", "annotations": {"any": "thing"}, "linux": {"sysctl": {"x": "1"}}}`, nil},
		{"all types", `{"ociVersion": 1,
 "process": {"terminal": "yes", "args": "sh", "env": ["A=B", 5, {"x": [1]}], "cwd": "/", "user": {"uid": -1, "gid": 1.5}},
 "mounts": [[], {"destination": "/a", "options": [null]}], "root": []}`, []string{
			"1:16 error /ociVersion | ociVersion: expected a string, found a number",
			"2:26 error /process/terminal | process.terminal: expected true or false, found a string",
			"2:41 error /process/args | process.args: expected an array, found a string",
			"2:62 error /process/env/1 | process.env[1]: expected a string, found a number",
			"2:65 error /process/env/2 | process.env[2]: expected a string, found an object",
			"2:106 error /process/user/uid | process.user.uid: -1 is negative",
			"2:117 error /process/user/gid | process.user.gid: 1.5 is not an integer",
			"3:13 error /mounts/0 | mounts[0]: expected an object, found an array",
			"3:68 error /root | root: expected an object, found an array",
		}},
		{"unknown properties", `{"ociVersion": "1.0.0", "Windows": {"cwd": 7}, "mouts": [], "process": {"cwd": "/", "selinuxProcessLabel": "", "noNewPriveleges": true},
"linux": {"resources": {"blockIO": {"weightDevice": [{"major": 1, "minor": 2, "wieght": 3}]}}, "sysctl": {"unknown": "x"}, "rootfspropagatoin": ""}, "vm": {"x": {}}, "zz": 1}`, []string{
			`1:25 warning /Windows | Windows: unknown property: it is ignored`,
			`1:48 warning /mouts | mouts: unknown property: it is ignored (did you mean "mounts"?)`,
			`1:85 warning /process/selinuxProcessLabel | process.selinuxProcessLabel: unknown property: it is ignored`,
			`1:112 warning /process/noNewPriveleges | process.noNewPriveleges: unknown property: it is ignored (did you mean "noNewPrivileges"?)`,
			`2:79 warning /linux/resources/blockIO/weightDevice/0/wieght | linux.resources.blockIO.weightDevice[0].wieght: unknown property: it is ignored (did you mean "weight"?)`,
			`2:124 warning /linux/rootfspropagatoin | linux.rootfspropagatoin: unknown property: it is ignored (did you mean "rootfsPropagation"?)`,
			`2:150 warning /vm | vm: is for another platform and is ignored`,
			`2:167 warning /zz | zz: unknown property: it is ignored`,
		}},
		{"keys twice", `{"ociVersion": "1.0.0", "ociVersion": "1.0.1", "linux": {"sysctl": {"a": "1", "a": 2}}, "x": {"y": 1, "y": 1}}`, []string{
			"1:25 warning /ociVersion | ociVersion: duplicate key: the last one counts",
			"1:79 warning /linux/sysctl/a | linux.sysctl.a: duplicate key: the last one counts",
			"1:84 error /linux/sysctl/a | linux.sysctl.a: expected a string, found a number",
			"1:89 warning /x | x: unknown property: it is ignored",
		}},
		{"letters of another case", `{"OCIVersion": "1.0.0", "Process": {"CWD": 7, "cwd": "/", "args": ["a"], "Args": [5]}, "linux": {"sysctl": {"X": "1", "x": 2}}}`, []string{
			`1:2 warning /OCIVersion | OCIVersion: is read as "ociVersion" (the case of letters counts in the specification, and other runtimes may ignore it)`,
			`1:25 warning /Process | Process: is read as "process" (the case of letters counts in the specification, and other runtimes may ignore it)`,
			`1:37 warning /process/CWD | process.CWD: is read as "cwd" (the case of letters counts in the specification, and other runtimes may ignore it)`,
			"1:44 error /process/cwd | process.cwd: expected a string, found a number",
			"1:47 warning /process/cwd | process.cwd: duplicate key: the last one counts",
			`1:74 warning /process/Args | process.Args: is read as "args" (the case of letters counts in the specification, and other runtimes may ignore it)`,
			"1:74 warning /process/args | process.args: duplicate key: the last one counts",
			"1:83 error /process/args/0 | process.args[0]: expected a string, found a number",
			"1:124 error /linux/sysctl/x | linux.sysctl.x: expected a string, found a number",
		}},
		{"missing", `{"root": {}, "process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": null}], "cwd": ""}}`, []string{
			"1:1 warning /ociVersion | ociVersion: is required by the specification, and missing",
			"1:10 warning /root/path | root.path: is required by the specification, and missing",
			"1:38 warning /process/rlimits/0/hard | process.rlimits[0].hard: is required by the specification, and missing",
			"1:69 warning /process/rlimits/0/soft | process.rlimits[0].soft: is required by the specification, and missing",
		}},
		{"an end", `{"ociVersion": 1, "process": {"args": ["a", "b" "c"]}}`, []string{
			"1:16 error /ociVersion | ociVersion: expected a string, found a number",
			"1:49 error /process/args | process.args: expected ',' or ']', found a string",
		}},
		{"not JSON", "\n  x", []string{"2:3 error  | config.json: expected an object, found invalid character 'x'"}},
		{"empty", "", []string{"1:1 error  | config.json: the file is empty"}},
		{"keys with slashes", `{"ociVersion": "1.0.0", "linux": {"sysctl": {"a/b~c.d": 1}}}`, []string{
			`1:57 error /linux/sysctl/a~1b~0c.d | linux.sysctl["a/b~c.d"]: expected a string, found a number`,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, examined(Examine([]byte(tt.config)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// What could not be read isn't complained about a second time, nor what follows
// from that.
func TestExaminationValidate(t *testing.T) {
	tests := []struct {
		name, config string
		want         []string
	}{
		{"rejected", `{"ociVersion": 1, "root": {"path": 3}, "process": {"args": [7], "cwd": 8, "env": [9], "user": {"umask": 4096}},
"mounts": [{"destination": 1, "type": "tmpfs"}, {"destination": "/proc/x", "type": "tmpfs"}],
"linux": {"namespaces": [{"type": "mount"}]}}`, []string{
			"1:16 error /ociVersion | ociVersion: expected a string, found a number",
			"1:36 error /root/path | root.path: expected a string, found a number",
			"1:61 error /process/args/0 | process.args[0]: expected a string, found a number",
			"1:72 error /process/cwd | process.cwd: expected a string, found a number",
			"1:83 error /process/env/0 | process.env[0]: expected a string, found a number",
			"1:105 error /process/user/umask | process.user.umask: umask 010000 is beyond 0777",
			"2:28 error /mounts/0/destination | mounts[0].destination: expected a string, found a number",
			`2:65 error /mounts/1/destination | mounts[1] /proc/x: "/proc/x" cannot be mounted because it is inside /proc`,
		}},
		{"a namespace", `{"ociVersion": "1.0.0", "root": {"path": "r"}, "hostname": "h", "linux": {"timeOffsets": {"boottime": {}},
"namespaces": [{"type": "mount"}, {"type": true}]}}`, []string{
			"2:44 error /linux/namespaces/1/type | linux.namespaces[1].type: expected a string, found a boolean",
		}},
		{"linux", `{"ociVersion": "1.0.0", "root": {"path": "r"}, "hostname": "h", "linux": []}`, []string{
			"1:74 error /linux | linux: expected an object, found an array",
		}},
		{"an error instead of what is missing", `{"root": {}, "linux": {"namespaces": [{"type": "mount"}]}}`, []string{
			"1:1 error /ociVersion | ociVersion: ociVersion must not be empty (the current version is " + specs.Version + ")",
			"1:10 error /root/path | root.path: root path must not be empty",
		}},
	}
	for _, tt := range tests {
		e := Examine([]byte(tt.config))
		e.Validate(host.Any())
		if diff := cmp.Diff(tt.want, examined(e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// agrees compares Examine with Decode: they find the same first error, or read the same
// config.
func agrees(t *testing.T, data []byte) {
	t.Helper()
	spec, _, err := Decode(data)
	e := Examine(data)
	var first *Problem
	for _, p := range e.Problems() {
		if p.Severity == Error {
			first = &p
			break
		}
	}
	switch {
	case err == nil && first == nil:
		if diff := cmp.Diff(spec, e.Spec); diff != "" {
			t.Errorf("Decode and Examine(%q) read different configs:\n%s", data, diff)
		}
	case err == nil || first == nil:
		t.Errorf("Decode(%q) = %v, Examine finds %v", data, err, first)
	case !strings.HasPrefix(err.Error(), fmt.Sprintf("config.json:%d:%d: ", first.Line, first.Column)),
		!strings.HasSuffix(err.Error(), first.Text):
		t.Errorf("Decode(%q) = %v, Examine finds %d:%d %s", data, err, first.Line, first.Column, first)
	}
}

func TestExamineAgrees(t *testing.T) {
	for _, tt := range decodeErrors {
		agrees(t, []byte(tt.config))
	}
	data, err := json.MarshalIndent(Example(false, 0, 0, true), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	agrees(t, data)
	const step = 31 // all would take a minute
	for i := 0; i < len(data); i += step {
		for _, with := range []string{"", "7", `"`, "{", "]", "null", `\`, "-", "1e5", "\x00", "\xff"} {
			agrees(t, []byte(string(data[:i])+with+string(data[i+1:])))
		}
		agrees(t, data[:i])
	}
}

func FuzzExamine(f *testing.F) {
	for _, tt := range decodeErrors {
		f.Add([]byte(tt.config))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		agrees(t, data)
		e := Examine(data)
		e.Validate(host.Any())
		for _, p := range e.Problems() {
			if p.Line < 1 || p.Column < 1 || p.Where() == "" {
				t.Errorf("Examine(%q): problem without a place: %+v", data, p)
			}
		}
	})
}
