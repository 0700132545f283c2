/* The procfs that the child writes through. The image, or another container that
 * mounts over a part of it, can replace /proc (CVE-2019-16884, CVE-2025-52881). So
 * the child uses the host's /proc, opened before it enters anything of the
 * container, or a new instance, and never crosses a mount in it. */
#include "child.h"
#include <linux/magic.h>

#define PROC_ROOT_INO 1 /* only in the kernel's own headers */

static long open_beneath(long dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return sys4(__NR_openat2, dir, path, &how, sizeof(how));
}

static long host_proc(void)
{
	struct file_status st;
	long fd;

	if (self.joined)
		return -EXDEV;
	fd = sys4(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (file_system(fd) != PROC_SUPER_MAGIC || file_stat(fd, &st) < 0 || st.ino != PROC_ROOT_INO) {
		sys_close(fd);
		return failed_at(PART_NOT_PROC, -EXDEV);
	}
	return fd;
}

static long private_proc(void)
{
	long fs = sys2(__NR_fsopen, "proc", FSOPEN_CLOEXEC), mnt;
	long rc;

	if (fs < 0)
		return fs;
	rc = sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	mnt = rc < 0 ? rc
		     : sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC,
			    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys_close(fs);
	return mnt;
}

/* op_proc uses the host's procfs if a new instance is denied, as in an outer
 * container with a masked /proc. */
long op_proc(const struct op *op)
{
	long fd = -EPERM;

	if (op->flags & PROC_PRIVATE)
		fd = private_proc();
	if (fd < 0)
		fd = host_proc();
	if (fd < 0)
		return fd;
	sys_close(self.proc);
	self.proc = fd;
	return 0;
}

/* open_proc opens path below the procfs. */
long open_proc(const char *path, uint64_t flags)
{
	if (self.proc < 0) {
		long fd = host_proc();

		if (fd < 0)
			return fd;
		self.proc = fd;
	}
	return open_beneath(self.proc, path, flags);
}

/* write_proc writes value to path below the procfs, or to fallback if path
 * doesn't exist. */
long write_proc(const char *path, const char *fallback, const char *value)
{
	long rc, len = (long)str_len(value), fd = open_proc(path, O_WRONLY);

	if (fd == -ENOENT && *fallback)
		fd = open_proc(fallback, O_WRONLY);
	if (fd < 0)
		return failed_at(self.part ? self.part : PART_OPEN, fd);
	if (file_system(fd) != PROC_SUPER_MAGIC) {
		sys_close(fd);
		return failed_at(PART_NOT_PROC, -EXDEV);
	}
	rc = sys3(__NR_write, fd, value, len);
	sys_close(fd);
	if (rc >= 0 && rc != len)
		rc = -EIO;
	return rc < 0 ? failed_at(PART_WRITE, rc) : 0;
}

long op_oom_score_adj(const struct op *op)
{
	char value[32];
	int64_t n = (int64_t)op->oom_score_adj.value;

	value[0] = '-';
	decimal(n < 0 ? value + 1 : value, (uint64_t)(n < 0 ? -n : n));
	return write_proc("self/oom_score_adj", "", value);
}

long op_sysctl(const struct op *op)
{
	char path[PATH_MAX];
	long rc = join(path, "sys", str_of(op->sysctl.path));

	return rc < 0 ? rc : write_proc(path, "", str_of(op->sysctl.value));
}

long op_label(const struct op *op)
{
	char path[PATH_MAX], fallback[PATH_MAX];
	long rc = join(path, "thread-self", str_of(op->label.path));

	fallback[0] = 0;
	if (rc >= 0 && op->label.fallback.at)
		rc = join(fallback, "thread-self", str_of(op->label.fallback));
	return rc < 0 ? rc : write_proc(path, fallback, str_of(op->label.value));
}
