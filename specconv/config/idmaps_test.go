package config

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

func TestDeniesSetgroups(t *testing.T) {
	single := Example(true, 1000, 1000, true)
	helped := configtest.Mapped(Example(false, 0, 0, true))
	tests := []struct {
		name string
		spec *specs.Spec
		host *host.Host
		want bool
	}{
		{"own group only", single, configtest.User(), true},
		{"mapped with newgidmap", helped, configtest.User(), false},
		{"root", single, configtest.Root(mode.V2), false},
		{"no user namespace", Example(false, 0, 0, true), configtest.User(), false},
	}
	for _, tt := range tests {
		if got := DeniesSetgroups(tt.spec, tt.host); got != tt.want {
			t.Errorf("%s: DeniesSetgroups = %t, want %t", tt.name, got, tt.want)
		}
	}
}
