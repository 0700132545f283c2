package preflight

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// specModule returns the directory of the specification's Go module, which has its JSON
// schema and its documents.
func specModule(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("go list doesn't find the module of the specification: %v", err)
	}
	return dir
}

// needsSeccomp skips a test whose configs have seccomp profiles.
func needsSeccomp(t *testing.T) {
	t.Helper()
	if !*seccomp.Features().Enabled {
		t.Skip("this build has no seccomp support")
	}
}

// examined returns the problems of a config.json, without those of a rootfs or host.
func examined(data []byte) []config.Problem {
	c := &check{Examination: config.Examine(data), host: host.Any()}
	if c.Spec != nil {
		if c.Spec.Linux == nil {
			c.Spec.Linux = &specs.Linux{}
		}
		c.config()
	}
	return c.Problems()
}

func errorsAmong(problems []config.Problem) []string {
	var texts []string
	for _, p := range problems {
		if p.Severity == config.Error {
			texts = append(texts, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p))
		}
	}
	return texts
}

// TestSchemaFixtures compares the result of check with that of the schema's own
// examples.
func TestSchemaFixtures(t *testing.T) {
	needsSeccomp(t)
	exceptions := map[string]string{
		"bad/freebsd-vnet-disable.json": "what is for another platform isn't looked at",
		"good/freebsd-example.json":     "a terminal and a hostname take a devpts and a namespace on Linux",
		"good/zos-example.json":         "a terminal and a hostname take a devpts and a namespace on Linux",
		"good/linux-netdevice.json":     "its network devices need a network namespace, of which a schema doesn't know",
	}
	files, err := filepath.Glob(filepath.Join(specModule(t), "schema/test/config/*/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := errorsAmong(examined(data))
		isBad := strings.HasPrefix(name, "bad/")
		if why := exceptions[name]; why != "" {
			isBad = !isBad
		}
		if isBad != (len(found) > 0) {
			t.Errorf("%s: errors %q", name, found)
		}
	}
}

// TestSpecExample checks the full example of config.md. It has limits that only one
// version of cgroups has.
func TestSpecExample(t *testing.T) {
	needsSeccomp(t)
	text, err := os.ReadFile(filepath.Join(specModule(t), "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "## Configuration Schema Example")
	if !ok {
		_, after, ok = strings.Cut(string(text), "Configuration Schema Example")
	}
	_, after, ok2 := strings.Cut(after, "```json\n")
	example, _, ok3 := strings.Cut(after, "```")
	if !ok || !ok2 || !ok3 {
		t.Fatal("config.md has no full example")
	}
	isIgnored := func(p config.Problem) bool { return strings.HasPrefix(p.Text, "is ignored") }
	if found := slices.DeleteFunc(examined([]byte(example)), isIgnored); len(found) > 0 {
		t.Errorf("problems of the example: %v", found)
	}
}

// schema is a node of the JSON schema, with its references resolved.
type schema struct {
	dir   string
	files map[string]map[string]any
}

func (s *schema) load(t *testing.T, file string) map[string]any {
	if s.files[file] == nil {
		data, err := os.ReadFile(filepath.Join(s.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		decoder := json.NewDecoder(strings.NewReader(string(data)))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			t.Fatal(err)
		}
		s.files[file] = v
	}
	return s.files[file]
}

type node struct {
	file string
	at   map[string]any
}

// resolve follows $ref, and merges the schemas of allOf.
func (s *schema) resolve(t *testing.T, n node) node {
	if ref, ok := n.at["$ref"].(string); ok {
		file, fragment, _ := strings.Cut(ref, "#")
		if file == "" {
			file = n.file
		}
		at := s.load(t, file)
		for part := range strings.SplitSeq(strings.Trim(fragment, "/"), "/") {
			at = at[part].(map[string]any)
		}
		return s.resolve(t, node{file, at})
	}
	for _, key := range []string{"allOf", "anyOf"} {
		list, ok := n.at[key].([]any)
		if !ok {
			continue
		}
		joined := map[string]any{"type": "object", "properties": map[string]any{}}
		for _, part := range list {
			p := s.resolve(t, node{n.file, part.(map[string]any)})
			// Nested references are relative to the file that they are in, which is
			// the same for all schemas that are merged.
			n.file = p.file
			maps.Copy(joined["properties"].(map[string]any), p.properties())
			if required, ok := p.at["required"]; ok {
				joined["required"] = required
			}
		}
		return node{n.file, joined}
	}
	return n
}

func (n node) properties() map[string]any {
	p, _ := n.at["properties"].(map[string]any)
	return p
}

// sample returns a value with everything that a node permits.
func (s *schema) sample(t *testing.T, n node) any {
	n = s.resolve(t, n)
	if enum, ok := n.at["enum"].([]any); ok {
		if slices.Contains(enum, any("SCMP_ACT_ERRNO")) {
			return "SCMP_ACT_ERRNO" // the action with an errno
		}
		return enum[0]
	}
	switch n.at["type"] {
	case "object":
		object := map[string]any{}
		for key, child := range n.children() {
			object[key] = s.sample(t, child)
		}
		return object
	case "array":
		return []any{s.sample(t, node{n.file, n.at["items"].(map[string]any)})}
	case "string":
		return sampleText(n.at["pattern"])
	case "integer":
		return json.Number("1")
	case "boolean":
		return true
	}
	t.Fatalf("no sample of %v", n.at)
	return nil
}

func sampleText(pattern any) string {
	switch pattern {
	case "^[cbup]$":
		return "c"
	case "^RLIMIT_[A-Z]+$":
		return "RLIMIT_NOFILE"
	case "^[1-9][0-9]*[KMG]B$":
		return "2MB"
	case `^MB:[^\n]*$`:
		return "MB:0=50"
	case "^[0-9, -]*$":
		return "0"
	}
	return "x"
}

// otherPlatforms are the properties of the root that are never looked at.
var otherPlatforms = []string{"solaris", "windows", "vm", "zos", "freebsd"}

// children returns the properties of an object; those of a map are "key" only.
func (n node) children() map[string]node {
	list := map[string]node{}
	for key, child := range n.properties() {
		if !slices.Contains(otherPlatforms, key) {
			list[key] = node{n.file, child.(map[string]any)}
		}
	}
	for _, key := range []string{"additionalProperties", "patternProperties"} {
		child, ok := n.at[key].(map[string]any)
		if !ok {
			continue
		}
		if key == "patternProperties" {
			child = child[".{1,}"].(map[string]any)
		}
		list["key"] = node{n.file, child}
	}
	return list
}

// violation is a value that a node doesn't permit, or the absence of one.
type violation struct {
	what  string
	value any
}

func (s *schema) violations(n node) []violation {
	list := []violation{}
	switch n.at["type"] {
	case "object":
		list = append(list, violation{"an array", []any{}}, violation{"a string", "x"})
	case "array":
		list = append(list, violation{"an object", map[string]any{}}, violation{"a number", json.Number("7")})
		if n.at["minItems"] != nil {
			list = append(list, violation{"no items", []any{}})
		}
	case "string":
		list = append(list, violation{"a number", json.Number("7")}, violation{"an array", []any{}})
	case "integer":
		list = append(list, violation{"a string", "x"}, violation{"a fraction", json.Number("1.5")})
		list = append(list, bounds(n)...)
	case "boolean":
		list = append(list, violation{"a string", "x"})
	}
	if n.at["enum"] != nil {
		list = append(list, violation{"an unknown word", "bogus"})
	}
	if n.at["pattern"] != nil {
		list = append(list, violation{"a text of another form", "bogus\n"})
	}
	return list
}

func bounds(n node) []violation {
	outside := map[string]string{
		"-128": "-129", "127": "128", "-32768": "-32769", "32767": "32768", "-2147483648": "-2147483649",
		"2147483647": "2147483648", "-9223372036854775808": "-9223372036854775809", "9223372036854775807": "9223372036854775808",
		"0": "-1", "1": "0", "255": "256", "65535": "65536", "4294967295": "4294967296",
		"18446744073709551615": "18446744073709551616", "511": "4096000", "100": "101",
	}
	var list []violation
	for _, key := range []string{"minimum", "maximum"} {
		if bound, ok := n.at[key].(json.Number); ok {
			value := outside[bound.String()]
			if value == "" {
				value = "no neighbour of " + bound.String()
			}
			list = append(list, violation{key, json.Number(value)})
		}
	}
	return list
}

// mutate calls try with the document, once for each violation of each node. set
// replaces the node in the document.
func (s *schema) mutate(t *testing.T, n node, value any, pointer string, set func(any), try func(pointer, what string)) {
	n = s.resolve(t, n)
	for _, v := range s.violations(n) {
		set(v.value)
		try(pointer, v.what)
	}
	set(value)
	switch n.at["type"] {
	case "object":
		object := value.(map[string]any)
		children := n.children()
		required, _ := n.at["required"].([]any)
		for _, key := range required {
			if _, ok := children[key.(string)]; !ok {
				continue
			}
			saved := object[key.(string)]
			delete(object, key.(string))
			try(pointer+"/"+key.(string), "its absence")
			object[key.(string)] = saved
		}
		for _, key := range slices.Sorted(maps.Keys(children)) {
			s.mutate(t, children[key], object[key], pointer+"/"+key, func(v any) { object[key] = v }, try)
		}
	case "array":
		list := value.([]any)
		s.mutate(t, node{n.file, n.at["items"].(map[string]any)}, list[0], pointer+"/0", func(v any) { list[0] = v }, try)
	}
}

// TestSchema violates every rule of the JSON schema, one at a time. Each must be found:
// as an error at its place or, if a required value is missing, at least as a warning.
func TestSchema(t *testing.T) {
	s := &schema{dir: filepath.Join(specModule(t), "schema"), files: map[string]map[string]any{}}
	root := node{"config-schema.json", s.load(t, "config-schema.json")}
	document := s.sample(t, root).(map[string]any)
	base := examine(t, document)
	tried := 0
	var whole any = document
	s.mutate(t, root, document, "", func(v any) { whole = v }, func(pointer, what string) {
		tried++
		least := config.Error
		if what == "its absence" {
			least = config.Warning
		}
		found := examine(t, whole)
		if !slices.ContainsFunc(found, func(p config.Problem) bool {
			return p.Severity <= least && p.Place.Pointer == pointer && !slices.Contains(base, p)
		}) {
			t.Errorf("%s: %s isn't found", pointer, what)
		}
	})
	if tried < 500 {
		t.Errorf("the schema has only %d rules", tried)
	}
}

// examine removes the line numbers, which any change moves.
func examine(t *testing.T, document any) []config.Problem {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	found := examined(data)
	for i := range found {
		found[i].Line, found[i].Column = 0, 0
	}
	return found
}
