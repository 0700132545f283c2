package words

import "golang.org/x/sys/unix"

// DeviceType returns the file type, S_IF*, of a device of linux.devices.
func DeviceType(name string) (format uint32, ok bool) {
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

// DefaultDevice is a character device that every container has.
type DefaultDevice struct {
	Path         string
	Major, Minor uint32
}

// DefaultDevices are those of config-linux.md, "Default Devices", except for the console,
// which only a container with a terminal has, and /dev/ptmx, which is a symbolic link.
var DefaultDevices = [...]DefaultDevice{
	{"/dev/null", 1, 3},
	{"/dev/zero", 1, 5},
	{"/dev/full", 1, 7},
	{"/dev/random", 1, 8},
	{"/dev/urandom", 1, 9},
	{"/dev/tty", 5, 0},
}
