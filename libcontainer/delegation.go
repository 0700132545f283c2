package libcontainer

import (
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// cgroupOwner is the user of the host to whom the container's cgroup is given,
// config-linux.md "Cgroup ownership": the one who runs the container's process,
// if the container sees its cgroup as the root of a cgroup namespace of its own
// and may write to it. On cgroup v1 the manager doesn't follow.
func cgroupOwner(spec *specs.Spec) (uid int, ok bool) {
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
	for _, m := range spec.Linux.UIDMappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + (id - m.ContainerID)), true
		}
	}
	return 0, false
}

// giveCgroup is a courtesy: the container works without it.
func (c *creation) giveCgroup() {
	uid, ok := cgroupOwner(c.spec)
	if !ok || uid == c.state.OwnerUID {
		return
	}
	if err := c.cgroup.Chown(uid); err != nil {
		c.runtime.warn(err.Error())
	}
}
