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

/* pivot mounts the old root over the new one, at "/", and unmounts it there, so that
 * the image needs no directory for it. */
static long pivot(void)
{
	long rc, old = sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (old < 0)
		return old;
	rc = sys1(__NR_fchdir, self.root);
	if (rc >= 0)
		rc = sys2(__NR_pivot_root, ".", ".");
	if (rc >= 0)
		rc = sys1(__NR_fchdir, old);
	/* Otherwise the unmount would propagate to the host. */
	if (rc >= 0)
		rc = sys5(__NR_mount, 0, ".", 0, MS_SLAVE | MS_REC, 0);
	if (rc >= 0)
		rc = sys2(__NR_umount2, ".", MNT_DETACH);
	sys_close(old);
	return rc;
}

static long move(void)
{
	long rc = sys1(__NR_fchdir, self.root);

	if (rc >= 0)
		rc = sys5(__NR_mount, ".", "/", 0, MS_MOVE, 0);
	if (rc >= 0)
		rc = sys1(__NR_chroot, ".");
	return rc;
}

/* change doesn't modify the mount namespace, which isn't the container's own. */
static long change(void)
{
	long rc = sys1(__NR_fchdir, self.root);

	return rc < 0 ? rc : sys1(__NR_chroot, ".");
}

/* op_pivot also closes the host's procfs: from here on nothing of the host is
 * accessible. */
long op_pivot(const struct op *op)
{
	long rc = op->flags & PIVOT_CHROOT ? change() : op->flags & PIVOT_MOVE ? move() : pivot();

	if (rc < 0)
		return rc;
	sys_close(self.proc);
	sys_close(self.hidden);
	sys_close(self.null);
	self.proc = self.hidden = self.null = -1;
	self.joined = 1;
	return sys1(__NR_chdir, "/");
}
