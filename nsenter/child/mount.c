/* Mounts are made detached and attached by descriptor (move_mount(2)), so that
 * nobody can exchange what a path means in between (CVE-2021-30465). */
#include "child.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define LONGEST_VALUE 255 /* of fsconfig(2), FSCONFIG_SET_STRING */

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#define ALL_BUT_ATIME                                                                   \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
	 MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

static void fd_path(char *out, long fd)
{
	static const char prefix[] = "/proc/self/fd/";

	memcpy(out, prefix, sizeof(prefix) - 1);
	decimal(out + sizeof(prefix) - 1, (uint64_t)fd);
}

static unsigned long legacy_flags(uint64_t attr)
{
	unsigned long ms = 0;

	ms |= attr & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0;
	ms |= attr & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0;
	ms |= attr & MOUNT_ATTR_NODEV ? MS_NODEV : 0;
	ms |= attr & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0;
	ms |= attr & MOUNT_ATTR_NODIRATIME ? MS_NODIRATIME : 0;
	ms |= attr & MOUNT_ATTR_NOSYMFOLLOW ? MS_NOSYMFOLLOW : 0;
	if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME)
		ms |= MS_NOATIME;
	else if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME)
		ms |= MS_STRICTATIME;
	return ms;
}

/* remount is set_attr for kernels before 5.12: an attached mount only, and no
 * recursion. */
static long remount(long fd, uint64_t set, uint64_t clear)
{
	uint64_t now[16]; /* struct statfs: f_flags is the eleventh long */
	char path[40];
	unsigned long keep;
	long rc = sys2(__NR_fstatfs, fd, now);

	if (rc < 0)
		return rc;
	keep = now[10] & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
	keep |= now[10] & 4096 ? MS_RELATIME : 0; /* ST_RELATIME */
	keep &= ~legacy_flags(clear);
	fd_path(path, fd);
	return sys5(__NR_mount, 0, path, 0, MS_REMOUNT | MS_BIND | keep | legacy_flags(set), 0);
}

/* set_attr changes the attributes of the mount fd, which is attached. */
long set_attr(long fd, uint64_t set, uint64_t clear, int recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear};
	long rc;

	if (set == 0 && clear == 0)
		return 0;
	/* An access time mode is set only together with clearing all of them. */
	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	rc = sys5(__NR_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
		  sizeof(attr));
	if (rc == -ENOSYS && !recursive)
		rc = remount(fd, set, clear);
	return rc;
}

static long set_propagation(long fd, uint64_t flags)
{
	struct mount_attr attr = {.propagation = flags & ~(uint64_t)MS_REC};
	char path[40];
	long rc;

	if (flags == 0)
		return 0;
	rc = sys5(__NR_mount_setattr, fd, "", AT_EMPTY_PATH | (flags & MS_REC ? AT_RECURSIVE : 0), &attr,
		  sizeof(attr));
	if (rc == -ENOSYS) {
		fd_path(path, fd);
		rc = sys5(__NR_mount, 0, path, 0, flags, 0);
	}
	return rc < 0 ? failed_at(PART_PROPAGATION, rc) : 0;
}

long clone_tree(const char *path, int recursive)
{
	return sys3(__NR_open_tree, AT_FDCWD, path,
		    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
}

static long open_or_make(const char *target, int directory, int no_symlink)
{
	long fd;

	if (no_symlink) {
		fd = in_root(target, O_PATH | O_NOFOLLOW | O_DIRECTORY);
		if (fd != -ENOENT)
			return fd;
	}
	return directory ? make_directory(target, 0755) : make_file(target);
}

static int is_root(long fd)
{
	struct file_status st, root;

	return file_stat(fd, &st) < 0 || file_stat(self.root, &root) < 0 ||
	       (st.ino == root.ino && st.mount == root.mount);
}

/* open_target gives the mount point. It isn't the root itself, by a link of the
 * image to "/": the container's process would be below such a mount, and what
 * joins the mount namespace later, on top of it. */
static long open_target(const char *target, int directory, int no_symlink)
{
	long fd = open_or_make(target, directory, no_symlink);

	if (fd < 0 || !is_root(fd))
		return fd;
	sys_close(fd);
	return -EXDEV;
}

static long attach_at(long tree, long at)
{
	return sys5(__NR_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int in_proc(const char *target)
{
	static const char proc[] = "/proc";

	for (size_t i = 0; proc[i]; i++)
		if (target[i] != proc[i])
			return 0;
	return target[5] == 0 || target[5] == '/';
}

/* attach mounts the detached tree at target in the root. */
long attach(long tree, const char *target, int directory, int no_symlink)
{
	long rc, at = open_target(target, directory, no_symlink);

	if (at < 0)
		return failed_at(PART_TARGET, at);
	/* A link in the image must not lead a mount into the procfs, which is what
	 * labels and sysctls are written to (CVE-2019-16884). */
	if (file_system(at) == PROC_SUPER_MAGIC && !in_proc(target)) {
		sys_close(at);
		return failed_at(PART_TARGET, -EXDEV);
	}
	rc = attach_at(tree, at);
	sys_close(at);
	return rc < 0 ? failed_at(PART_ATTACH, rc) : 0;
}

/* The kernel's own words about a file system that it refused, "e ext4: …". */
static void read_log(long fs)
{
	char text[512];
	long n = sys3(__NR_read, fs, text, sizeof(text));

	if (n > 2)
		failed_text(text + 2, (size_t)n - 2);
}

static long set_parameter(long fs, char *param)
{
	char *value = param;

	while (*value && *value != '=')
		value++;
	if (!*value)
		return sys5(__NR_fsconfig, fs, FSCONFIG_SET_FLAG, param, 0, 0);
	*value = 0;
	long rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, param, value + 1, 0);
	*value = '=';
	return rc;
}

static long inherit_mode(long fs, const char *target)
{
	struct file_status st;
	char mode[8];
	long fd = in_root(target, O_PATH | O_DIRECTORY);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return failed_at(PART_TARGET, fd);
	long rc = file_stat(fd, &st);
	sys_close(fd);
	if (rc < 0)
		return rc;
	for (int i = 0; i < 4; i++)
		mode[i] = (char)('0' + ((st.mode >> (3 * (3 - i))) & 7));
	mode[4] = 0;
	return sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "mode", mode, 0);
}

/* new_mount makes the file system of op and gives its detached mount. */
static long new_mount(const struct op *op)
{
	long rc = 0, mnt;
	long fs = sys2(__NR_fsopen, op_str(op, 0), FSOPEN_CLOEXEC);

	if (fs < 0)
		return failed_at(PART_OPEN_TYPE, fs);
	if (op->s[1])
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "source", op_str(op, 1), 0);
	if (rc < 0)
		failed_at(PART_SOURCE, rc);
	if (rc >= 0 && (op->flags & MOUNT_INHERIT_MODE))
		rc = inherit_mode(fs, op_str(op, 2));
	for (char **p = op_vec(op, 3); rc >= 0 && *p; p++) {
		rc = failed_at(PART_PARAMETER, set_parameter(fs, *p));
		if (rc < 0)
			failed_text(*p, str_len(*p));
	}
	if (rc >= 0)
		rc = failed_at(PART_CREATE, sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0));
	if (rc >= 0)
		rc = failed_at(PART_CREATE,
			       sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, op->n[0] & ~MOUNT_ATTR_NOSYMFOLLOW));
	mnt = rc;
	if (rc < 0)
		read_log(fs);
	sys_close(fs);
	return mnt;
}

static int has_long_value(const struct op *op)
{
	for (char **p = op_vec(op, 3); *p; p++)
		if (str_len(*p) > LONGEST_VALUE)
			return 1;
	return 0;
}

/* old_mount is new_mount by mount(2), attached at once: it takes a page of
 * parameters, where fsconfig(2) stops at 255 bytes a value (overlay's lowerdir). */
static long old_mount(const struct op *op)
{
	char data[PATH_MAX], path[40];
	size_t at = 0;
	long rc, fd;

	for (char **p = op_vec(op, 3); *p; p++) {
		size_t len = str_len(*p);

		if (at + len + 2 > sizeof(data))
			return failed_at(PART_PARAMETER, -E2BIG);
		if (at > 0)
			data[at++] = ',';
		memcpy(data + at, *p, len);
		at += len;
	}
	data[at] = 0;
	fd = open_target(op_str(op, 2), 1, op->flags & MOUNT_NO_SYMLINK);
	if (fd < 0)
		return failed_at(PART_TARGET, fd);
	fd_path(path, fd);
	rc = sys5(__NR_mount, op_str(op, 1), path, op_str(op, 0), legacy_flags(op->n[0]), data);
	sys_close(fd);
	if (rc < 0)
		return failed_at(PART_CREATE, rc);
	fd = in_root(op_str(op, 2), O_PATH);
	if (fd < 0)
		return fd;
	rc = set_propagation(fd, op->n[2]);
	sys_close(fd);
	return rc;
}

/* A host mount that stands in for a denied one is read-only in any case: it may
 * hold more than the container's own (CVE-2023-25809). What is mounted below it
 * would stay writable, and is left out. */
static long bind_instead(const struct op *op)
{
	long rc, tree = clone_tree(op_str(op, 4), 0);

	if (tree < 0)
		return failed_at(PART_SOURCE, tree);
	rc = attach(tree, op_str(op, 2), 1, op->flags & MOUNT_NO_SYMLINK);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(tree, op->n[0] | MOUNT_ATTR_RDONLY, 0, 0));
	sys_close(tree);
	return rc;
}

static long copy_target(const struct op *op, long mnt)
{
	long rc, from = in_root(op_str(op, 2), O_RDONLY | O_DIRECTORY);

	if (from == -ENOENT)
		return 0;
	if (from < 0)
		return failed_at(PART_TARGET, from);
	rc = failed_at(PART_COPY, copy_up(from, mnt));
	sys_close(from);
	return rc;
}

long op_mount(const struct op *op)
{
	uint64_t late = op->n[0] & MOUNT_ATTR_NOSYMFOLLOW; /* not for fsmount(2) */
	long rc = 0, mnt;

	if (has_long_value(op)) {
		if (op->flags & MOUNT_COPY_UP || op->n[1] || late)
			return failed_at(PART_PARAMETER, -E2BIG);
		return old_mount(op);
	}
	mnt = new_mount(op);
	if ((mnt == -EPERM || mnt == -EBUSY) && op->s[4])
		return bind_instead(op);
	if (mnt < 0)
		return mnt;
	if (op->flags & MOUNT_COPY_UP)
		rc = copy_target(op, mnt);
	if (rc >= 0)
		rc = attach(mnt, op_str(op, 2), 1, op->flags & MOUNT_NO_SYMLINK);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(mnt, late, op->n[1], 0));
	if (rc >= 0)
		rc = set_propagation(mnt, op->n[2]);
	sys_close(mnt);
	return rc;
}

/* bind_attr sets what was asked for. With BIND_REPLACE all other attributes go,
 * as with mount(8), except those that a user namespace has locked; clearing one
 * of these on request is an error. */
static long bind_attr(const struct op *op, long tree)
{
	uint64_t set = op->n[0], clear = op->n[1];
	long rc;

	if (op->flags & BIND_REPLACE) {
		uint64_t all = ALL_BUT_ATIME & ~set;

		rc = set_attr(tree, set, all | clear, 0);
		if (rc != -EPERM)
			return failed_at(PART_ATTRIBUTE, rc);
		rc = set_attr(tree, set, clear, 0);
		return rc < 0 ? failed_at(PART_LOCKED, rc) : 0;
	}
	return failed_at(PART_ATTRIBUTE, set_attr(tree, set, clear, 0));
}

long op_bind(const struct op *op)
{
	struct file_status st;
	long rc, tree = op_file(op);

	if (tree < 0)
		tree = clone_tree(op_str(op, 1), op->flags & BIND_RECURSIVE);
	if (tree < 0)
		return failed_at(PART_SOURCE, tree);
	rc = file_stat(tree, &st);
	if (rc >= 0 && (op->flags & BIND_PROC_ONLY) && file_system(tree) != PROC_SUPER_MAGIC)
		rc = failed_at(PART_NOT_PROC, -EINVAL);
	if (rc >= 0)
		rc = attach(tree, op_str(op, 2), (st.mode & S_IFMT) == S_IFDIR, op->flags & BIND_NO_SYMLINK);
	if (rc >= 0)
		rc = bind_attr(op, tree);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(tree, op->n[3], op->n[4], 1));
	if (rc >= 0)
		rc = set_propagation(tree, op->n[2]);
	sys_close(tree);
	return rc;
}

long op_attributes(const struct op *op)
{
	long rc, fd = in_root(op_str(op, 0), O_PATH);

	if (fd < 0)
		return failed_at(PART_TARGET, fd);
	rc = failed_at(PART_ATTRIBUTE, set_attr(fd, op->n[0], op->n[1], op->flags & ATTRIBUTES_RECURSIVE));
	if (rc >= 0)
		rc = set_propagation(fd, op->n[2]);
	sys_close(fd);
	return rc;
}

long op_propagation(const struct op *op) { return sys5(__NR_mount, 0, op_str(op, 0), 0, op->n[0], 0); }
