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
