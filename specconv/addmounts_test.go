package specconv

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

func TestAddMounts(t *testing.T) {
	mapping := []specs.LinuxIDMapping{{HostID: 1000, Size: 1}}
	list := []specs.Mount{
		{Destination: "/data", Type: "bind", Source: "/srv/data", Options: []string{"rbind", "ro", "rprivate", "shared"}},
		{Destination: "/data/scratch", Type: "tmpfs", Options: []string{"ro", "size=64k"}},
	}
	idmapped := append(list, specs.Mount{Destination: "/own", Type: "bind", Source: "own", UIDMappings: mapping, GIDMappings: mapping})
	tests := []struct {
		name string
		spec *specs.Spec
		host *host.Host
		list []specs.Mount
	}{
		{"add-mounts", config.Example(false, 0, 0, true), configtest.Root(mode.V2), idmapped},
		{"add-mounts-mapped", configtest.Mapped(configtest.Bare()), configtest.Root(mode.V2), idmapped},
		{"add-mounts-rootless", config.Example(true, 1000, 1000, true), configtest.User(), list},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := config.FirstError(config.ValidateMounts(tt.list, tt.spec, tt.host)); err != nil {
				t.Fatalf("ValidateMounts: %v", err)
			}
			checkGolden(t, tt.name, AddMounts(MountsInput{Spec: tt.spec, Host: tt.host, Bundle: "/bundle"}, tt.list))
		})
	}
}

func TestRemoveMount(t *testing.T) {
	in := MountsInput{Spec: configtest.Mapped(configtest.Bare()), Host: configtest.Root(mode.V2)}
	checkGolden(t, "remove-mount", RemoveMount(in, plan.Unmount{Path: "/data", Mount: 5, Lazy: true}))
}
