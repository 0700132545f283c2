package specconv

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

func TestPointer(t *testing.T) {
	for text, want := range map[string]string{
		"mounts[3] /data":                                             "/mounts/3",
		"mounts[3] /da[2].ta: no":                                     "/mounts/3",
		"process.args[0]":                                             "/process/args/0",
		"linux.resources.pids.limit: write \"1\" to x":                "/linux/resources/pids/limit",
		`linux.sysctl["net.ipv4.conf.eth0/1.x"]: denied`:              "/linux/sysctl/net.ipv4.conf.eth0~11.x",
		`linux.resources.unified["a~b"]`:                              "/linux/resources/unified/a~0b",
		`linux.netDevices["a\"]b"]: x`:                                `/linux/netDevices/a"]b`,
		"linux.seccomp.syscalls[1].args[0].op: unknown":               "/linux/seccomp/syscalls/1/args/0/op",
		"config.json:12:5: process.cwd: expected a string":            "/process/cwd",
		"config.json:12:5: expected ,":                                "",
		"linux.uidMappings, linux.gidMappings: write uid_map: denied": "/linux/uidMappings",
		"hooks.prestart[0] /bin/hook":                                 "/hooks/prestart/0",
		"hostname":                                                    "/hostname",
		"hostnames":                                                   "",
		"hostname/x":                                                  "",
		"linux.":                                                      "",
		"mounts[x]":                                                   "",
		"mounts[-1]":                                                  "",
		"mounts[1":                                                    "",
		`linux.sysctl["a]`:                                            "",
		"container does not exist":                                    "",
		"":                                                            "",
	} {
		if got := Pointer(text); got != want {
			t.Errorf("Pointer(%q) = %q, want %q", text, got, want)
		}
	}
}

// checkPointers holds each origin of a plan to what the config has in the place
// that its pointer says.
func checkPointers(t *testing.T, spec *specs.Spec, p *plan.Plan) {
	t.Helper()
	content, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	for _, origin := range origins(p) {
		pointer := Pointer(origin)
		shown, _, _ := strings.Cut(origin, " ")
		if pointer == "" || place.At(pointer).String() != shown && !strings.Contains(origin, `["`) {
			t.Errorf("Pointer(%q) = %q, which is %s", origin, pointer, place.At(pointer).String())
		}
		// What isn't in the config, such as linux.rootfsPropagation, has a default.
		if strings.Contains(origin, "[") && !resolves(document, pointer) {
			t.Errorf("%s of %q isn't in the config", pointer, origin)
		}
	}
}

func origins(p *plan.Plan) (list []string) {
	for i := range p.Steps {
		if o := p.Steps[i].Origin; o != "" {
			list = append(list, o)
		}
	}
	for i := range p.Files {
		if o := p.Files[i].Origin; o != "" {
			list = append(list, o)
		}
	}
	return list
}

func resolves(value any, pointer string) bool {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := value.(type) {
		case map[string]any:
			if value = v[part]; value == nil {
				return false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return false
			}
			value = v[i]
		default:
			return false
		}
	}
	return true
}
