package cgrouppolicy

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCgroupOwner(t *testing.T) {
	own := specs.LinuxNamespace{Type: specs.CgroupNamespace}
	mount := func(options ...string) []specs.Mount {
		return []specs.Mount{{Source: "cgroup", Destination: "/sys/fs/cgroup/", Type: "cgroup", Options: options}}
	}
	maps := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 10}}
	for _, c := range []struct {
		name      string
		uid       uint32
		namespace []specs.LinuxNamespace
		mounts    []specs.Mount
		maps      []specs.LinuxIDMapping
		want      int
		ok        bool
	}{
		{"no user namespace", 7, []specs.LinuxNamespace{own}, mount("nosuid", "rw"), nil, 7, true},
		{"mapped", 3, []specs.LinuxNamespace{own}, mount(), maps, 100002, true},
		{"not mapped", 11, []specs.LinuxNamespace{own}, mount(), maps, 0, false},
		{"read-only", 7, []specs.LinuxNamespace{own}, mount("nosuid", "ro"), nil, 0, false},
		{"not mounted", 7, []specs.LinuxNamespace{own}, nil, nil, 0, false},
		{"no cgroup namespace", 7, nil, mount(), nil, 0, false},
		{"a joined one", 7, []specs.LinuxNamespace{{Type: specs.CgroupNamespace, Path: "/x"}}, mount(), nil, 0, false},
	} {
		spec := &specs.Spec{
			Process: &specs.Process{User: specs.User{UID: c.uid}}, Mounts: c.mounts,
			Linux: &specs.Linux{Namespaces: c.namespace, UIDMappings: c.maps},
		}
		if got, ok := Owner(spec); got != c.want || ok != c.ok {
			t.Errorf("%s: cgroupOwner = %d, %t; want %d, %t", c.name, got, ok, c.want, c.ok)
		}
	}
	if _, ok := Owner(&specs.Spec{Linux: &specs.Linux{}}); ok {
		t.Error("a container without a process has an owner of its cgroup")
	}
}
