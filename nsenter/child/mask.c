/* Paths that the container may not see or not write. They are hidden after the
 * hooks have run and before the root is entered, so that what hides them comes
 * from the host and not from the image (CVE-2025-31133). */
#include "child.h"

static long clone_of(long fd)
{
	return sys3(__NR_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

/* null_device returns a mount of the container's /dev/null, so that its mount table
 * shows nothing of the host, or of the host's if the container has none. Both are
 * verified. */
static long null_device(void)
{
	long fd, at = in_root("/dev/null", O_PATH | O_NOFOLLOW);

	if (at >= 0 && is_null(at)) {
		fd = clone_of(at);
		sys_close(at);
		return fd < 0 ? failed_at(PART_SOURCE, fd) : fd;
	}
	sys_close(at);
	fd = clone_tree("/dev/null", 0);
	if (fd < 0)
		return failed_at(PART_SOURCE, fd);
	if (!is_null(fd)) {
		sys_close(fd);
		return failed_at(PART_VERIFY, -ENODEV);
	}
	return fd;
}

static long empty_directory(void)
{
	long fs = sys2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC), rc, mnt;

	if (fs < 0)
		return fs;
	rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0);
	if (rc >= 0)
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0);
	if (rc >= 0)
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", 0, 0);
	if (rc >= 0)
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	mnt = rc < 0 ? rc
		     : sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC,
			    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys_close(fs);
	return mnt;
}

/* hide_directory hides all directories behind clones of one tmpfs, because creating
 * and destroying a superblock for each would take longer. */
long hide_directory(long at)
{
	long rc, mnt;

	mnt = self.hidden < 0 ? empty_directory() : clone_of(self.hidden);
	if (mnt < 0)
		return failed_at(PART_SOURCE, mnt);
	rc = attach_at(mnt, at);
	if (self.hidden < 0 && rc >= 0)
		self.hidden = mnt;
	else
		sys_close(mnt);
	return rc;
}

/* hide_file clones the mount that its first call has attached. */
static long hide_file(long at)
{
	long rc, null = self.null < 0 ? null_device() : clone_of(self.null);

	if (null < 0)
		return failed_at(self.part ? self.part : PART_SOURCE, null);
	rc = attach_at(null, at);
	if (self.null < 0 && rc >= 0)
		self.null = null;
	else
		sys_close(null);
	return rc;
}

long op_mask(const struct op *op)
{
	struct file_status st;
	long rc, at = in_root(str_of(op->mask.path), O_PATH);

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at < 0)
		return failed_at(PART_TARGET, at);
	rc = file_stat(at, &st);
	if (rc >= 0)
		rc = (st.mode & S_IFMT) == S_IFDIR ? hide_directory(at) : hide_file(at);
	sys_close(at);
	return rc;
}

long op_readonly(const struct op *op)
{
	long rc, tree, at = in_root(str_of(op->readonly.path), O_PATH);

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at < 0)
		return failed_at(PART_TARGET, at);
	tree = sys3(__NR_open_tree, at, "",
		    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0) {
		sys_close(at);
		return failed_at(PART_SOURCE, tree);
	}
	rc = attach_at(tree, at);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(tree, MOUNT_ATTR_RDONLY, 0, 0));
	sys_close(tree);
	sys_close(at);
	return rc;
}
