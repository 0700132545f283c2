package config

import (
	"encoding/json"
	"testing"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/internal/golden"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

func TestExample(t *testing.T) {
	tests := []struct {
		name         string
		rootless, v2 bool
		host         *host.Host
	}{
		{"example", false, true, configtest.Root(mode.V2)},
		{"example-v1", false, false, configtest.Root(mode.V1)},
		{"example-rootless", true, true, configtest.User()},
	}
	for _, tt := range tests {
		spec := Example(tt.rootless, 1000, 1000, tt.v2)
		if problems := Validate(spec, tt.host); len(problems) > 0 {
			t.Errorf("%s: Validate = %v, want nothing", tt.name, problems)
		}
		got, err := json.MarshalIndent(spec, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, tt.name+".json", string(got)+"\n")
	}
}
