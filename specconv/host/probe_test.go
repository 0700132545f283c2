package host_test

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

func TestProbe(t *testing.T) {
	spec := config.Example(false, 0, 0, true)
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace, Path: "/proc/self/ns/time"})
	h, err := host.Probe(spec, "/")
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
	spec := configtest.Mapped(config.Example(false, 0, 0, true))
	spec.Linux.RootfsPropagation = "shared"
	h, err := host.Probe(spec, t.TempDir())
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
