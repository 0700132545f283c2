/* The root of a process that has tools from outside in a container. Making a directory for
 * them would change the container. So a new root has clones of what is in "/", and the
 * tools beside it. */
#include "child.h"

#define TOOLS ".tools" /* plan.ToolsDir */
#define MOST_ENTRIES 4096

static long new_root(void)
{
	long rc, mnt, fs = sys2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0)
		return failed_at(PART_OPEN_TYPE, fs);
	rc = sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0);
	if (rc >= 0)
		rc = sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	mnt = rc < 0 ? rc : sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	sys_close(fs);
	return mnt < 0 ? failed_at(PART_CREATE, mnt) : mnt;
}

/* attach_new attaches a tree in the directory to, on a new directory or file. */
static long attach_new(long tree, long to, const char *name)
{
	struct file_status st;
	long at, rc = file_stat(tree, &st);

	if (rc >= 0 && (st.mode & S_IFMT) == S_IFDIR)
		rc = sys3(__NR_mkdirat, to, name, 0755);
	else if (rc >= 0)
		rc = sys4(__NR_mknodat, to, name, S_IFREG | 0644, 0);
	if (rc < 0)
		return rc;
	at = sys4(__NR_openat, to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (at < 0)
		return at;
	rc = attach_at(tree, at);
	sys_close(at);
	return rc;
}

static long copy_link(long from, long to, const char *name)
{
	char target[PATH_MAX];
	long n = sys4(__NR_readlinkat, from, name, target, sizeof(target) - 1);

	if (n < 0)
		return n;
	target[n] = 0;
	return sys3(__NR_symlinkat, target, to, name);
}

/* mirror makes an entry of the old root appear in the new one. */
static long mirror(long from, long to, const char *name)
{
	struct file_status st;
	long rc, tree, fd = sys4(__NR_openat, from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = file_stat(fd, &st);
	if (rc >= 0 && (st.mode & S_IFMT) == S_IFLNK) {
		sys_close(fd);
		return copy_link(from, to, name);
	}
	tree = rc < 0 ? rc
		      : sys3(__NR_open_tree, fd, "",
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	sys_close(fd);
	if (tree < 0)
		return tree;
	rc = attach_new(tree, to, name);
	sys_close(tree);
	return rc;
}

/* mirror_all fails on the entry in the failure's text. */
static long mirror_all(long from, long to)
{
	char entries[2048] __attribute__((aligned(8)));
	int count = 0;
	long n;

	while ((n = sys3(__NR_getdents64, from, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			struct entry *d = (struct entry *)(void *)(entries + at);
			long rc;

			at += d->reclen;
			if (str_eq(d->name, ".") || str_eq(d->name, "..") || str_eq(d->name, TOOLS))
				continue;
			rc = ++count > MOST_ENTRIES ? -E2BIG : mirror(from, to, d->name);
			if (rc == -ENOENT) /* removed meanwhile */
				continue;
			if (rc < 0) {
				failed_text(d->name, str_len(d->name));
				return failed_at(PART_COPY, rc);
			}
		}
	return n;
}

/* add_program attaches a program in a new directory with links to it. */
static long add_program(const struct op *op, long tree, long root)
{
	const char *name = str_of(op->toolbox.program);
	long dir, rc = sys3(__NR_mkdirat, root, TOOLS, 0755);

	dir = rc < 0 ? rc : sys4(__NR_openat, root, TOOLS, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return dir;
	rc = attach_new(tree, dir, name);
	for (char **link = vec_of(op->toolbox.links); rc >= 0 && *link; link++)
		rc = sys3(__NR_symlinkat, name, dir, *link);
	sys_close(dir);
	return rc;
}

static long add_tools(const struct op *op, long root)
{
	long rc, tree = take_tree();

	if (tree < 0)
		return tree;
	rc = set_attr(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 1);
	if (rc >= 0)
		rc = op->toolbox.program.at ? add_program(op, tree, root) : attach_new(tree, root, TOOLS);
	sys_close(tree);
	return rc < 0 ? failed_at(PART_SOURCE, rc) : 0;
}

/* op_toolbox: the new root is read-only, because what is made there would vanish. */
long op_toolbox(const struct op *op)
{
	long rc, old = sys4(__NR_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long root = old < 0 ? old : new_root();

	if (root < 0)
		return root;
	rc = attach_at(root, old);
	if (rc >= 0)
		rc = mirror_all(old, root);
	if (rc >= 0)
		rc = add_tools(op, root);
	if (rc >= 0)
		rc = failed_at(PART_ATTRIBUTE, set_attr(root, MOUNT_ATTR_RDONLY, 0, 0));
	sys_close(old);
	sys_close(self.root);
	self.root = root;
	return rc;
}
