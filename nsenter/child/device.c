/* Device nodes and links, made at the descriptor of their directory. */
#include "child.h"

static long verify_device(const struct op *op, long dir, const char *name)
{
	struct file_status st;
	long rc, fd = sys4(__NR_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	unsigned type = (unsigned)op->n[0] & S_IFMT;

	if (fd < 0)
		return fd;
	rc = file_stat(fd, &st);
	sys_close(fd);
	if (rc < 0)
		return rc;
	if ((st.mode & S_IFMT) != type)
		return failed_at(PART_MISMATCH, -EEXIST);
	if (type != S_IFIFO && (st.rdev_major != op->n[1] || st.rdev_minor != op->n[2]))
		return failed_at(PART_MISMATCH, -EEXIST);
	return 0;
}

/* bind_device binds the host's node where mknod(2) is denied. */
static long bind_device(const struct op *op)
{
	struct file_status st;
	long rc, tree = clone_tree(op_str(op, 1), 0);
	unsigned type = (unsigned)op->n[0] & S_IFMT;

	if (tree < 0)
		return failed_at(PART_SOURCE, tree);
	rc = file_stat(tree, &st);
	if (rc >= 0 && ((st.mode & S_IFMT) != type ||
			(type != S_IFIFO && (st.rdev_major != op->n[1] || st.rdev_minor != op->n[2]))))
		rc = failed_at(PART_VERIFY, -ENODEV);
	if (rc >= 0)
		rc = attach(tree, op_str(op, 0), 0, 0);
	sys_close(tree);
	return rc;
}

static long set_owner(const struct op *op, long dir, const char *name)
{
	long rc;

	if (op->n[3] == 0 && op->n[4] == 0)
		return 0;
	rc = sys5(__NR_fchownat, dir, name, op->n[3], op->n[4], AT_SYMLINK_NOFOLLOW);
	return rc < 0 ? failed_at(PART_OWNER, rc) : 0;
}

long op_device(const struct op *op)
{
	const char *name;
	long rc, dir;

	if (op->flags & DEVICE_BIND)
		return bind_device(op);
	dir = open_parent(op_str(op, 0), &name);
	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	rc = sys4(__NR_mknodat, dir, name, op->n[0], MAKEDEV(op->n[1], op->n[2]));
	if (rc >= 0)
		rc = set_owner(op, dir, name);
	else if (rc == -EEXIST)
		rc = verify_device(op, dir, name);
	sys_close(dir);
	if (rc == -EPERM && op->s[1])
		rc = bind_device(op);
	return rc;
}

long op_symlink(const struct op *op)
{
	const char *name;
	long rc, dir = open_parent(op_str(op, 1), &name);

	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	if (op->flags & SYMLINK_REPLACE)
		sys3(__NR_unlinkat, dir, name, 0);
	rc = sys3(__NR_symlinkat, op_str(op, 0), dir, name);
	sys_close(dir);
	return rc == -EEXIST ? 0 : rc;
}
