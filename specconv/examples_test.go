package specconv

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/mode"
)

// specModule is the folder of the specification's own module, which has its
// text and the good and bad documents of its schema tests.
func specModule(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("the module of the specification isn't here: %v", err)
	}
	return dir
}

// fixtures gives the documents of the specification's schema tests, by name.
func fixtures(t testing.TB, kind string) map[string][]byte {
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

// properties gives the JSON names of a struct's fields.
func properties(of reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}

// excerpts gives the JSON examples of a page of the specification as whole
// configs: most show one property only, which belongs where the structs have it.
func excerpts(t testing.TB, page string) [][]byte {
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

var pages = []string{"config.md", "config-linux.md"}

// specSeeds are the examples of the specification, good and bad.
func specSeeds(t testing.TB) [][]byte {
	var seeds [][]byte
	for _, page := range pages {
		seeds = append(seeds, excerpts(t, page)...)
	}
	for _, kind := range []string{"good", "bad"} {
		for _, data := range fixtures(t, kind) {
			seeds = append(seeds, data)
		}
	}
	return seeds
}

func TestDecodeExamplesOfTheText(t *testing.T) {
	for _, page := range pages {
		examples := excerpts(t, page)
		if len(examples) < 10 {
			t.Errorf("%s: %d examples", page, len(examples))
		}
		for _, data := range examples {
			if !json.Valid(data) { // two examples of the text have a comma too many or too few
				if _, err := Decode(data); err == nil {
					t.Errorf("%s: Decode takes %s", page, data)
				}
				continue
			}
			var want specs.Spec
			if err := json.Unmarshal(data, &want); err != nil {
				t.Errorf("%s: %v in %s", page, err, data)
				continue
			}
			want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
			got, err := Decode(data)
			if err != nil {
				t.Errorf("%s: Decode = %v for %s", page, err, data)
				continue
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("%s: encoding/json and Decode differ on %s:\n%s", page, data, diff)
			}
		}
	}
}

func TestSpecFixtures(t *testing.T) {
	// Whose matter they are.
	elsewhere := map[string]string{
		"freebsd-minimal": "FreeBSD", "freebsd-example": "FreeBSD", "freebsd-vnet-disable": "FreeBSD",
		"zos-minimal": "z/OS", "zos-example": "z/OS",
		"linux-hugepage": "cgroups/limits.CheckPageSize",
	}
	errors := map[string]string{
		"invalid-json":    `config.json:1:2: `,
		"linux-netdevice": `linux.netDevices.eth0.name`,
		"linux-rdma":      `linux.resources.rdma.mlx5_1.hcaHandles`,
	}
	// The schema takes it, config-linux.md wants a namespace to move the device to.
	const noNamespace = "good/linux-netdevice"
	for _, kind := range []string{"good", "bad"} {
		for name, data := range fixtures(t, kind) {
			if elsewhere[name] != "" {
				continue
			}
			spec, err := Decode(data)
			if err == nil {
				err = FirstError(Validate(spec, root(mode.V2)))
			}
			switch {
			case kind+"/"+name == noNamespace:
				if err == nil || !strings.Contains(err.Error(), "NET namespace") {
					t.Errorf("%s: %v", noNamespace, err)
				}
			case kind == "good" && err != nil:
				t.Errorf("good/%s: %v", name, err)
			case kind == "bad" && err == nil:
				t.Errorf("bad/%s is taken", name)
			case kind == "bad" && !strings.Contains(err.Error(), errors[name]):
				t.Errorf("bad/%s: %v, want %s", name, err, errors[name])
			}
		}
	}
}
