// Package host probes the host for the facts that the plan of a container depends on.
// Validator and planner get them as a value, so that both are functions of their
// input alone.
package host

import (
	"math"

	"github.com/runnel/runnel/cgroups/mode"
)

// Kernel is a kernel version.
type Kernel struct{ Major, Minor int }

// AtLeast reports whether the kernel is of this version or newer.
func (k Kernel) AtLeast(major, minor int) bool {
	return k.Major > major || k.Major == major && k.Minor >= minor
}

// Host holds what a plan depends on besides the config. The zero value is no host.
type Host struct {
	EUID, EGID uint32
	Kernel     Kernel
	// InUserNS reports whether the runtime itself runs in a user namespace that
	// isn't the initial one, so that it can't create device nodes.
	InUserNS bool
	// SetgroupsDenied reports whether setgroups(2) is denied in the runtime's user
	// namespace.
	SetgroupsDenied bool
	// Permitted are the capabilities that the runtime has.
	Permitted uint64
	// Missing are the namespaces (CLONE_NEW*) of the config that the kernel
	// lacks.
	Missing uint64
	// Own are the namespaces to join that the runtime is in already.
	Own uint64
	// Cgroups is set where the config mounts cgroups.
	Cgroups mode.Mode
	// AppArmor, SELinux and IntelRDT report whether the host has them; they are
	// set where the config uses them.
	AppArmor, SELinux, IntelRDT bool
	// Landlock is the version of Landlock's ABI; 0 if the kernel has none. It is set where the
	// config asks for Landlock.
	Landlock int
	// Kcore reports whether there is a /proc/kcore.
	Kcore bool
	// HardLimits are the runtime's own hard limits by RLIMIT_*, of the resources
	// that the config limits: of all with a user namespace, of RLIMIT_NPROC always.
	HardLimits map[int]uint64
	// RootMount is the mount point that the rootfs is on. It is set where the
	// config asks for a shared rootfs.
	RootMount string
}

// Any returns a host that has whatever a config may ask for: a problem that is found
// on it is one on every host.
func Any() *Host {
	return &Host{
		Kernel: Kernel{Major: math.MaxInt}, Permitted: math.MaxUint64, Kcore: true,
		AppArmor: true, SELinux: true, IntelRDT: true, Landlock: math.MaxInt,
	}
}
