package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Namespaces is what a config does with namespaces. One to join that the runtime is
// in already is in neither set, because nothing is private in it.
type Namespaces struct {
	Created, Joined uint64 // CLONE_NEW*
	List            []specs.LinuxNamespace
}

// NamespacesOf returns what a config does with namespaces on a host.
func NamespacesOf(spec *specs.Spec, host *host.Host) Namespaces {
	var n Namespaces
	if spec.Linux == nil {
		return n
	}
	n.List = spec.Linux.Namespaces
	for i := range n.List {
		t, ok := words.Namespace(n.List[i].Type)
		switch {
		case !ok || t.Flag&host.Own != 0:
		case n.List[i].Path == "":
			n.Created |= t.Flag
		default:
			n.Joined |= t.Flag
		}
	}
	return n
}

// NamespacePlace returns the place of an entry of linux.namespaces.
func NamespacePlace(i int, name specs.LinuxNamespaceType) place.Place {
	return place.At("/linux/namespaces").Index(i).Named(string(name))
}

// Has reports whether the container has a namespace of its own of one of the types,
// created or joined.
func (n Namespaces) Has(flag uint64) bool { return (n.Created|n.Joined)&flag != 0 }

func (c *checker) namespaces() {
	linux := c.spec.Linux
	var seen uint64
	for i := range linux.Namespaces {
		entry := &linux.Namespaces[i]
		at := place.At("/linux/namespaces").Index(i)
		t, ok := words.Namespace(entry.Type)
		switch {
		case !ok:
			c.errorf(at.Key("type"), "unknown namespace type %q", entry.Type).Hint = cmp.Or(
				spelling.Hint(string(entry.Type), words.Features().Namespaces), "known are cgroup, ipc, mount, network, pid, time, user and uts")
			continue
		case seen&t.Flag != 0:
			c.errorf(at, "malformed spec file: duplicated ns %q", string(entry.Type))
		case entry.Path != "" && !filepath.IsAbs(entry.Path):
			c.errorf(at.Key("path"), "namespace path %q is not absolute", entry.Path)
		case c.host.Missing&t.Flag != 0:
			c.errorf(at, "%s namespaces aren't enabled in the kernel", t.Name)
		}
		seen |= t.Flag
	}
	c.mountNamespace()
	c.userNamespace()
	c.timeNamespace()
	c.hostnames()
}

// mountNamespace reports a container that inherits its mount namespace where that isn't
// supported, and warns about it elsewhere: the specification requires it to work, but
// then only chroot(2) confines the container.
func (c *checker) mountNamespace() {
	const hint = `add {"type": "mount"} to linux.namespaces`
	switch {
	case c.ns.Has(unix.CLONE_NEWNS):
	case c.ns.Has(unix.CLONE_NEWUSER) || c.host.EUID != 0:
		c.errorf(place.At("/linux/namespaces"), "containers without a mount namespace of their own are not supported in a user namespace").Hint = hint
	case len(c.spec.Linux.MaskedPaths)+len(c.spec.Linux.ReadonlyPaths) > 0:
		// They protect against root, whom chroot(2) doesn't confine.
		c.errorf(place.At("/linux/namespaces"), "unable to restrict sys entries without a private MNT namespace").Hint = hint
	default:
		c.warnf(place.At("/linux/namespaces"), "without a mount namespace of its own the container's mounts are the host's, and chroot(2) is what confines it").Hint = hint
	}
}

func (c *checker) userNamespace() {
	linux := c.spec.Linux
	mapped := len(linux.UIDMappings) > 0 || len(linux.GIDMappings) > 0
	created := c.ns.Created&unix.CLONE_NEWUSER != 0
	switch {
	case c.host.EUID != 0 && !words.HasNamespace(c.spec, specs.UserNamespace):
		c.errorf(place.At("/linux/namespaces"), "rootless container requires user namespaces").Hint = `"runnel spec --rootless" writes such a config`
	case created && c.host.EUID != 0 && len(linux.UIDMappings) == 0:
		c.errorf(place.At("/linux/uidMappings"), "rootless containers requires at least one UID mapping")
	case created && c.host.EUID != 0 && len(linux.GIDMappings) == 0:
		c.errorf(place.At("/linux/gidMappings"), "rootless containers requires at least one GID mapping")
	case created && !mapped:
		c.errorf(place.At("/linux/namespaces"), "user namespaces enabled, but no namespace path to join nor mappings to apply specified")
	case created && len(linux.UIDMappings) == 0:
		c.errorf(place.At("/linux/uidMappings"), "no uid mappings specified for the user namespace")
	case created && len(linux.GIDMappings) == 0:
		c.errorf(place.At("/linux/gidMappings"), "no gid mappings specified for the user namespace")
	case mapped && !words.HasNamespace(c.spec, specs.UserNamespace):
		c.errorf(place.At("/linux/namespaces"), "user namespace mappings specified, but user namespace isn't enabled in the config")
	}
	c.mappings(place.At("/linux/uidMappings"), linux.UIDMappings)
	c.mappings(place.At("/linux/gidMappings"), linux.GIDMappings)
}

func (c *checker) timeNamespace() {
	offsets := c.spec.Linux.TimeOffsets
	if len(offsets) == 0 {
		return
	}
	switch {
	case c.ns.Joined&unix.CLONE_NEWTIME != 0:
		c.errorf(place.At("/linux/timeOffsets"), "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one")
	case c.ns.Created&unix.CLONE_NEWTIME == 0:
		c.errorf(place.At("/linux/timeOffsets"), "time namespace offsets specified, but time namespace isn't enabled in the config")
	}
	for _, clock := range slices.Sorted(maps.Keys(offsets)) {
		offset := offsets[clock]
		if clock != "monotonic" && clock != "boottime" {
			c.errorf(place.At("/linux/timeOffsets").Key(clock), "unknown clock %q", clock).Hint = "a time namespace has the clocks monotonic and boottime"
		}
		if offset.Nanosecs >= 1e9 {
			c.errorf(place.At("/linux/timeOffsets").Key(clock).Key("nanosecs"), "%d nanoseconds are a second or more", offset.Nanosecs)
		}
	}
}

// hostnames reports names that would be set for the whole host.
func (c *checker) hostnames() {
	if c.spec.Hostname != "" && !c.ns.Has(unix.CLONE_NEWUTS) {
		c.errorf(place.At("/hostname"), "unable to set hostname without a private UTS namespace")
	}
	if c.spec.Domainname != "" && !c.ns.Has(unix.CLONE_NEWUTS) {
		c.errorf(place.At("/domainname"), "unable to set domainname without a private UTS namespace")
	}
	for _, n := range [...]struct{ at, name string }{{"/hostname", c.spec.Hostname}, {"/domainname", c.spec.Domainname}} {
		if len(n.name) > 64 {
			c.errorf(place.At(n.at), "%d bytes exceed the kernel's limit of 64", len(n.name))
		}
	}
}
