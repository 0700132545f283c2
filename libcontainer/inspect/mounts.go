package inspect

import (
	"fmt"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/runnel/runnel/internal/procfs"
)

// Mount is a mount of the mount namespace of the container's init, below its root. The
// container may choose all texts in it.
type Mount struct {
	ID     int `json:"id"`
	Parent int `json:"parent"`
	// Path is the mount point as init sees it.
	Path   string `json:"path"`
	Type   string `json:"type"`
	Source string `json:"source"`
	// Root is the directory or file of the file system that is mounted.
	Root string `json:"root"`
	// Device is that of the file system, MAJOR:MINOR.
	Device string `json:"device"`
	// Options are those of the mount, SuperOptions those of the file system.
	Options      []string `json:"options"`
	SuperOptions []string `json:"superOptions"`
	// Propagation is "private", or the fields of proc_pid_mountinfo(5).
	Propagation string `json:"propagation"`
}

// Mounts returns the mounts that a process sees, and whether there are too many to read
// all. They are from mountinfo: what statmount(2) adds to it, id maps and the ids of parents
// in other namespaces, can't be compared with a config.
func Mounts(t *procfs.Task) ([]Mount, bool, error) {
	infos, truncated, err := t.Mounts()
	if err != nil {
		return nil, false, err
	}
	list := make([]Mount, len(infos))
	for i, m := range infos {
		list[i] = mountOf(m)
	}
	return list, truncated, nil
}

func mountOf(m *mountinfo.Info) Mount {
	propagation := m.Optional
	if propagation == "" {
		propagation = "private"
	}
	return Mount{
		ID: m.ID, Parent: m.Parent, Path: m.Mountpoint, Type: m.FSType, Source: m.Source, Root: m.Root,
		Device:  fmt.Sprintf("%d:%d", m.Major, m.Minor),
		Options: strings.Split(m.Options, ","), SuperOptions: strings.Split(m.VFSOptions, ","),
		Propagation: propagation,
	}
}
