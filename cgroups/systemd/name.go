// Package systemd creates a container's cgroup through systemd, as that of a
// transient unit of the system's manager or a user's (org.freedesktop.systemd1(5)).
// It owns what cgroupsPath, linux.resources and annotations mean to systemd, and the
// communication with it over D-Bus.
//
// It writes no cgroup files. systemd gets the limits so that it sets the same ones
// when it applies its settings again, such as at daemon-reload; packages v1 and v2
// write the exact values afterwards. The first call that needs a connection makes
// it, and [Unit.Close] closes it, so that commands which don't need systemd never
// connect.
package systemd

import (
	"fmt"
	"strings"
)

// Name is the name of a unit, and the slice that it is in.
type Name struct {
	Slice string // such as system.slice; for a unit that is a slice, its parent
	Unit  string // a name ending in .scope or .slice
}

const (
	scopeSuffix = ".scope"
	sliceSuffix = ".slice"
	rootSlice   = "-.slice"
)

// ParseName parses linux.cgroupsPath, "slice:prefix:name". The unit is
// prefix-name.scope, or name alone if that is a slice. An empty path stands for
// runnel-ID.scope in system.slice, or in user.slice for the user's manager. The
// result consists of characters that systemd accepts, and needs no escaping.
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

// checkUnit refuses what can't be the name of a unit. A valid name can't refer to
// another directory either.
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

// Path returns the unit's cgroup below that of its manager. The name must be a result
// of ParseName.
func (n Name) Path() string {
	if n.isSlice() {
		path, _ := slicePath(n.Unit)
		return path
	}
	path, _ := slicePath(n.Slice)
	return path + "/" + n.Unit
}

// above returns the parent of a slice, which the dashes in its name determine.
func above(slice string) string {
	name := strings.TrimSuffix(slice, sliceSuffix)
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		return name[:at] + sliceSuffix
	}
	return rootSlice
}

// slicePath returns the path of a slice (systemd.slice(5)): a-b.slice is in a.slice.
// The root slice is "".
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
