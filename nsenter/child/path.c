/* Paths in the container's root. Its content is hostile, and so is another
 * container that shares a volume with it and renames files at the same time.
 * Therefore every component is opened relative to a descriptor, the kernel keeps
 * the lookup inside of the root (openat2(2), RESOLVE_IN_ROOT), and nothing is
 * created through a path that has symbolic links in it. */
#include "child.h"

#define MAX_LINKS 40
#define MAX_RETRIES 128

static long open_how(long dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	long fd;
	int tries = 0;

	/* EAGAIN: something was renamed during the lookup. */
	do
		fd = sys4(__NR_openat2, dir, path, &how, sizeof(how));
	while ((fd == -EAGAIN || fd == -EINTR) && ++tries < MAX_RETRIES);
	return fd;
}

/* in_root opens path as a process that has called chroot(2) on the root does. */
long in_root(const char *path, uint64_t flags)
{
	if (!*path)
		path = "/";
	return open_how(self.root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* in_root_plainly is in_root for a path without symbolic links. */
long in_root_plainly(const char *path)
{
	return open_how(self.root, path, O_PATH,
			RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* in_root_if opens path if is() is true of what is there. Opening something else can have
 * effects, as with a device or a pipe, so it is looked at before, and again when it is
 * open, in case it was replaced in between. */
long in_root_if(const char *path, uint64_t flags, int (*is)(long fd))
{
	long fd = in_root(path, O_PATH | (flags & O_NOFOLLOW));
	int expected = fd >= 0 && is(fd);

	sys_close(fd);
	if (!expected)
		return fd < 0 ? fd : -EINVAL;
	fd = in_root(path, flags);
	if (fd >= 0 && !is(fd)) {
		sys_close(fd);
		return -EINVAL;
	}
	return fd;
}

/* step opens one component below dir, never a symbolic link and never "..". */
static long step(long dir, const char *name)
{
	return open_how(dir, name, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static size_t last_slash(const char *path, size_t end)
{
	while (end > 0 && path[end - 1] != '/')
		end--;
	return end;
}

/* existing opens the longest leading part of path that exists, and sets *rest to
 * the offset of the first component that doesn't. */
static long existing(char *path, size_t *rest)
{
	size_t end = str_len(path);

	while (end > 0) {
		size_t slash = last_slash(path, end);
		long fd;
		char keep = path[slash];

		path[slash] = 0;
		fd = in_root(path, O_PATH | O_DIRECTORY);
		path[slash] = keep;
		*rest = slash;
		if (fd != -ENOENT)
			return fd;
		end = slash;
		while (end > 0 && path[end - 1] == '/')
			end--;
	}
	*rest = 0;
	return in_root("/", O_PATH | O_DIRECTORY);
}

/* follow replaces the symbolic link name, the component of path between from and
 * to, by its target. Images often have dangling links (/etc/resolv.conf ->
 * ../run/…): their target is created, inside of the root. */
static long follow(long dir, char *path, size_t from, size_t to, const char *name)
{
	char target[PATH_MAX], rest[PATH_MAX];
	long n = sys4(__NR_readlinkat, dir, name, target, sizeof(target) - 1);
	size_t head = from;

	if (n <= 0)
		return n < 0 ? n : -ENOENT;
	target[n] = 0;
	memcpy(rest, path + to, str_len(path + to) + 1);
	if (target[0] == '/')
		head = 0;
	if (head + (size_t)n + str_len(rest) + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path + head, target, (size_t)n);
	memcpy(path + head + n, rest, str_len(rest) + 1);
	return 0;
}

static long make_one(long dir, const char *name, unsigned mode, int file)
{
	long fd;

	if (!file)
		return sys3(__NR_mkdirat, dir, name, mode);
	fd = sys4(__NR_openat, dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
	sys_close(fd);
	return fd < 0 ? fd : 0;
}

/* make_rest creates the components of path from at on below dir, which it closes.
 * It returns the last one, or 0 and sets *again if it replaced a link. */
static long make_rest(long dir, char *path, size_t at, unsigned mode, int file, int *again)
{
	while (path[at]) {
		char name[256];
		size_t end = at, next_at;
		long rc, next;

		while (path[end] && path[end] != '/')
			end++;
		if (end - at >= sizeof(name)) {
			sys_close(dir);
			return -ENAMETOOLONG;
		}
		memcpy(name, path + at, end - at);
		name[end - at] = 0;
		for (next_at = end; path[next_at] == '/';)
			next_at++;
		rc = make_one(dir, name, path[next_at] ? 0755 : mode, file && !path[next_at]);
		if (rc < 0 && rc != -EEXIST) {
			sys_close(dir);
			return rc;
		}
		next = step(dir, name);
		if (next == -ELOOP) {
			*again = 1;
			rc = follow(dir, path, at, end, name);
			sys_close(dir);
			return rc;
		}
		sys_close(dir);
		if (next < 0)
			return next;
		dir = next;
		at = next_at;
	}
	return dir;
}

static long make_all(const char *unsafe_path, unsigned mode, int file)
{
	char path[PATH_MAX];
	size_t rest;

	if (str_len(unsafe_path) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, unsafe_path, str_len(unsafe_path) + 1);
	for (int links = 0; links < MAX_LINKS; links++) {
		int again = 0;
		long fd = in_root(path, O_PATH | (file ? 0 : O_DIRECTORY));

		if (fd != -ENOENT)
			return fd;
		fd = existing(path, &rest);
		if (fd < 0)
			return fd;
		fd = make_rest(fd, path, rest, mode, file, &again);
		if (!again || fd < 0)
			return fd;
	}
	return -ELOOP;
}

/* make_directory opens the directory path, which it creates with its parents if it
 * doesn't exist. */
long make_directory(const char *path, unsigned mode) { return make_all(path, mode, 0); }

/* make_file opens the file path, which it creates, empty and with its parents, if
 * it doesn't exist. */
long make_file(const char *path) { return make_all(path, 0644, 1); }

/* split writes the directory of path to parent, which has PATH_MAX bytes, and sets *last to
 * the last component. */
long split(const char *path, char *parent, const char **last)
{
	size_t slash = last_slash(path, str_len(path));

	*last = path + slash;
	if (!**last || str_eq(*last, ".") || str_eq(*last, ".."))
		return -EINVAL;
	if (slash >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(parent, path, slash);
	parent[slash] = 0;
	return 0;
}

/* open_parent opens the directory of path, which it creates if necessary, and sets
 * *last to the last component. */
long open_parent(const char *path, const char **last)
{
	char parent[PATH_MAX];
	long rc = split(path, parent, last);

	return rc < 0 ? rc : make_directory(parent, 0755);
}

/* op_directory accepts an existing directory. */
long op_directory(const struct op *op)
{
	long fd = make_directory(str_of(op->directory.path), (unsigned)op->directory.mode);

	sys_close(fd);
	return fd < 0 ? fd : 0;
}
