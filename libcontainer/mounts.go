package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/specconv/words"
)

// A container without a mount namespace of its own has its mounts in the runtime's mount
// namespace, on top of its rootfs. They remain until a delete unmounts them.

// mountUnderRootfs returns the id of the mount that contains rootfs before the container
// exists, which removeMounts needs. It returns 0 for a container with a mount namespace,
// whose mounts the kernel removes with it.
func mountUnderRootfs(spec *specs.Spec, rootfs string) (uint64, error) {
	if words.HasNamespace(spec, specs.MountNamespace) {
		return 0, nil
	}
	return mountAt(rootfs)
}

// mountAt returns the id of the mount that contains path.
func mountAt(path string) (uint64, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st); err != nil {
		return 0, fmt.Errorf("mount of %s: %w", path, err)
	}
	return st.Mnt_id, nil
}

// hasMounts reports whether there is a mount of the container on top of its rootfs.
func hasMounts(s *state.State) (bool, error) {
	if s.UnderRootfs == 0 {
		return false, nil
	}
	id, err := mountAt(s.Rootfs)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil && id != s.UnderRootfs, err
}

// removeMounts detaches the mounts at the container's rootfs, and with them all mounts
// below it. It leaves the mount that was there before the container. It is no error if
// there are none.
func removeMounts(s *state.State) error {
	for {
		if has, err := hasMounts(s); err != nil || !has {
			return err
		}
		err := unix.Unmount(s.Rootfs, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err == unix.EINVAL {
			return nil // rootfs is in another mount now, and not the root of one
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", s.Rootfs, err)
		}
	}
}
