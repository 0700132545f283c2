package specconv

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/cgroups/mode"
)

func TestExample(t *testing.T) {
	tests := []struct {
		name         string
		rootless, v2 bool
		host         *Host
	}{
		{"example", false, true, root(mode.V2)},
		{"example-v1", false, false, root(mode.V1)},
		{"example-rootless", true, true, user()},
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
		file := filepath.Join("testdata", tt.name+".json")
		if *update {
			if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
			t.Errorf("%s differs from %s (-want +got):\n%s", tt.name, file, diff)
		}
	}
}
