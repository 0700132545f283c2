package config

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
)

// netDevices checks linux.netDevices as far as the config alone decides; the parent moves
// the devices.
func (c *checker) netDevices() {
	devices := c.spec.Linux.NetDevices
	if len(devices) == 0 {
		return
	}
	switch {
	case !c.ns.Has(unix.CLONE_NEWNET):
		c.errorf(place.At("/linux/netDevices"), "unable to move network devices without a NET namespace")
	case c.host.EUID != 0:
		c.errorf(place.At("/linux/netDevices"), "network devices are not supported for rootless containers")
	}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		at, d := place.At("/linux/netDevices").Key(name), devices[name]
		if !isDeviceName(name) {
			c.errorf(at, "invalid network device name %q", name)
		}
		if d.Name != "" && !isDeviceName(d.Name) {
			c.errorf(at.Key("name"), "invalid network device name %q", d.Name)
		}
	}
}

// isDeviceName reports whether the kernel accepts a name, as its dev_valid_name does.
func isDeviceName(name string) bool {
	return name != "" && len(name) < unix.IFNAMSIZ && name != "." && name != ".." &&
		!strings.ContainsAny(name, "/: \t\n\v\f\r")
}
