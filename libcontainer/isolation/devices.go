package isolation

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

// devices is about device nodes, and the rules of which may be opened.
func (e *examination) devices() {
	before := len(e.findings)
	for i := range e.linux.Devices {
		e.device(config.DevicePlace(i, &e.linux.Devices[i]), &e.linux.Devices[i])
	}
	if at, all := e.permitsAll(); all {
		consequence := "it opens any device node that it finds"
		level := Medium
		if e.has(unix.CAP_MKNOD) && !e.ownUsers {
			level, consequence = e.forRoot(), "it makes nodes of the host's disks and reads and writes them"
		}
		e.add(level, "devices", at, consequence, "all devices are permitted")
	}
	if len(e.findings) == before {
		e.isolated("devices", place.At("/linux/resources/devices"), "only devices that are harmless or named")
	}
}

// device is about a node that the container has.
func (e *examination) device(at place.Place, d *specs.LinuxDevice) {
	const memory, misc = 1, 10
	switch {
	case d.Type == "b":
		e.add(e.forRoot(), "devices", at, "it reads and writes the disk below its file system", "%s is a block device", d.Path)
	case d.Type == "c" && d.Major == memory && (d.Minor == 1 || d.Minor == 2 || d.Minor == 4):
		e.add(e.forRoot(), "devices", at, "it reads and writes physical memory or ports", "%s is the machine's memory or its ports", d.Path)
	case d.Type == "c" && d.Major == memory && d.Minor == 11:
		e.add(Low, "devices", at, "it reads and writes the kernel's log", "%s is the kernel's log", d.Path)
	case d.Type == "c" && d.Major == misc && d.Minor == 237:
		e.add(e.forRoot(), "devices", at, "it makes block devices of files", "%s controls loop devices", d.Path)
	}
}

// permitsAll reports whether the last rule for all devices permits to write to them.
func (e *examination) permitsAll() (at place.Place, all bool) {
	if e.linux.Resources == nil {
		return at, false
	}
	for i, r := range e.linux.Resources.Devices {
		isAny := (r.Type == "" || r.Type == "a" || r.Type == "b") && (r.Major == nil || *r.Major < 0) && (r.Minor == nil || *r.Minor < 0)
		if isAny && (!r.Allow || strings.Contains(r.Access, "w")) {
			at, all = place.At("/linux/resources/devices").Index(i), r.Allow
		}
	}
	return at, all
}
