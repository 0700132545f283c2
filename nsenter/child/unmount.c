/* Unmounting in a mount namespace that was joined. */
#include "child.h"

/* open_above opens the directory of path and sets *last to the last component. */
static long open_above(const char *path, const char **last)
{
	static char above[PATH_MAX];
	long rc = split(path, above, last);

	return rc < 0 ? rc : in_root_plainly(above);
}

/* op_unmount: umount2(2) takes a path, and a descriptor of the mount would keep it busy. So
 * the directory above is held. What is mounted on a name in it can't become another mount:
 * the kernel doesn't rename a mount point, rename(2), EBUSY. */
long op_unmount(const struct op *op)
{
	const char *last;
	long rc, at, dir = open_above(str_of(op->unmount.path), &last);
	uint64_t found;

	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	at = sys4(__NR_openat, dir, last, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	found = mount_of(at);
	sys_close(at);
	if (at < 0 || found != op->unmount.mount) {
		sys_close(dir);
		return failed_at(PART_VERIFY, at < 0 ? at : -ESTALE);
	}
	rc = sys1(__NR_fchdir, dir);
	if (rc >= 0)
		rc = sys2(__NR_umount2, last, UMOUNT_NOFOLLOW | (op->flags & UNMOUNT_LAZY ? MNT_DETACH : 0));
	sys_close(dir);
	return rc;
}
