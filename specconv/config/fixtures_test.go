package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

func TestDecodeExamplesOfTheText(t *testing.T) {
	for _, page := range configtest.Pages {
		examples := configtest.Excerpts(t, page)
		if len(examples) < 10 {
			t.Errorf("%s: %d examples", page, len(examples))
		}
		for _, data := range examples {
			if !json.Valid(data) { // two examples of the text have a comma too many or too few
				if _, _, err := Decode(data); err == nil {
					t.Errorf("%s: Decode accepts %s", page, data)
				}
				continue
			}
			var want specs.Spec
			if err := json.Unmarshal(data, &want); err != nil {
				t.Errorf("%s: %v in %s", page, err, data)
				continue
			}
			want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
			got, _, err := Decode(data)
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
	// Other platforms and packages check these.
	elsewhere := map[string]string{
		"freebsd-minimal": "FreeBSD", "freebsd-example": "FreeBSD", "freebsd-vnet-disable": "FreeBSD",
		"zos-minimal": "z/OS", "zos-example": "z/OS",
		"linux-hugepage": "cgroups/limits.CheckPageSize",
	}
	errors := map[string]string{
		"invalid-json":    `config.json:1:2: `,
		"linux-netdevice": `linux.netDevices["eth0"].name`,
		"linux-rdma":      `linux.resources.rdma.mlx5_1.hcaHandles`,
	}
	// The schema accepts it, but config-linux.md requires a namespace to move the
	// device to.
	const noNamespace = "good/linux-netdevice"
	for _, kind := range []string{"good", "bad"} {
		for name, data := range configtest.Fixtures(t, kind) {
			if elsewhere[name] != "" {
				continue
			}
			spec, _, err := Decode(data)
			if err == nil {
				err = FirstError(Validate(spec, configtest.Root(mode.V2)))
			}
			switch {
			case kind+"/"+name == noNamespace:
				if err == nil || !strings.Contains(err.Error(), "NET namespace") {
					t.Errorf("%s: %v", noNamespace, err)
				}
			case kind == "good" && err != nil:
				t.Errorf("good/%s: %v", name, err)
			case kind == "bad" && err == nil:
				t.Errorf("bad/%s is accepted", name)
			case kind == "bad" && !strings.Contains(err.Error(), errors[name]):
				t.Errorf("bad/%s: %v, want %s", name, err, errors[name])
			}
		}
	}
}
