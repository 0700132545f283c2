package words

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Known is what the tables of this package hold, in the terms of features.md.
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

// Features returns what is recognized in a config, whatever the host has.
func Features() Known {
	k := Known{
		Hooks:         slices.Clone(HookNames[:]),
		MountOptions:  OptionNames(),
		Capabilities:  slices.Clone(CapabilityNames[:]),
		OCIVersionMin: "1.0.0", OCIVersionMax: specs.Version,
		IDMappedMounts: true, AppArmor: true, SELinux: true,
	}
	for _, t := range NamespaceTypes {
		k.Namespaces = append(k.Namespaces, string(t.Name))
	}
	for _, m := range memoryModes {
		k.MemoryPolicyModes = append(k.MemoryPolicyModes, string(m.name))
	}
	for _, f := range memoryFlags {
		k.MemoryPolicyFlags = append(k.MemoryPolicyFlags, string(f.name))
	}
	return k
}
