package specconv

import (
	"os"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
)

func TestProbe(t *testing.T) {
	spec := Example(false, 0, 0, true)
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace, Path: "/proc/self/ns/time"})
	h, err := Probe(spec, "/")
	if err != nil {
		t.Fatal(err)
	}
	if h.EUID != uint32(os.Geteuid()) || h.EGID != uint32(os.Getegid()) {
		t.Errorf("ids = %d:%d, want %d:%d", h.EUID, h.EGID, os.Geteuid(), os.Getegid())
	}
	if !h.Kernel.AtLeast(3, 0) || h.Kernel.AtLeast(1000, 0) {
		t.Errorf("kernel = %v", h.Kernel)
	}
	if h.Own != unix.CLONE_NEWTIME {
		t.Errorf("own namespaces = %#x, want %#x", h.Own, unix.CLONE_NEWTIME)
	}
	if h.Cgroups == mode.Unknown {
		t.Error("the cgroup mode is unknown")
	}
	if h.HardLimits != nil || h.RootMount != "" {
		t.Errorf("limits %v and root mount %q were probed for nothing", h.HardLimits, h.RootMount)
	}
}

func TestProbeOnDemand(t *testing.T) {
	spec := mapped(Example(false, 0, 0, true))
	spec.Linux.RootfsPropagation = "shared"
	h, err := Probe(spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if got := h.HardLimits[unix.RLIMIT_NOFILE]; got != limit.Max {
		t.Errorf("hard limit of files = %d, want %d", got, limit.Max)
	}
	var mount, dir unix.Stat_t
	if err := unix.Stat(h.RootMount, &mount); err != nil {
		t.Fatal(err)
	}
	if err := unix.Stat(t.TempDir(), &dir); err != nil || mount.Dev != dir.Dev {
		t.Errorf("root mount %q is of another device than the directory", h.RootMount)
	}
}

func TestLongestMount(t *testing.T) {
	const info = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /var rw shared:2 - tmpfs t rw
24 23 0:6 / /var/lib\040x rw - tmpfs t rw
25 22 0:7 / /varied rw - tmpfs t rw
`
	tests := map[string]string{
		"/": "/", "/etc/x": "/", "/var": "/var", "/var/lib": "/var", "/variable": "/",
		"/var/lib x": "/var/lib x", "/var/lib x/y": "/var/lib x",
	}
	for path, want := range tests {
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(info), mountinfo.ParentsFilter(path))
		if err != nil {
			t.Fatal(err)
		}
		if got := longestMount(mounts); got != want {
			t.Errorf("longestMount(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestDeniesSetgroups(t *testing.T) {
	single := Example(true, 1000, 1000, true)
	helped := mapped(Example(false, 0, 0, true))
	tests := []struct {
		name string
		spec *specs.Spec
		host *Host
		want bool
	}{
		{"own group only", single, user(), true},
		{"mapped with newgidmap", helped, user(), false},
		{"root", single, root(mode.V2), false},
		{"no user namespace", Example(false, 0, 0, true), user(), false},
	}
	for _, tt := range tests {
		if got := DeniesSetgroups(tt.spec, tt.host); got != tt.want {
			t.Errorf("%s: DeniesSetgroups = %t, want %t", tt.name, got, tt.want)
		}
	}
}
