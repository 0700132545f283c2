package cgrouppolicy

import (
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/specconv/config"
)

// Owner returns the host's user to whom the container's cgroup is chowned,
// config-linux.md "Cgroup ownership". That is the user of the container's process. ok
// is false if the cgroup isn't chowned: unless the container has a cgroup namespace of
// its own, in which its cgroup is the root, and a writable mount of it. On cgroup v1
// the manager ignores the owner.
func Owner(spec *specs.Spec) (uid int, ok bool) {
	if spec.Process == nil || !slices.Contains(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace}) {
		return 0, false
	}
	writable := slices.ContainsFunc(spec.Mounts, func(m specs.Mount) bool {
		return m.Source == "cgroup" && path.Clean(m.Destination) == "/sys/fs/cgroup" && !slices.Contains(m.Options, "ro")
	})
	if !writable {
		return 0, false
	}
	id := spec.Process.User.UID
	if len(spec.Linux.UIDMappings) == 0 {
		return int(id), true
	}
	host, ok := config.HostID(spec.Linux.UIDMappings, id)
	if !ok {
		return 0, false
	}
	return int(host), true
}
