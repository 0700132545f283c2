/* The container's root: attached before the mounts, entered after them. */
#include "child.h"

/* op_root attaches a clone of the rootfs over itself, because pivot_root(2)
 * requires a mount point. From here on the descriptor of the clone is the root.
 *
 * A tree from the parent is attached over "/": host paths can still be looked up,
 * because a lookup from the root directory doesn't cross a mount over it. The next
 * step of the plan removes it from the peer group of the host's mount. */
long op_root(const struct op *op)
{
	const char *target = str_of(op->root.path);
	long rc, at, tree = op_file(op);

	if (tree >= 0) {
		target = "/";
		rc = sys5(__NR_mount, 0, target, 0, MS_PRIVATE, 0);
		if (rc < 0)
			return failed_at(PART_PROPAGATION, rc);
	}
	at = sys4(__NR_openat, AT_FDCWD, target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (at < 0)
		return failed_at(PART_TARGET, at);
	if (tree < 0) /* of the directory that was opened: the path may be another one by now */
		tree = sys3(__NR_open_tree, at, "",
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0) {
		sys_close(at);
		return failed_at(PART_SOURCE, tree);
	}
	rc = attach_at(tree, at);
	sys_close(at);
	if (rc < 0)
		return rc;
	self.root = tree;
	return 0;
}

uint64_t mount_of(long fd)
{
	struct file_status st;

	return file_stat(fd, &st) < 0 ? 0 : st.mount;
}

static long open_root(void) { return sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0); }

static long enter_namespace(void)
{
	long rc, fd;

	if (self.joined) /* setns(2) has done it */
		return 0;
	fd = sys2(__NR_pidfd_open, sys0(__NR_getpid), 0);
	if (fd < 0)
		return fd;
	rc = sys2(__NR_setns, fd, CLONE_NEWNS);
	sys_close(fd);
	return rc;
}

/* leave_chroot makes the root of the mount namespace that of the process, and returns
 * it: if the runtime runs in a chroot, ".." of a mount there leads to the directories
 * around it. If op_root has attached the root over it, is_over is set. */
static long leave_chroot(int *is_over)
{
	long rc, top, old = open_root();

	if (old < 0)
		return old;
	rc = enter_namespace();
	top = rc < 0 ? rc : open_root();
	*is_over = top >= 0 && mount_of(top) == mount_of(self.root);
	if (!*is_over) {
		sys_close(old);
		return top;
	}
	sys_close(top);
	rc = sys1(__NR_fchdir, old);
	if (rc >= 0)
		rc = sys1(__NR_chroot, ".");
	if (rc >= 0)
		return old;
	sys_close(old);
	return rc;
}

/* pivot mounts the old root over the new one, at "/", and unmounts it there, so that
 * the image needs no directory for it. */
static long pivot(long old)
{
	long rc = sys1(__NR_fchdir, self.root);

	if (rc >= 0)
		rc = sys2(__NR_pivot_root, ".", ".");
	if (rc >= 0)
		rc = sys1(__NR_fchdir, old);
	/* Otherwise the unmount would propagate to the host. */
	if (rc >= 0)
		rc = sys5(__NR_mount, 0, ".", 0, MS_SLAVE | MS_REC, 0);
	return rc < 0 ? rc : sys2(__NR_umount2, ".", MNT_DETACH);
}

/* change doesn't modify the mount namespace, which isn't the container's own. */
static long change(void)
{
	long rc = sys1(__NR_fchdir, self.root);

	return rc < 0 ? rc : sys1(__NR_chroot, ".");
}

/* replace makes the root that of the mount namespace, too. */
static long replace(const struct op *op)
{
	int is_over;
	long rc, old = leave_chroot(&is_over);

	if (old < 0)
		return old;
	rc = op->flags & PIVOT_MOVE ? move_root(old, is_over) : pivot(old);
	sys_close(old);
	return rc;
}

/* op_pivot also closes the host's procfs: from here on nothing of the host is
 * accessible. */
long op_pivot(const struct op *op)
{
	long rc = op->flags & PIVOT_CHROOT ? change() : replace(op);

	if (rc < 0)
		return rc;
	sys_close(self.proc);
	sys_close(self.hidden);
	sys_close(self.null);
	self.proc = self.hidden = self.null = -1;
	self.joined = 1;
	return sys1(__NR_chdir, "/");
}
