package cgroups

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/mountinfo"

	"github.com/runnel/runnel/internal/procfs"
)

const (
	mountsV1 = `23 1 8:1 / / rw,relatime - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory,release_agent=/x,xattr
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
`
	mountUnified = `41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	mountsV2 = `31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate
`
	ownV1 = `9:name=systemd:/user.slice
4:memory:/limited/mine
2:cpuacct,cpu:/
0::/unified/mine
`
	ownV2 = `0::/user.slice/session.scope
`
)

func TestLocate(t *testing.T) {
	container := strings.NewReplacer(" / /sys/fs", " /docker/abc /sys/fs").Replace(mountsV1)
	tests := []struct {
		name            string
		mode            Mode
		mounts, own     string
		cgroupsPath     string
		want            map[string]string
		wantHierarchies int
		wantErrContains string
	}{
		{
			name: "v1 absolute", mode: V1, mounts: mountsV1 + mountUnified, own: ownV1, cgroupsPath: "/a/b",
			want: map[string]string{
				"cpu": "/sys/fs/cgroup/cpu,cpuacct/a/b", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/a/b",
				"memory": "/sys/fs/cgroup/memory/a/b", "name=systemd": "/sys/fs/cgroup/systemd/a/b",
			},
			wantHierarchies: 3,
		},
		{
			name: "hybrid relative", mode: Hybrid, mounts: mountsV1 + mountUnified, own: ownV1, cgroupsPath: "a/b",
			want: map[string]string{
				"cpu": "/sys/fs/cgroup/cpu,cpuacct/a/b", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/a/b",
				"memory": "/sys/fs/cgroup/memory/limited/mine/a/b", "name=systemd": "/sys/fs/cgroup/systemd/user.slice/a/b",
				"unified": "/sys/fs/cgroup/unified/unified/mine/a/b",
			},
			wantHierarchies: 4,
		},
		{
			name: "v1 in a container without a cgroup namespace", mode: V1, mounts: container,
			own: "4:memory:/docker/abc/inner\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abcdef\n", cgroupsPath: "",
			want: map[string]string{
				"cpu": "/sys/fs/cgroup/cpu,cpuacct/id", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/id",
				"memory": "/sys/fs/cgroup/memory/inner/id", "name=systemd": "/sys/fs/cgroup/systemd/id",
			},
			wantHierarchies: 3,
		},
		{
			name: "own cgroup outside of the cgroup namespace", mode: V2, mounts: mountsV2, own: "0::/../other\n", cgroupsPath: "x",
			want: map[string]string{"": "/sys/fs/cgroup/x"},
		},
		{
			name: "v2 absolute", mode: V2, mounts: mountsV2, cgroupsPath: "/a/./b/",
			want: map[string]string{"": "/sys/fs/cgroup/a/b"},
		},
		{
			name: "v2 relative", mode: V2, mounts: mountsV2, own: ownV2, cgroupsPath: "a",
			want: map[string]string{"": "/sys/fs/cgroup/user.slice/a"},
		},
		{
			name: "v2 by id", mode: V2, mounts: mountsV2, own: ownV2,
			want: map[string]string{"": "/sys/fs/cgroup/user.slice/id"},
		},
		{
			name: "v2 by id in the root cgroup", mode: V2, mounts: mountsV2, own: "0::/\n",
			want: map[string]string{"": "/sys/fs/cgroup/id"},
		},
		{
			name: "dots stay below the mount", mode: V2, mounts: mountsV2, own: ownV2, cgroupsPath: "/../../etc/../x",
			want: map[string]string{"": "/sys/fs/cgroup/x"},
		},
		{
			name: "dots stay below the own cgroup", mode: V2, mounts: mountsV2, own: ownV2, cgroupsPath: "../../../x",
			want: map[string]string{"": "/sys/fs/cgroup/user.slice/x"},
		},
		{
			name: "a second mount elsewhere", mode: V2, own: ownV2, cgroupsPath: "x",
			mounts: "99 23 0:28 / /srv/rootfs/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" + mountsV2 +
				"98 23 0:28 / /srv/other rw - cgroup2 cgroup2 rw\n",
			want: map[string]string{"": "/sys/fs/cgroup/user.slice/x"},
		},
		{
			name: "a mount point with a space", mode: V2, own: ownV2, cgroupsPath: "x",
			mounts: `31 23 0:28 / /sys/fs/cgroup/a\040b rw - cgroup2 cgroup2 rw` + "\n",
			want:   map[string]string{"": "/sys/fs/cgroup/a b/user.slice/x"},
		},
		{name: "the root", mode: V2, cgroupsPath: "/", wantErrContains: "root of the hierarchy"},
		{name: "the root by dots", mode: V2, mounts: mountsV2, own: ownV2, cgroupsPath: "a/..", wantErrContains: "root of the hierarchy"},
		{name: "NUL", mode: V2, cgroupsPath: "/a\x00b", wantErrContains: "NUL"},
		{name: "nothing mounted", mode: V1, mounts: "23 1 8:1 / / rw - ext4 /dev/root rw\n", cgroupsPath: "/x", wantErrContains: "no cgroup hierarchy is mounted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			infos, err := mountinfo.GetMountsFromReader(strings.NewReader(test.mounts), nil)
			if err != nil {
				t.Fatal(err)
			}
			l, err := locate(test.mode, hierarchyMounts(infos, test.mode), procfs.ParseCgroups(test.own), test.cgroupsPath, "id")
			if test.wantErrContains != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErrContains) {
					t.Fatalf("locate() = %v, %v, want an error with %q", l, err, test.wantErrContains)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, l.Paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if got := len(l.hierarchies()); test.wantHierarchies != 0 && got != test.wantHierarchies {
				t.Errorf("%d hierarchies, want %d", got, test.wantHierarchies)
			}
		})
	}
}

func TestParseSub(t *testing.T) {
	got, err := ParseSub([]string{"cpu,memory:a/b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"cpu": "a/b", "memory": "a/b", "": "c"}, got); diff != "" {
		t.Errorf("ParseSub() (-want +got):\n%s", diff)
	}
	if got, err := ParseSub([]string{"cpu:a", "cpu:b"}); err == nil {
		t.Errorf("ParseSub() = %v, want an error", got)
	}
}
