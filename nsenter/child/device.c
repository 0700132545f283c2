/* Device nodes and symbolic links, created at the descriptor of their directory. */
#include "child.h"

static long verify_fd(const struct op *op, long fd)
{
	struct file_status st;
	long rc = file_stat(fd, &st);
	unsigned type = (unsigned)op->device.mode & S_IFMT;

	if (rc < 0)
		return rc;
	if ((st.mode & S_IFMT) != type)
		return failed_at(PART_MISMATCH, -EEXIST);
	if (type != S_IFIFO && (st.rdev_major != op->device.major || st.rdev_minor != op->device.minor))
		return failed_at(PART_MISMATCH, -EEXIST);
	return 0;
}

/* open_device opens the node, which is the one that was asked for. */
static long open_device(const struct op *op, long dir, const char *name)
{
	long rc, fd = sys4(__NR_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = verify_fd(op, fd);
	if (rc < 0)
		sys_close(fd);
	return rc < 0 ? rc : fd;
}

static long verify_device(const struct op *op, long dir, const char *name)
{
	long fd = open_device(op, dir, name);

	if (fd < 0)
		return fd;
	sys_close(fd);
	return 0;
}

/* bind_device attaches a mount of the host's node. */
static long bind_device(const struct op *op)
{
	struct file_status st;
	long rc, tree = op_file(op);
	unsigned type = (unsigned)op->device.mode & S_IFMT;

	if (tree < 0)
		tree = clone_tree(str_of(op->device.source), 0);
	if (tree < 0)
		return failed_at(PART_SOURCE, tree);
	rc = file_stat(tree, &st);
	if (rc >= 0 &&
	    ((st.mode & S_IFMT) != type ||
	     (type != S_IFIFO && (st.rdev_major != op->device.major || st.rdev_minor != op->device.minor))))
		rc = failed_at(PART_VERIFY, -ENODEV);
	if (rc >= 0)
		rc = attach(tree, str_of(op->device.path), 0, 0);
	sys_close(tree);
	return rc;
}

/* set_owner: whoever may write to the directory can put another file there by now. */
static long set_owner(const struct op *op, long dir, const char *name)
{
	long rc, fd;

	if (op->device.uid == 0 && op->device.gid == 0)
		return 0;
	fd = open_device(op, dir, name);
	if (fd < 0)
		return fd;
	rc = sys5(__NR_fchownat, fd, "", op->device.uid, op->device.gid, AT_EMPTY_PATH);
	sys_close(fd);
	return rc < 0 ? failed_at(PART_OWNER, rc) : 0;
}

/* remove_mount_point removes the empty file on which the node was mounted. */
static long remove_mount_point(long dir, const char *name)
{
	struct file_status st;
	long rc, fd = sys4(__NR_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = file_stat(fd, &st);
	sys_close(fd);
	if (rc < 0 || (st.mode & S_IFMT) != S_IFREG || st.size > 0)
		return rc;
	return sys3(__NR_unlinkat, dir, name, 0);
}

/* remove_device: whoever may write to the directory can replace the node at any time, and
 * has what is removed then. */
static long remove_device(const struct op *op)
{
	char parent[PATH_MAX];
	const char *name;
	long rc = split(str_of(op->device.path), parent, &name), dir;

	dir = rc < 0 ? rc : in_root(parent, O_PATH | O_DIRECTORY);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	rc = verify_device(op, dir, name);
	if (rc >= 0)
		rc = sys1(__NR_fchdir, dir);
	if (rc >= 0) {
		rc = sys2(__NR_umount2, name, MNT_DETACH | UMOUNT_NOFOLLOW);
		if (rc >= 0)
			rc = remove_mount_point(dir, name);
		else if (rc == -EINVAL) /* it isn't a mount */
			rc = sys3(__NR_unlinkat, dir, name, 0);
	}
	sys_close(dir);
	return rc == -ENOENT || rc == -EEXIST ? 0 : rc;
}

long op_device(const struct op *op)
{
	const char *name;
	long rc, dir;

	if (op->flags & DEVICE_REMOVE)
		return remove_device(op);
	if (op->flags & DEVICE_BIND)
		return bind_device(op);
	dir = open_parent(str_of(op->device.path), &name);
	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	rc = sys4(__NR_mknodat, dir, name, op->device.mode, MAKEDEV(op->device.major, op->device.minor));
	if (rc >= 0)
		rc = set_owner(op, dir, name);
	else if (rc == -EEXIST)
		rc = verify_device(op, dir, name);
	sys_close(dir);
	if (rc == -EPERM && (op->device.source.at || op_file(op) >= 0))
		rc = bind_device(op);
	return rc;
}

long op_symlink(const struct op *op)
{
	const char *name;
	long rc, dir = open_parent(str_of(op->symlink.path), &name);

	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	if (op->flags & SYMLINK_REPLACE)
		sys3(__NR_unlinkat, dir, name, 0);
	rc = sys3(__NR_symlinkat, str_of(op->symlink.target), dir, name);
	sys_close(dir);
	return rc == -EEXIST ? 0 : rc;
}
