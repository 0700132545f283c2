package config

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/host"
)

// HostID returns what an id of the container is outside of it. ok is false if the id
// isn't mapped.
func HostID(mappings []specs.LinuxIDMapping, id uint32) (outside uint32, ok bool) {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + (id - m.ContainerID), true
		}
	}
	return 0, false
}

// DeniesSetgroups reports whether the gid map of a new user namespace can be
// written only after setgroups(2) has been denied in it, user_namespaces(7):
// when an unprivileged runtime maps its own group and nothing else.
func DeniesSetgroups(spec *specs.Spec, host *host.Host) bool {
	return host.EUID != 0 && NamespacesOf(spec, host).Created&unix.CLONE_NEWUSER != 0 &&
		len(spec.Linux.GIDMappings) == 1 && spec.Linux.GIDMappings[0].Size == 1 &&
		spec.Linux.GIDMappings[0].HostID == host.EGID
}

// GroupsDenied reports whether setgroups(2) is denied in a user namespace that the
// config creates, or in the one that the runtime is in.
func GroupsDenied(spec *specs.Spec, host *host.Host) bool {
	return host.SetgroupsDenied || DeniesSetgroups(spec, host)
}

// ContainerID returns what an id of the host is in the container. ok is false if the id
// isn't mapped.
func ContainerID(mappings []specs.LinuxIDMapping, id uint32) (inside uint32, ok bool) {
	for _, m := range mappings {
		if id >= m.HostID && id-m.HostID < m.Size {
			return m.ContainerID + (id - m.HostID), true
		}
	}
	return 0, false
}

// isMapped reports whether an id of the container is mapped.
func isMapped(mappings []specs.LinuxIDMapping, id uint32) bool {
	_, ok := HostID(mappings, id)
	return ok
}

// mappings reports maps that the kernel would refuse with a bare "invalid argument".
func (c *checker) mappings(at place.Place, list []specs.LinuxIDMapping) {
	for i, m := range list {
		here := at.Index(i)
		if m.Size == 0 {
			c.errorf(here, "the size of a mapping must not be 0")
		}
		if uint64(m.ContainerID)+uint64(m.Size) > 1<<32-1 || uint64(m.HostID)+uint64(m.Size) > 1<<32-1 {
			c.errorf(here, "maps ids beyond the last one, 4294967294")
		}
		for j, o := range list[:i] {
			if overlap(m.ContainerID, o.ContainerID, m.Size, o.Size) || overlap(m.HostID, o.HostID, m.Size, o.Size) {
				c.errorf(here, "overlaps with mapping %d", j)
				break
			}
		}
	}
}

func overlap(a, b, sizeA, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}
