// Package configtest holds configs and hosts for the tests of the packages of specconv.
package configtest

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Root returns a host on which everything is there and allowed.
func Root(cgroups mode.Mode) *host.Host {
	return &host.Host{
		Kernel: host.Kernel{Major: 6, Minor: 12}, Permitted: 1<<len(words.CapabilityNames) - 1, Cgroups: cgroups,
		AppArmor: true, SELinux: true, Kcore: true,
		HardLimits: map[int]uint64{unix.RLIMIT_NOFILE: 512},
	}
}

// User returns the same host as an unprivileged user sees it.
func User() *host.Host {
	h := Root(mode.V2)
	h.EUID, h.EGID, h.Permitted = 1000, 1000, 0
	return h
}

// Pointer returns a pointer to v.
func Pointer[T any](v T) *T { return &v }

// WithNamespaces replaces the namespaces of a config.
func WithNamespaces(spec *specs.Spec, list ...specs.LinuxNamespace) *specs.Spec {
	spec.Linux.Namespaces = list
	return spec
}

// Created returns entries for namespaces to create.
func Created(types ...specs.LinuxNamespaceType) []specs.LinuxNamespace {
	var list []specs.LinuxNamespace
	for _, t := range types {
		list = append(list, specs.LinuxNamespace{Type: t})
	}
	return list
}

// Bare returns the shortest config, so that a golden shows what its case is about.
func Bare() *specs.Spec {
	return WithNamespaces(&specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Args: []string{"/bin/true"}, Cwd: "/", Env: []string{"HOME=/"}},
		Mounts:  []specs.Mount{{Destination: "/dev", Type: "none", Source: "/dev", Options: []string{"bind"}}},
		Linux:   &specs.Linux{},
	}, Created(specs.PIDNamespace, specs.MountNamespace)...)
}

// Changed returns the config after a change.
func Changed(spec *specs.Spec, change func(s *specs.Spec)) *specs.Spec {
	change(spec)
	return spec
}

// Mapped adds a user namespace with maps to a config.
func Mapped(spec *specs.Spec) *specs.Spec {
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	spec.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
	spec.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
	return spec
}
