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
		c.givenDevice(at, i)
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

// ptmx is a symbolic link to the container's own devpts. Clients that give a container
// all devices of the host name it, too.
var ptmx = words.DefaultDevice{Path: "/dev/ptmx", Major: 5, Minor: 2}

// givenDevice reports an entry for a path at which there is another device: one that
// every container has and programs rely on, or an earlier entry's.
func (c *checker) givenDevice(at place.Place, i int) {
	d := &c.spec.Linux.Devices[i]
	for _, given := range append(words.DefaultDevices[:], ptmx) {
		if path.Clean(d.Path) == given.Path && !isDevice(d, "c", int64(given.Major), int64(given.Minor)) {
			c.errorf(at, "%s is the character device %d:%d in every container", given.Path, given.Major, given.Minor)
		}
	}
	for j := range c.spec.Linux.Devices[:i] {
		other := &c.spec.Linux.Devices[j]
		if path.Clean(d.Path) == path.Clean(other.Path) && !isDevice(d, other.Type, other.Major, other.Minor) {
			c.errorf(at, "linux.devices[%d] is another device at the same path", j)
			return
		}
	}
}

// isDevice reports whether an entry is for a device of this type and these numbers.
func isDevice(d *specs.LinuxDevice, kind string, major, minor int64) bool {
	format, _ := words.DeviceType(d.Type)
	other, _ := words.DeviceType(kind)
	return format == other && (d.Type == "p" || d.Major == major && d.Minor == minor)
}

// DeviceOnHost returns path and file type, S_IF*, of the device node of the host that
// a container in a user namespace uses instead of its own. ok is false for a FIFO,
// which doesn't need one.
func DeviceOnHost(d *specs.LinuxDevice) (target string, format uint32, ok bool) {
	format, ok = words.DeviceType(d.Type)
	return path.Clean(d.Path), format, ok && d.Type != "p"
}
