// Package systemd makes a container's cgroup through systemd: a transient unit
// of the system's manager or a user's, org.freedesktop.systemd1(5). It owns
// what cgroupsPath, linux.resources and annotations mean to systemd, and the
// conversation with it over D-Bus.
//
// It writes no cgroup file. What systemd is told is what it would do by itself
// at any later moment, such as at daemon-reload; the exact limits are written
// by the packages v1 and v2 afterwards. A connection is made by the first call
// that needs one and closed by [Unit.Close]: who doesn't use systemd doesn't
// pay for it.
package systemd

import (
	"fmt"
	"strings"
)

// Name is where a unit is among the units of its manager.
type Name struct {
	Slice string // system.slice; for a unit that is a slice the one above it
	Unit  string // a name ending in .scope or .slice
}

const (
	scopeSuffix = ".scope"
	sliceSuffix = ".slice"
	rootSlice   = "-.slice"
)

// ParseName reads linux.cgroupsPath, "slice:prefix:name". The unit is
// prefix-name.scope, or name alone where that is a slice. An empty path stands
// for the id of the container in the usual slice of services, or of users.
func ParseName(cgroupsPath, id string, user bool) (Name, error) {
	usual := "system" + sliceSuffix
	if user {
		usual = "user" + sliceSuffix
	}
	if cgroupsPath == "" {
		cgroupsPath = usual + ":runnel:" + id
	}
	parts := strings.Split(cgroupsPath, ":")
	if len(parts) != 3 {
		return Name{}, fmt.Errorf(`expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got %q instead`, cgroupsPath)
	}
	slice, prefix, name := parts[0], parts[1], parts[2]
	if slice == "" {
		slice = usual
	}
	n := Name{Slice: slice, Unit: name}
	if _, err := slicePath(slice); err != nil {
		return n, err
	}
	if n.isSlice() {
		if _, err := slicePath(name); err != nil {
			return n, err
		}
		n.Slice = above(name)
		return n, nil
	}
	n.Unit += scopeSuffix
	if prefix != "" {
		n.Unit = prefix + "-" + n.Unit
	}
	return n, checkUnit(n.Unit)
}

// maxUnitName is the longest name of a unit, systemd.unit(5).
const maxUnitName = 255

// checkUnit refuses what can't be the name of a unit, and so nor that of a
// directory elsewhere.
func checkUnit(unit string) error {
	if len(unit) > maxUnitName {
		return fmt.Errorf("systemd unit %.40s… is longer than %d bytes", unit, maxUnitName)
	}
	if unit == scopeSuffix || unit == sliceSuffix {
		return fmt.Errorf("systemd unit %q has no name", unit)
	}
	for _, c := range []byte(unit) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte(`:-_.\@`, c) >= 0:
		default:
			return fmt.Errorf("systemd unit %q: %q can't be part of the name of a unit", unit, c)
		}
	}
	return nil
}

func (n Name) isSlice() bool { return strings.HasSuffix(n.Unit, sliceSuffix) }

// Path is the unit's cgroup below that of its manager. The name has been
// checked by ParseName.
func (n Name) Path() string {
	if n.isSlice() {
		path, _ := slicePath(n.Unit)
		return path
	}
	path, _ := slicePath(n.Slice)
	return path + "/" + n.Unit
}

// above is the slice that a slice is in: the dashes of its name say it.
func above(slice string) string {
	name := strings.TrimSuffix(slice, sliceSuffix)
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		return name[:at] + sliceSuffix
	}
	return rootSlice
}

// slicePath spells out where a slice is, systemd.slice(5): a-b.slice is in
// a.slice. The root slice is "".
func slicePath(slice string) (string, error) {
	name, ok := strings.CutSuffix(slice, sliceSuffix)
	if !ok {
		return "", fmt.Errorf("systemd slice %q: the name must end in %s", slice, sliceSuffix)
	}
	if slice == rootSlice {
		return "", nil
	}
	if strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") || strings.Contains(name, "--") {
		return "", fmt.Errorf("systemd slice %q: dashes separate the names of the slices above it, and one is empty", slice)
	}
	if err := checkUnit(slice); err != nil {
		return "", err
	}
	var path strings.Builder
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '-' {
			path.WriteString("/" + name[:i] + sliceSuffix)
		}
	}
	return path.String(), nil
}
