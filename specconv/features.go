package specconv

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Known is what the planner recognizes, in the words of features.md: the tables
// that it compiles from.
type Known struct {
	Hooks             []string // in the order in which they run
	MountOptions      []string // sorted
	Namespaces        []string // sorted
	Capabilities      []string // by number
	MemoryPolicyModes []string
	MemoryPolicyFlags []string

	OCIVersionMin, OCIVersionMax string

	IDMappedMounts, AppArmor, SELinux bool
}

// Features lists what the planner recognizes, whatever the host has.
func Features() Known {
	k := Known{
		Hooks:         slices.Clone(hookNames[:]),
		Capabilities:  slices.Clone(capabilityNames[:]),
		OCIVersionMin: "1.0.0", OCIVersionMax: specs.Version,
		IDMappedMounts: true, AppArmor: true, SELinux: true,
	}
	for i := range mountOptions {
		k.MountOptions = append(k.MountOptions, mountOptions[i].name)
	}
	for _, t := range namespaceTypes {
		k.Namespaces = append(k.Namespaces, string(t.name))
	}
	for _, m := range memoryModes {
		k.MemoryPolicyModes = append(k.MemoryPolicyModes, string(m.name))
	}
	for _, f := range memoryFlags {
		k.MemoryPolicyFlags = append(k.MemoryPolicyFlags, string(f.name))
	}
	return k
}
