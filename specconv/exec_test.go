package specconv

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

// allowing is a filter that allows everything.
var allowing = &Seccomp{Filter: make([]byte, 8), Allows: func(uintptr, ...uint64) bool { return true }}

func TestExec(t *testing.T) {
	full := processConfig()
	full.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0", Final: "0-1"}
	inherit := configtest.Bare()
	inherit.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0"}
	tests := []struct {
		name string
		spec *specs.Spec
		host *host.Host
		in   ExecInput
	}{
		{"exec-default", config.Example(false, 0, 0, true), configtest.Root(mode.V2), ExecInput{InCgroup: true}},
		{"exec-rootless", config.Example(true, 1000, 1000, true), configtest.User(), ExecInput{}},
		{"exec-process", full, configtest.Root(mode.V2), ExecInput{PreserveFDs: 1, Seccomp: &Seccomp{Filter: make([]byte, 8)}}},
		{"exec-filter", configtest.Bare(), configtest.Root(mode.V2), ExecInput{Seccomp: allowing}},
		{"exec-tools", config.Example(false, 0, 0, true), configtest.Root(mode.V2), ExecInput{InCgroup: true, Tools: &Tools{Path: "/bin/busybox", Program: "busybox", Links: []string{"ls", "sh"}}}},
		{"exec-tools-rootless", config.Example(true, 1000, 1000, true), configtest.User(), ExecInput{Tools: &Tools{Path: "/opt/tools"}}},
		{"exec-no-mount-namespace", configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Linux.Namespaces = configtest.Created(specs.PIDNamespace) }), configtest.Root(mode.V2), ExecInput{InCgroup: true, Rootfs: "/bundle/rootfs"}},
		{"exec-inherits-all", configtest.Changed(configtest.Bare(), func(s *specs.Spec) { s.Linux.Namespaces = nil }), configtest.Root(mode.V2), ExecInput{InCgroup: true, Rootfs: "/bundle/rootfs"}},
		{"exec-no-pid-namespace", configtest.WithNamespaces(inherit, configtest.Created(specs.MountNamespace)...), configtest.Root(mode.V2), ExecInput{NoNewKeyring: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := config.FirstError(config.ValidateProcess(tt.spec.Process, tt.spec, tt.host)); err != nil {
				t.Fatalf("ValidateProcess: %v", err)
			}
			in := tt.in
			in.Spec, in.Process, in.Host = tt.spec, tt.spec.Process, tt.host
			p, err := Exec(in)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, tt.name, p)
			checkPlaces(t, tt.spec, p)
		})
	}
}
