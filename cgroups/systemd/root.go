package systemd

import (
	"fmt"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Root is the cgroup of the manager that units are below: "" where that is the
// top of the hierarchy. exists tells whether there is a cgroup at a path.
func Root(user bool, exists func(path string) bool) (string, error) {
	if !user {
		text, err := os.ReadFile("/proc/1/cgroup")
		if err != nil {
			return "", fmt.Errorf("cgroup of systemd: %w", err)
		}
		return systemRoot(string(text)), nil
	}
	// What the system's systemd calls it; asking the user's costs a connection.
	uid := hostUID()
	usual := fmt.Sprintf("/user.slice/user-%d.slice/user@%d.service", uid, uid)
	if exists(usual) {
		return usual, nil
	}
	b, err := connect(true, patience)
	if err != nil {
		return "", err
	}
	defer b.close()
	b.begin()
	var v dbus.Variant
	if err := b.property(objectPath, service+".Manager", "ControlGroup").Store(&v); err != nil {
		return "", fmt.Errorf("cgroup of the user's systemd: %w", err)
	}
	path, _ := v.Value().(string)
	return strings.TrimSuffix(path, "/"), nil
}

// systemRoot finds the manager's cgroup in the contents of /proc/1/cgroup: it
// is in init.scope itself, on v1 in the hierarchy name=systemd.
func systemRoot(text string) string {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 || fields[1] != "" && fields[1] != "name=systemd" {
			continue
		}
		if root, ok := strings.CutSuffix(fields[2], "/init.scope"); ok {
			return root
		}
	}
	return ""
}
