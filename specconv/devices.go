package specconv

import (
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

var defaultSymlinks = [...]plan.Symlink{
	{Target: "/proc/self/fd", Path: "/dev/fd"},
	{Target: "/proc/self/fd/0", Path: "/dev/stdin"},
	{Target: "/proc/self/fd/1", Path: "/dev/stdout"},
	{Target: "/proc/self/fd/2", Path: "/dev/stderr"},
}

const anyFileMode = 0o666

// ptmxPath is a symbolic link to the ptmx of the container's own devpts. That of the host
// would make terminals in the host's.
const ptmxPath = "/dev/ptmx"

// devices plans the default devices, those of the config, and the links. Nothing is
// created in a /dev that is a bind mount, since everyone who shares it would see it.
func (b *builder) devices() {
	foreign := config.BindsDev(b.spec)
	if !foreign {
		for _, d := range words.DefaultDevices {
			if b.configuresDevice(d.Path) {
				continue
			}
			b.addOwn(plan.Device{
				Path: d.Path, Mode: unix.S_IFCHR | anyFileMode, Major: d.Major, Minor: d.Minor,
				Source: d.Path, Default: true, BindSource: b.inUserNS(),
			})
		}
	}
	if b.spec.Linux != nil {
		for i := range b.spec.Linux.Devices {
			d := &b.spec.Linux.Devices[i]
			target := path.Clean(d.Path)
			if target == ptmxPath || foreign && strings.HasPrefix(target, "/dev/") {
				continue
			}
			b.add(config.DevicePlace(i, d), b.device(d))
		}
	}
	if foreign {
		return
	}
	for _, s := range defaultSymlinks {
		b.addOwn(s)
	}
	if b.host.Kcore {
		b.addOwn(plan.Symlink{Target: "/proc/kcore", Path: "/dev/core"})
	}
	b.addOwn(plan.Symlink{Target: "pts/ptmx", Path: ptmxPath, Replace: true})
}

func (b *builder) configuresDevice(target string) bool {
	if b.spec.Linux == nil {
		return false
	}
	for i := range b.spec.Linux.Devices {
		if path.Clean(b.spec.Linux.Devices[i].Path) == target {
			return true
		}
	}
	return false
}

func (b *builder) device(d *specs.LinuxDevice) plan.Device {
	target := path.Clean(d.Path)
	format, _ := words.DeviceType(d.Type)
	op := plan.Device{
		Path: target, Mode: format | anyFileMode,
		Major: uint32(d.Major), Minor: uint32(d.Minor), Source: target,
		// A FIFO needs no privileges.
		BindSource: b.inUserNS() && format != unix.S_IFIFO,
	}
	if format == unix.S_IFIFO {
		op.Major, op.Minor, op.Source = 0, 0, ""
	}
	if d.FileMode != nil {
		op.Mode = format | uint32(*d.FileMode)&0o7777
	}
	if d.UID != nil {
		op.UID = *d.UID
	}
	if d.GID != nil {
		op.GID = *d.GID
	}
	return op
}
