/* Mounts are created detached and attached by descriptor (move_mount(2)), so that
 * nobody can change what a path refers to in between (CVE-2021-30465). */
#include "child.h"
#include <asm/statfs.h>
#include <linux/magic.h>

#define LONGEST_VALUE 255 /* of fsconfig(2), FSCONFIG_SET_STRING */

#define ALL_BUT_ATIME                                                                   \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
	 MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

/* fd_path names fd for mount(2). In a mount namespace that was joined, /proc is what others
 * have mounted there, so that the path is one below the procfs that was opened before. */
static void fd_path(char *out, long fd)
{
	static const char prefix[] = "/proc/self/fd/";
	size_t skip =
		self.joined && self.proc >= 0 && sys1(__NR_fchdir, self.proc) >= 0 ? sizeof("/proc/") - 1 : 0;
	size_t len = sizeof(prefix) - 1 - skip;

	memcpy(out, prefix + skip, len);
	decimal(out + len, (uint64_t)fd);
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

/* remount is set_attr for kernels before 5.12: for an attached mount, without
 * recursion. */
static long remount(long fd, uint64_t set, uint64_t clear)
{
	struct statfs fs;
	char path[40];
	unsigned long keep;
	long rc = sys2(__NR_fstatfs, fd, &fs);

	if (rc < 0)
		return rc;
	/* The other ST_* have the values of MS_*. */
	keep = (unsigned long)fs.f_flags &
	       (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
	keep |= fs.f_flags & ST_RELATIME ? MS_RELATIME : 0;
	keep &= ~legacy_flags(clear);
	fd_path(path, fd);
	return sys5(__NR_mount, 0, path, 0, MS_REMOUNT | MS_BIND | keep | legacy_flags(set), 0);
}

/* set_attr changes the attributes of the attached mount fd. */
long set_attr(long fd, uint64_t set, uint64_t clear, int recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear};
	long rc;

	if (set == 0 && clear == 0)
		return 0;
	/* The kernel requires that an access time mode is set together with clearing all. */
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

/* open_target opens the mount point. It refuses the root itself, to which a symbolic
 * link of the image may lead: the container's process would be below such a mount,
 * and a process that joins the mount namespace later, on top of it. */
static long open_target(const char *target, int directory, int no_symlink)
{
	long fd = open_or_make(target, directory, no_symlink);

	if (fd < 0 || !is_root(fd))
		return fd;
	sys_close(fd);
	return -EXDEV;
}

static int is_directory(long fd)
{
	struct file_status st;

	return file_stat(fd, &st) >= 0 && (st.mode & S_IFMT) == S_IFDIR;
}

/* attach_at attaches the detached tree at the mount point at. Where only one of them is
 * a directory it fails with ENOTDIR, as mount(2) does; move_mount(2) has EINVAL for
 * this as for much else. */
long attach_at(long tree, long at)
{
	long rc = sys5(__NR_move_mount, tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	if (rc == -EINVAL && is_directory(tree) != is_directory(at))
		rc = -ENOTDIR;
	return rc < 0 ? failed_at(PART_ATTACH, rc) : 0;
}

static int in_proc(const char *target)
{
	static const char proc[] = "/proc";

	for (size_t i = 0; proc[i]; i++)
		if (target[i] != proc[i])
			return 0;
	return target[5] == 0 || target[5] == '/';
}

/* attach attaches the detached tree at target in the root. */
long attach(long tree, const char *target, int directory, int no_symlink)
{
	long rc, at = open_target(target, directory, no_symlink);

	if (at < 0)
		return failed_at(PART_TARGET, at);
	/* Labels and sysctls are written to the procfs, so a symbolic link of the image
	 * must not lead a mount into it (CVE-2019-16884). */
	if (file_system(at) == PROC_SUPER_MAGIC && !in_proc(target)) {
		sys_close(at);
		return failed_at(PART_TARGET, -EXDEV);
	}
	rc = attach_at(tree, at);
	sys_close(at);
	return rc;
}

/* read_log records what the kernel says about a file system that it rejects, such
 * as "e ext4: …". */
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

/* new_mount creates the file system of op and returns its detached mount. */
static long new_mount(const struct op *op)
{
	long rc = 0, mnt;
	long fs = sys2(__NR_fsopen, str_of(op->mount.type), FSOPEN_CLOEXEC);

	if (fs < 0)
		return failed_at(PART_OPEN_TYPE, fs);
	if (op->mount.source.at)
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "source", str_of(op->mount.source), 0);
	if (rc < 0)
		failed_at(PART_SOURCE, rc);
	if (rc >= 0 && (op->flags & MOUNT_INHERIT_MODE))
		rc = inherit_mode(fs, str_of(op->mount.target));
	if (rc >= 0 && op_file(op) >= 0)
		rc = failed_at(PART_PARAMETER,
			       sys5(__NR_fsconfig, fs, FSCONFIG_SET_FD, "pidns", 0, op_file(op)));
	for (char **p = vec_of(op->mount.params); rc >= 0 && *p; p++) {
		rc = failed_at(PART_PARAMETER, set_parameter(fs, *p));
		if (rc < 0)
			failed_text(*p, str_len(*p));
	}
	if (rc >= 0)
		rc = failed_at(PART_CREATE, sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0));
	if (rc >= 0)
		rc = failed_at(PART_CREATE, sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC,
						 op->mount.set & ~MOUNT_ATTR_NOSYMFOLLOW));
	mnt = rc;
	if (rc < 0)
		read_log(fs);
	sys_close(fs);
	return mnt;
}

static int has_long_value(const struct op *op)
{
	for (char **p = vec_of(op->mount.params); *p; p++)
		if (str_len(*p) > LONGEST_VALUE)
			return 1;
	return 0;
}

/* settle closes the mount of the current step, or leaves it open in the step. */
static void settle(const struct op *op, long mnt)
{
	if (op->flags & MOUNT_KEEP)
		self.op->file = (uint32_t)mnt;
	else
		sys_close(mnt);
}

/* op_make_readonly closes the mount that it makes read-only. */
long op_make_readonly(const struct op *op)
{
	const struct op *mount;
	long rc;

	if (op->make_readonly.step >= plan.header->op_count)
		return -EBADMSG;
	mount = &plan.ops[op->make_readonly.step];
	if (mount->kind != OP_MOUNT || mount->file == NO_FILE)
		return -EBADMSG;
	rc = set_attr(mount->file, MOUNT_ATTR_RDONLY, 0, 0);
	sys_close(mount->file);
	return rc;
}

/* old_mount is new_mount with mount(2), which attaches the mount at once. It accepts
 * a page of parameters, whereas fsconfig(2) accepts values of at most 255 bytes
 * (overlay's lowerdir). */
static long old_mount(const struct op *op)
{
	char data[PATH_MAX], path[40];
	size_t at = 0;
	long rc, fd;

	for (char **p = vec_of(op->mount.params); *p; p++) {
		size_t len = str_len(*p);

		if (at + len + 2 > sizeof(data))
			return failed_at(PART_PARAMETER, -E2BIG);
		if (at > 0)
			data[at++] = ',';
		memcpy(data + at, *p, len);
		at += len;
	}
	data[at] = 0;
	fd = open_target(str_of(op->mount.target), 1, op->flags & MOUNT_NO_SYMLINK);
	if (fd < 0)
		return failed_at(PART_TARGET, fd);
	fd_path(path, fd);
	rc = sys5(__NR_mount, str_of(op->mount.source), path, str_of(op->mount.type),
		  legacy_flags(op->mount.set), data);
	sys_close(fd);
	if (rc < 0)
		return failed_at(PART_CREATE, rc);
	fd = in_root(str_of(op->mount.target), O_PATH);
	if (fd < 0)
		return fd;
	rc = set_propagation(fd, op->mount.propagation);
	settle(op, fd);
	return rc;
}

/* bind_instead binds a host mount in place of one that the kernel denies. It is always
 * read-only, because it may contain more than the container's own (CVE-2023-25809),
 * and without the mounts below it, which would be writable. */
static long bind_instead(const struct op *op)
{
	long rc, tree = clone_tree(str_of(op->mount.fallback), 0);

	if (tree < 0)
		return failed_at(PART_SOURCE, tree);
	rc = attach(tree, str_of(op->mount.target), 1, op->flags & MOUNT_NO_SYMLINK);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(tree, op->mount.set | MOUNT_ATTR_RDONLY, 0, 0));
	settle(op, tree);
	return rc;
}

static long copy_target(const struct op *op, long mnt)
{
	long rc, from = in_root(str_of(op->mount.target), O_RDONLY | O_DIRECTORY);

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
	uint64_t late = op->mount.set & MOUNT_ATTR_NOSYMFOLLOW; /* not for fsmount(2) */
	long rc = 0, mnt;

	if (has_long_value(op)) {
		if (op->flags & MOUNT_COPY_UP || op->mount.clear || late || op_file(op) >= 0)
			return failed_at(PART_PARAMETER, -E2BIG);
		return old_mount(op);
	}
	mnt = new_mount(op);
	if ((mnt == -EPERM || mnt == -EBUSY) && op->mount.fallback.at)
		return bind_instead(op);
	if (mnt < 0)
		return mnt;
	if (op->flags & MOUNT_COPY_UP)
		rc = copy_target(op, mnt);
	if (rc >= 0)
		rc = attach(mnt, str_of(op->mount.target), 1, op->flags & MOUNT_NO_SYMLINK);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(mnt, late, op->mount.clear, 0));
	if (rc >= 0)
		rc = set_propagation(mnt, op->mount.propagation);
	settle(op, mnt);
	return rc;
}

/* bind_attr sets the attributes of op. With BIND_REPLACE it clears all others, as
 * mount(8) does, except those that a user namespace has locked; clearing one of
 * these explicitly is an error. */
static long bind_attr(const struct op *op, long tree)
{
	uint64_t set = op->bind.set, clear = op->bind.clear;
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

static long recursive_attr(const struct op *op, long tree)
{
	uint64_t clear = op->bind.recursive_clear;
	long rc = set_attr(tree, op->bind.recursive_set, clear, 1);

	return failed_at(rc == -EPERM && clear ? PART_LOCKED : PART_ATTRIBUTE, rc);
}

static long all_attr(const struct op *op, long tree)
{
	long rc = bind_attr(op, tree);

	return rc < 0 ? rc : recursive_attr(op, tree);
}

/* sets_detached reports whether a mount can get its attributes before it is attached,
 * mount_setattr(2), since 5.12. */
static int sets_detached(void) { return sys5(__NR_mount_setattr, -1, "", AT_EMPTY_PATH, 0, 0) != -ENOSYS; }

static long tree_of(const char *source, int by_parent, int recursive)
{
	return by_parent ? ask_tree() : failed_at(PART_SOURCE, clone_tree(source, recursive));
}

/* op_clone_tree leaves the tree open in the step. */
long op_clone_tree(const struct op *op)
{
	long tree = tree_of(str_of(op->clone_tree.source), op->flags & CLONE_TREE_BY_PARENT,
			    op->flags & CLONE_TREE_RECURSIVE);

	if (tree < 0)
		return tree;
	self.op->file = (uint32_t)tree;
	return 0;
}

long take_tree(void)
{
	for (struct op *op = plan.ops; op < self.op; op++) {
		long tree = op->file;

		if (op->kind == OP_CLONE_TREE && tree != NO_FILE) {
			op->file = NO_FILE;
			return tree;
		}
	}
	return -EBADMSG;
}

/* op_bind: what is read-only or without devices is so from the moment on in which others
 * in the mount namespace can reach it. */
long op_bind(const struct op *op)
{
	struct file_status st;
	long rc, tree;
	int early;

	if (op->flags & BIND_CLONED)
		tree = take_tree();
	else
		tree = tree_of(str_of(op->bind.source), op->flags & BIND_BY_PARENT,
			       op->flags & BIND_RECURSIVE);
	if (tree < 0)
		return tree;
	rc = file_stat(tree, &st);
	if (rc >= 0 && (op->flags & BIND_PROC_ONLY) && file_system(tree) != PROC_SUPER_MAGIC)
		rc = failed_at(PART_NOT_PROC, -EINVAL);
	early = sets_detached();
	if (rc >= 0 && early)
		rc = all_attr(op, tree);
	if (rc >= 0)
		rc = attach(tree, str_of(op->bind.target), (st.mode & S_IFMT) == S_IFDIR,
			    op->flags & BIND_NO_SYMLINK);
	if (rc >= 0 && !early)
		rc = all_attr(op, tree);
	if (rc >= 0)
		rc = set_propagation(tree, op->bind.propagation);
	sys_close(tree);
	return rc;
}

long op_attributes(const struct op *op)
{
	long rc, fd = in_root(str_of(op->attributes.path), O_PATH);

	if (fd < 0)
		return failed_at(PART_TARGET, fd);
	rc = failed_at(PART_ATTRIBUTE, set_attr(fd, op->attributes.set, op->attributes.clear,
						op->flags & ATTRIBUTES_RECURSIVE));
	if (rc >= 0)
		rc = set_propagation(fd, op->attributes.propagation);
	sys_close(fd);
	return rc;
}

long op_propagation(const struct op *op)
{
	return sys5(__NR_mount, 0, str_of(op->propagation.path), 0, op->propagation.flags, 0);
}
