package systemd

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/devices"
)

// deviceAllow is one entry of DeviceAllow, (ss).
type deviceAllow struct{ Device, Access string }

// Devices converts device rules to properties. It is for cgroup v1 only, where
// systemd would otherwise allow all devices whenever it applies its settings again.
// On v2 systemd loads no program for a unit without DeviceAllow, and keeps ours.
func Devices(rules []specs.LinuxDeviceCgroup, defaults bool) ([]Property, error) {
	entries, all, err := devices.Allowed(rules, defaults)
	if err != nil {
		return nil, err
	}
	if all {
		return []Property{set("DevicePolicy", "auto"), set("DeviceAllow", []deviceAllow{})}, nil
	}
	names, err := os.ReadFile("/proc/devices")
	if err != nil {
		return nil, fmt.Errorf("names of devices: %w", err)
	}
	return []Property{
		set("DevicePolicy", "strict"),
		// An empty list removes the previous entries.
		set("DeviceAllow", []deviceAllow{}),
		set("DeviceAllow", allowList(entries, string(names))),
	}, nil
}

// allowList formats entries as systemd.resource-control(5) describes. An entry with
// any major and one minor number can't be expressed, and is only in the cgroup's
// file.
func allowList(entries []devices.Entry, procDevices string) []deviceAllow {
	list := make([]deviceAllow, 0, len(entries))
	for _, e := range entries {
		class, dir := "char-", "/dev/char/"
		if e.Kind == 'b' {
			class, dir = "block-", "/dev/block/"
		}
		switch {
		case e.Major < 0 && e.Minor < 0:
			list = append(list, deviceAllow{class + "*", e.Access})
		case e.Major < 0:
		case e.Minor < 0:
			for _, name := range majorNames(procDevices, e.Kind, e.Major) {
				list = append(list, deviceAllow{class + name, e.Access})
			}
		default:
			list = append(list, deviceAllow{fmt.Sprintf("%s%d:%d", dir, e.Major, e.Minor), e.Access})
		}
	}
	return list
}

// majorNames looks up the drivers of a major number in the contents of /proc/devices
// (proc_devices(5)). A number without a driver has no devices.
func majorNames(text string, kind byte, major int64) []string {
	var names []string
	section := byte(0)
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "Character"):
			section = 'c'
		case strings.HasPrefix(line, "Block"):
			section = 'b'
		case section == kind:
			number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil && n == major {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	return names
}
