package configtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// specModule is the directory of the specification's own module, which has its
// text and the good and bad documents of its schema tests.
func specModule(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the module of the specification isn't here: %v", err)
	}
	return dir
}

// Fixtures returns the documents of the specification's schema tests, by name.
func Fixtures(t testing.TB, kind string) map[string][]byte {
	files, err := filepath.Glob(filepath.Join(specModule(t), "schema/test/config", kind, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s configs in the module of the specification: %v", kind, err)
	}
	found := make(map[string][]byte)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".json")] = data
	}
	return found
}

// properties returns the JSON names of a struct's fields.
func properties(of reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

// Excerpts returns the JSON examples of a page of the specification as whole
// configs: most show one property only, which belongs where the structs have it.
func Excerpts(t testing.TB, page string) [][]byte {
	text, err := os.ReadFile(filepath.Join(specModule(t), page))
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, part := range strings.Split(string(text), "```json\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		example = strings.TrimSuffix(strings.TrimSpace(example), ",")
		if strings.HasPrefix(example, "{") {
			found = append(found, []byte(example))
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(example, `"`), `"`)
		known := false
		for _, place := range []struct {
			of            reflect.Type
			before, after string
		}{
			{reflect.TypeFor[specs.Spec](), `{`, `}`},
			{reflect.TypeFor[specs.Linux](), `{"linux": {`, `}}`},
			{reflect.TypeFor[specs.LinuxResources](), `{"linux": {"resources": {`, `}}}`},
		} {
			if properties(place.of)[name] {
				found = append(found, []byte(place.before+example+place.after))
				known = true
			}
		}
		if !known {
			t.Errorf("%s: an example of %s, which is nowhere", page, name)
		}
	}
	return found
}

// Pages are those of the specification that have examples.
var Pages = []string{"config.md", "config-linux.md"}

// Seeds returns the examples of the specification, good and bad.
func Seeds(t testing.TB) [][]byte {
	var seeds [][]byte
	for _, page := range Pages {
		seeds = append(seeds, Excerpts(t, page)...)
	}
	for _, kind := range []string{"good", "bad"} {
		for _, data := range Fixtures(t, kind) {
			seeds = append(seeds, data)
		}
	}
	return seeds
}
