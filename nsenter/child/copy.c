/* The copy-up of a tmpfs: the content of a directory of the image is copied to the
 * new file system before that hides the directory. */
#include "child.h"

#define MAX_DEPTH 64
#define XATTR_SIZE 65536

static long copy_directory(long from, long to, int depth);

static long copy_content(long from, long to, uint64_t size)
{
	while (size > 0) {
		long n = sys4(__NR_sendfile, to, from, 0, size);

		if (n <= 0)
			return n;
		size -= (uint64_t)n;
	}
	return 0;
}

/* Extended attributes are copied if both file systems support them. */
static void copy_xattrs(long from, long to)
{
	static char names[4096], value[XATTR_SIZE];
	long n = sys3(__NR_flistxattr, from, names, sizeof(names));

	for (long at = 0; at < n; at += (long)str_len(names + at) + 1) {
		long len = sys4(__NR_fgetxattr, from, names + at, value, sizeof(value));

		if (len >= 0)
			sys5(__NR_fsetxattr, to, names + at, value, len, 0);
	}
}

/* is_still reports whether fd is the file of st. Another container that shares the
 * directory could have put a device in its place, and the copy would have the content
 * of that. */
static int is_still(const struct file_status *st, long fd)
{
	struct file_status now;

	return file_stat(fd, &now) >= 0 && now.ino == st->ino && now.mount == st->mount &&
	       now.mode == st->mode;
}

static long copy_file(long dir, long to, const char *name, const struct file_status *st)
{
	long rc, out, in = sys4(__NR_openat, dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);

	if (in < 0)
		return in;
	if (!is_still(st, in)) {
		sys_close(in);
		return -ESTALE;
	}
	out = sys4(__NR_openat, to, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	rc = out;
	if (out >= 0) {
		rc = copy_content(in, out, st->size);
		if (rc >= 0)
			rc = sys3(__NR_fchown, out, st->uid, st->gid);
		if (rc >= 0)
			rc = sys2(__NR_fchmod, out, st->mode & 07777);
		copy_xattrs(in, out);
	}
	sys_close(out);
	sys_close(in);
	return rc;
}

static long copy_subdirectory(long dir, long to, const char *name, const struct file_status *st, int depth)
{
	long rc, out = -1;
	long in = sys4(__NR_openat, dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (in < 0)
		return in;
	rc = is_still(st, in) ? sys3(__NR_mkdirat, to, name, 0700) : -ESTALE;
	if (rc >= 0)
		rc = out = sys4(__NR_openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (rc >= 0)
		rc = copy_directory(in, out, depth + 1);
	if (rc >= 0)
		rc = sys3(__NR_fchown, out, st->uid, st->gid);
	if (rc >= 0)
		rc = sys2(__NR_fchmod, out, st->mode & 07777);
	if (rc >= 0)
		copy_xattrs(in, out);
	sys_close(out);
	sys_close(in);
	return rc;
}

static long copy_link(long dir, long to, const char *name, const struct file_status *st)
{
	char target[PATH_MAX];
	long rc = sys4(__NR_readlinkat, dir, name, target, sizeof(target) - 1);

	if (rc < 0)
		return rc;
	target[rc] = 0;
	rc = sys3(__NR_symlinkat, target, to, name);
	if (rc >= 0)
		rc = sys5(__NR_fchownat, to, name, st->uid, st->gid, AT_SYMLINK_NOFOLLOW);
	return rc;
}

static long copy_node(long to, const char *name, const struct file_status *st)
{
	long rc = sys4(__NR_mknodat, to, name, st->mode, MAKEDEV(st->rdev_major, st->rdev_minor));

	if (rc >= 0)
		rc = sys5(__NR_fchownat, to, name, st->uid, st->gid, AT_SYMLINK_NOFOLLOW);
	return rc;
}

static long copy_entry(long dir, long to, const char *name, int depth)
{
	struct file_status st;
	long rc, fd = sys4(__NR_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = file_stat(fd, &st);
	sys_close(fd);
	if (rc < 0)
		return rc;
	switch (st.mode & S_IFMT) {
	case S_IFREG:
		return copy_file(dir, to, name, &st);
	case S_IFDIR:
		return copy_subdirectory(dir, to, name, &st, depth);
	case S_IFLNK:
		return copy_link(dir, to, name, &st);
	default:
		return copy_node(to, name, &st);
	}
}

static long copy_directory(long from, long to, int depth)
{
	char entries[2048] __attribute__((aligned(8)));
	long n;

	if (depth > MAX_DEPTH)
		return -ELOOP;
	while ((n = sys3(__NR_getdents64, from, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			struct entry *d = (struct entry *)(void *)(entries + at);
			long rc;

			at += d->reclen;
			if (str_eq(d->name, ".") || str_eq(d->name, ".."))
				continue;
			rc = copy_entry(from, to, d->name, depth);
			if (rc < 0)
				return rc;
		}
	return n;
}

/* copy_up copies the content of the directory from to the directory to, with
 * owners, modes and extended attributes. It doesn't follow symbolic links. */
long copy_up(long from, long to) { return copy_directory(from, to, 0); }
