package libcontainer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestOverride(t *testing.T) {
	base := &specs.Process{
		Terminal: true, Cwd: "/w", Env: []string{"A=1"}, Args: []string{"base"},
		User: specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7}},
		Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL"}, Effective: []string{"CAP_KILL"}, Permitted: []string{"CAP_KILL"},
			Inheritable: []string{"CAP_CHOWN"},
		},
	}
	yes := true
	got, err := (&ProcessOverride{
		Args: []string{"ls"}, Env: []string{"B=2"}, User: &specs.User{UID: 1, GID: 2},
		AdditionalGids: []uint32{8}, NoNewPrivileges: &yes, Caps: []string{"CAP_CHOWN", "CAP_SYSLOG"},
	}).apply(base)
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Process{
		Cwd: "/w", Env: []string{"A=1", "B=2"}, Args: []string{"ls"}, NoNewPrivileges: true,
		User: specs.User{UID: 1, GID: 2, AdditionalGids: []uint32{7, 8}},
		Capabilities: &specs.LinuxCapabilities{
			Bounding:    []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Effective:   []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Permitted:   []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Inheritable: []string{"CAP_CHOWN"},
			Ambient:     []string{"CAP_CHOWN"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("apply (-want +got):\n%s", diff)
	}
	if len(base.Capabilities.Bounding) != 1 || len(base.Env) != 1 {
		t.Error("apply has changed the config's process")
	}
	if _, err := (&ProcessOverride{}).apply(base); err == nil {
		t.Error("apply without arguments: no error")
	}
}
