package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/specconv/words"
)

// A container without a mount namespace of its own has its mounts in that of the
// runtime, over its rootfs. Nothing but a delete takes them away.

// mountUnderRootfs is what has to be known to undo that: the id of the mount in
// which rootfs is before the container exists; 0 if its mounts go by themselves.
func mountUnderRootfs(spec *specs.Spec, rootfs string) (uint64, error) {
	if words.HasNamespace(spec, specs.MountNamespace) {
		return 0, nil
	}
	return mountAt(rootfs)
}

// mountAt is the id of the mount in which path is.
func mountAt(path string) (uint64, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st); err != nil {
		return 0, fmt.Errorf("mount of %s: %w", path, err)
	}
	return st.Mnt_id, nil
}

// removeMounts detaches the container's root and with it all that is mounted in
// it. What is gone already is fine; what was there before stays.
func removeMounts(s *state.State) error {
	if s.UnderRootfs == 0 {
		return nil
	}
	for {
		id, err := mountAt(s.Rootfs)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil || id == s.UnderRootfs {
			return err
		}
		err = unix.Unmount(s.Rootfs, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err == unix.EINVAL {
			return nil // rootfs is in another mount now, and not the root of one
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", s.Rootfs, err)
		}
	}
}
