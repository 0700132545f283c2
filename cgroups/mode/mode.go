// Package mode owns how a host has its cgroup hierarchies mounted. It is the
// one definition of the modes and the one probe for them, and imports nothing
// of ours, so that the planner can use it too.
package mode

import "golang.org/x/sys/unix"

// Mode is how a host has its cgroup hierarchies mounted. State files store it
// as a number, so the values never change.
type Mode uint8

// The modes. On a hybrid host the controllers are those of v1, and a cgroup2
// hierarchy without controllers is mounted beside them. Unknown is the zero
// value, for callers that have not probed the host.
const (
	Unknown Mode = iota
	V1
	Hybrid
	V2
)

func (m Mode) String() string {
	switch m {
	case V1:
		return "v1"
	case Hybrid:
		return "hybrid"
	case V2:
		return "v2"
	}
	return "unknown"
}

// The mount points that every distribution uses: Root holds the cgroup2
// hierarchy of a v2 host and the v1 hierarchies of others, HybridRoot the
// cgroup2 hierarchy of a hybrid host.
const (
	Root       = "/sys/fs/cgroup"
	HybridRoot = Root + "/unified"
)

// Host returns the mode of this host. It makes at most two system calls.
func Host() Mode {
	switch {
	case IsUnified(Root):
		return V2
	case IsUnified(HybridRoot):
		return Hybrid
	}
	return V1
}

// IsUnified reports whether path is on a cgroup2 file system. A path that
// doesn't exist is not.
func IsUnified(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && int64(fs.Type) == unix.CGROUP2_SUPER_MAGIC
}
