package config

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

// Mount is an entry of mounts with its options compiled.
type Mount struct {
	specs.Mount
	// Index is that of the entry, below 0 for a mount of the runtime's own.
	Index int
	// Target is the destination as an absolute, clean path in the root.
	Target string
	words.MountOptions
}

// Mounts compiles the entries of mounts.
func Mounts(spec *specs.Spec) []Mount {
	list := make([]Mount, len(spec.Mounts))
	for i := range spec.Mounts {
		list[i] = CompileMount(i, spec.Mounts[i])
	}
	return list
}

// CompileMount compiles an entry. An index below 0 is that of a mount of the
// runtime's own.
func CompileMount(index int, m specs.Mount) Mount {
	p := Mount{Mount: m, Index: index, MountOptions: words.CompileOptions(m.Options)}
	// A relative destination is deprecated, but legal: it starts at the root.
	p.Target = path.Clean("/" + m.Destination)
	// Without such an option a type "bind" would name a file system, which
	// doesn't exist.
	switch m.Type {
	case "bind":
		p.Bind = true
	case "rbind":
		p.Bind, p.RecursiveBind = true, true
	}
	// Maps without an option come from clients older than the option.
	p.IDMap = p.IDMap || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
	return p
}

// MountPlace returns the place of an entry of mounts.
func MountPlace(index int, destination string) place.Place {
	return place.At("/mounts").Index(index).Named(destination)
}

// Place returns the place of the entry, the zero Place for a mount of the runtime's
// own.
func (m *Mount) Place() place.Place {
	if m.Index < 0 {
		return place.Place{}
	}
	return MountPlace(m.Index, m.Destination)
}

// IsCgroup reports whether the mount shows the cgroups of the container in the form
// that the host has.
func (m *Mount) IsCgroup() bool {
	return !m.Bind && (m.Type == "cgroup" || m.Type == "cgroup2")
}

// BindsDev reports whether the container's /dev is a bind mount, in which nothing is
// created.
func BindsDev(spec *specs.Spec) bool {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		if path.Clean("/"+m.Destination) == "/dev" && !words.CompileOptions(m.Options).Remount {
			return CompileMount(i, *m).Bind
		}
	}
	return false
}
