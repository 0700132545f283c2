package systemd

import (
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/procfs"
)

// Root returns the cgroup of the manager, which those of its units are below: ""
// for the root of the hierarchy. exists reports whether there is a cgroup at a
// path.
func Root(user bool, exists func(path string) bool) (string, error) {
	if !user {
		cgroups, err := procfs.ReadCgroups(1)
		if err != nil {
			return "", fmt.Errorf("cgroup of systemd: %w", err)
		}
		return systemRoot(cgroups), nil
	}
	// This is the name that the system's manager chooses. Asking the user's manager
	// costs a connection.
	uid := hostUID()
	usual := fmt.Sprintf("/user.slice/user-%d.slice/user@%d.service", uid, uid)
	if exists(usual) {
		return usual, nil
	}
	b, err := connect(true, answerTimeout)
	if err != nil {
		return "", err
	}
	defer b.close()
	b.begin()
	value, err := b.managerProperty("ControlGroup")
	if err != nil {
		return "", fmt.Errorf("cgroup of the user's systemd: %w", err)
	}
	path, _ := value.(string)
	return strings.TrimSuffix(path, "/"), nil
}

// systemRoot returns the manager's cgroup by that of its process, which is in
// init.scope: on v1 in the hierarchy name=systemd.
func systemRoot(own procfs.Memberships) string {
	for _, controller := range []string{"name=systemd", ""} {
		path, _ := own.Path(controller)
		if root, ok := strings.CutSuffix(path, "/init.scope"); ok {
			return root
		}
	}
	return ""
}
