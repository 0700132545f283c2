package specconv

import (
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// The devices that every container has, config-linux.md "Default Devices".
var defaultDevices = [...]plan.Device{
	{Path: "/dev/null", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 3, Source: "/dev/null", Default: true},
	{Path: "/dev/zero", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 5, Source: "/dev/zero", Default: true},
	{Path: "/dev/full", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 7, Source: "/dev/full", Default: true},
	{Path: "/dev/random", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 8, Source: "/dev/random", Default: true},
	{Path: "/dev/urandom", Mode: unix.S_IFCHR | 0o666, Major: 1, Minor: 9, Source: "/dev/urandom", Default: true},
	{Path: "/dev/tty", Mode: unix.S_IFCHR | 0o666, Major: 5, Minor: 0, Source: "/dev/tty", Default: true},
}

var defaultSymlinks = [...]plan.Symlink{
	{Target: "/proc/self/fd", Path: "/dev/fd"},
	{Target: "/proc/self/fd/0", Path: "/dev/stdin"},
	{Target: "/proc/self/fd/1", Path: "/dev/stdout"},
	{Target: "/proc/self/fd/2", Path: "/dev/stderr"},
}

const anyFileMode = 0o666

// bindsDev tells whether the container's /dev is another one's: nothing is made
// in it then.
func bindsDev(spec *specs.Spec) bool {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		if path.Clean("/"+m.Destination) == "/dev" && !compileOptions(m.Options).remount {
			return compileMount(i, *m).bind
		}
	}
	return false
}

// devices plans the default devices, those of the config, and the links. In a
// /dev that is bound they are the affair of whoever bound it: to make one there
// would make it for all others that see it.
func (b *builder) devices() {
	foreign := bindsDev(b.spec)
	if !foreign {
		for _, d := range defaultDevices {
			if b.configuresDevice(d.Path) {
				continue
			}
			d.BindSource = b.inUserNS()
			b.add("", d)
		}
	}
	if b.spec.Linux != nil {
		for i := range b.spec.Linux.Devices {
			d := &b.spec.Linux.Devices[i]
			if target := path.Clean(d.Path); !foreign || !strings.HasPrefix(target, "/dev/") {
				b.add(deviceOrigin(i, d), b.device(d))
			}
		}
	}
	if foreign {
		return
	}
	for _, s := range defaultSymlinks {
		b.add("", s)
	}
	if b.host.Kcore {
		b.add("", plan.Symlink{Target: "/proc/kcore", Path: "/dev/core"})
	}
	b.add("", plan.Symlink{Target: "pts/ptmx", Path: "/dev/ptmx", Replace: true})
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

func deviceOrigin(i int, d *specs.LinuxDevice) string {
	return "linux.devices[" + strconv.Itoa(i) + "] " + d.Path
}

func (b *builder) device(d *specs.LinuxDevice) plan.Device {
	target := path.Clean(d.Path)
	format, _ := deviceType(d.Type)
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

func deviceType(name string) (format uint32, ok bool) {
	switch name {
	case "c", "u":
		return unix.S_IFCHR, true
	case "b":
		return unix.S_IFBLK, true
	case "p":
		return unix.S_IFIFO, true
	}
	return 0, false
}

func (c *checker) devices() {
	for i := range c.spec.Linux.Devices {
		d := &c.spec.Linux.Devices[i]
		at := "/linux/devices/" + strconv.Itoa(i)
		c.place = deviceOrigin(i, d)
		_, ok := deviceType(d.Type)
		switch {
		case !path.IsAbs(d.Path):
			c.errorf(at+"/path", "device path %q is not absolute", d.Path)
		case path.Clean(d.Path) == "/":
			c.errorf(at+"/path", "device path is the root")
		}
		switch {
		case !ok:
			c.errorf(at+"/type", "unknown device type %q", d.Type).Hint = "a type is c, b, u or p"
		case d.Type == "p":
		case d.Major < 0 || d.Major >= 1<<12 || d.Minor < 0 || d.Minor >= 1<<20:
			c.errorf(at, "no device can have the number %d:%d", d.Major, d.Minor)
		}
		if d.FileMode != nil && uint32(*d.FileMode)&^0o177777 != 0 {
			c.errorf(at+"/fileMode", "%d is no file mode", uint32(*d.FileMode))
		}
		c.place = ""
	}
}
