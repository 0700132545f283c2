package specconv

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The functions of this file tell others what the planner makes of single words of
// a config.

// Rlimit is the number of a resource, RLIMIT_*, getrlimit(2).
func Rlimit(name string) (resource int, ok bool) { return rlimitOf(name) }

// Namespace gives the flag, CLONE_NEW*, of a type of namespace, and its name in
// /proc/PID/ns.
func Namespace(name specs.LinuxNamespaceType) (flag uint64, file string, ok bool) {
	t, ok := namespaceOf(name)
	return t.flag, t.file, ok
}

// SysctlPath is the path below /proc/sys that a key of linux.sysctl stands for.
func SysctlPath(key string) string { return sysctlPath(key) }

// MountPlan is what an entry of mounts comes to.
type MountPlan struct {
	Target string // absolute and clean, in the root
	Origin string // its place in config.json
	// IsBind and IsRemount tell two kinds from that of a new file system.
	IsBind, IsRemount bool
}

// Mounts gives what becomes of the entries of mounts, one for each.
func Mounts(spec *specs.Spec) []MountPlan {
	list := make([]MountPlan, len(spec.Mounts))
	for i := range spec.Mounts {
		m := compileMount(i, spec.Mounts[i])
		list[i] = MountPlan{Target: m.target, Origin: m.origin(), IsBind: m.bind && !m.remount, IsRemount: m.remount}
	}
	return list
}

// BindsDev tells whether the container's /dev is a bind mount.
func BindsDev(spec *specs.Spec) bool { return bindsDev(spec) }

// DeviceOnHost tells the kind, S_IFMT, of the device node that a user namespace's
// container takes from the host; ok is false for a FIFO, which needs none.
func DeviceOnHost(d *specs.LinuxDevice) (target string, format uint32, ok bool) {
	format, ok = deviceType(d.Type)
	return path.Clean(d.Path), format, ok && d.Type != "p"
}
