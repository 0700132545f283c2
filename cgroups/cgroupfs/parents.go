package cgroupfs

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// The cgroups above a container's that a runtime has created for it have an extended
// attribute, so that whoever removes the last container below them knows that they may be
// removed. One of the class "trusted" can't be set by a container in a user namespace, but
// neither by an ordinary user.

// markName returns the name of the attribute.
func markName() string {
	if unix.Geteuid() == 0 {
		return "trusted.runnel"
	}
	return "user.runnel"
}

// MarkParents marks cgroups that were created only for others below them. A kernel that
// refuses it is no error: they are then known to their creator only.
func MarkParents(created []string) {
	for _, dir := range created {
		_ = unix.Lsetxattr(dir, markName(), []byte("parent"), 0)
	}
}

// RemoveParents removes the cgroups above path, from the lowest up to the first that others
// use, that isn't marked and isn't one of created, or that is the mount point.
func RemoveParents(path, mount string, created []string) {
	for dir := filepath.Dir(path); len(dir) > len(mount); dir = filepath.Dir(dir) {
		if !slices.Contains(created, dir) {
			_, err := unix.Lgetxattr(dir, markName(), nil)
			if err == unix.ENOENT {
				continue // others have removed it
			}
			if err != nil {
				return
			}
		}
		if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
			return
		}
	}
}
