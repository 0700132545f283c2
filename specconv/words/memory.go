package words

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// MemoryPolicy is a mode of set_mempolicy(2).
type MemoryPolicy struct {
	name  specs.MemoryPolicyModeType
	Mode  uint32
	Nodes bool   // it requires nodes; the others allow none
	Since [2]int // major and minor version of the kernel, if it isn't the oldest supported
}

// The modes by name, set_mempolicy(2).
var memoryModes = [...]MemoryPolicy{
	{specs.MpolBind, unix.MPOL_BIND, true, [2]int{}},
	{specs.MpolDefault, unix.MPOL_DEFAULT, false, [2]int{}},
	{specs.MpolInterleave, unix.MPOL_INTERLEAVE, true, [2]int{}},
	{specs.MpolLocal, unix.MPOL_LOCAL, false, [2]int{}},
	{specs.MpolPreferred, unix.MPOL_PREFERRED, true, [2]int{}},
	{specs.MpolPreferredMany, unix.MPOL_PREFERRED_MANY, true, [2]int{5, 15}},
	{specs.MpolWeightedInterleave, unix.MPOL_WEIGHTED_INTERLEAVE, true, [2]int{6, 9}},
}

type memoryFlag struct {
	name specs.MemoryPolicyFlagType
	flag uint32
}

var memoryFlags = [...]memoryFlag{
	{specs.MpolFNumaBalancing, unix.MPOL_F_NUMA_BALANCING},
	{specs.MpolFRelativeNodes, unix.MPOL_F_RELATIVE_NODES},
	{specs.MpolFStaticNodes, unix.MPOL_F_STATIC_NODES},
}

// MemoryMode returns the mode of a name.
func MemoryMode(name specs.MemoryPolicyModeType) (MemoryPolicy, bool) {
	for _, m := range memoryModes {
		if m.name == name {
			return m, true
		}
	}
	return MemoryPolicy{}, false
}

// MemoryFlag returns the flag of a name, MPOL_F_*.
func MemoryFlag(name specs.MemoryPolicyFlagType) (flag uint32, ok bool) {
	for _, f := range memoryFlags {
		if f.name == name {
			return f.flag, true
		}
	}
	return 0, false
}
