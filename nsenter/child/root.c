/* The container's root: attached before the mounts, entered after them. */
#include "child.h"

/* op_root attaches a clone of the rootfs over itself, because pivot_root(2)
 * requires a mount point. From here on the descriptor of the clone is the root. The
 * parent attaches it in the same way. */
long op_root(const struct op *op)
{
	long rc, at, tree;

	sys_close(self.root); /* that of a mount namespace that was joined */
	self.root = -1;
	if (op->flags & ROOT_BY_PARENT) {
		self.root = ask_tree();
		return self.root < 0 ? self.root : 0;
	}
	at = sys4(__NR_openat, AT_FDCWD, str_of(op->root.path), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		  0);
	if (at < 0)
		return failed_at(PART_TARGET, at);
	/* Of the directory that was opened: the path may be another one by now. */
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
 * around it. */
static long leave_chroot(void)
{
	long rc = enter_namespace();

	return rc < 0 ? rc : sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
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
	long rc, old = leave_chroot();

	if (old < 0)
		return old;
	rc = op->flags & PIVOT_MOVE ? move_root(old) : pivot(old);
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
