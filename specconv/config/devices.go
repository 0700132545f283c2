package config

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/words"
)

// DevicePlace returns the place of an entry of linux.devices.
func DevicePlace(i int, d *specs.LinuxDevice) place.Place {
	return place.At("/linux/devices").Index(i).Named(d.Path)
}

func (c *checker) devices() {
	for i := range c.spec.Linux.Devices {
		d := &c.spec.Linux.Devices[i]
		at := DevicePlace(i, d)
		_, ok := words.DeviceType(d.Type)
		switch {
		case !path.IsAbs(d.Path):
			c.errorf(at.Key("path"), "device path %q is not absolute", d.Path)
		case path.Clean(d.Path) == "/":
			c.errorf(at.Key("path"), "device path is the root")
		}
		switch {
		case !ok:
			c.errorf(at.Key("type"), "unknown device type %q", d.Type).Hint = "a type is c, b, u or p"
		case d.Type == "p":
		case d.Major < 0 || d.Major >= 1<<12 || d.Minor < 0 || d.Minor >= 1<<20:
			c.errorf(at, "invalid device number %d:%d", d.Major, d.Minor)
		}
		if d.FileMode != nil && uint32(*d.FileMode)&^0o177777 != 0 {
			c.errorf(at.Key("fileMode"), "invalid file mode %d", uint32(*d.FileMode))
		}
		if d.UID != nil {
			c.id(at.Key("uid"), "uid", *d.UID)
		}
		if d.GID != nil {
			c.id(at.Key("gid"), "gid", *d.GID)
		}
	}
}

// DeviceOnHost returns path and file type, S_IF*, of the device node of the host that
// a container in a user namespace uses instead of its own. ok is false for a FIFO,
// which doesn't need one.
func DeviceOnHost(d *specs.LinuxDevice) (target string, format uint32, ok bool) {
	format, ok = words.DeviceType(d.Type)
	return path.Clean(d.Path), format, ok && d.Type != "p"
}
