/* The terminal and the standard streams. */
#include "child.h"
#include <asm/termios.h>
#include <linux/magic.h>
#include <linux/uio.h>

#define PTMX_INO 2 /* fs/devpts */

/* open_ptmx opens the container's own ptmx and verifies it: the image, or another
 * container that shares /dev, can replace it (CVE-2025-52565). */
static long open_ptmx(void)
{
	struct file_status st;
	long fd, pts = in_root("/dev/pts", O_PATH | O_DIRECTORY);

	if (pts < 0)
		return failed_at(PART_OPEN, pts);
	/* Opening a device can have side effects, so the directory is verified first. */
	if (file_system(pts) != DEVPTS_SUPER_MAGIC) {
		sys_close(pts);
		return failed_at(PART_VERIFY, -ENODEV);
	}
	fd = sys4(__NR_openat, pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	sys_close(pts);
	if (fd < 0)
		return failed_at(PART_OPEN, fd);
	if (file_system(fd) != DEVPTS_SUPER_MAGIC || file_stat(fd, &st) < 0 || st.ino != PTMX_INO ||
	    (st.mode & S_IFMT) != S_IFCHR || st.rdev_major != 5 || st.rdev_minor != 2) {
		sys_close(fd);
		return failed_at(PART_VERIFY, -ENODEV);
	}
	sys3(__NR_fcntl, fd, F_SETFL, O_RDWR);
	return fd;
}

/* leave_line_feeds keeps the terminal from putting carriage returns before them. */
static long leave_line_feeds(long slave)
{
	struct termios settings;
	long rc = sys3(__NR_ioctl, slave, TCGETS, &settings);

	if (rc < 0)
		return rc;
	settings.c_oflag &= ~(tcflag_t)ONLCR;
	return sys3(__NR_ioctl, slave, TCSETS, &settings);
}

static long send_master(long socket, long master)
{
	static const char name[] = "/dev/ptmx";
	struct cmsg_fd control = cmsg_of((int)master);
	struct iovec iov = {(void *)name, sizeof(name) - 1};
	struct msghdr msg = {.iov = &iov, .iovlen = 1, .control = &control, .controllen = sizeof(control)};
	long rc = sys3(__NR_sendmsg, socket, &msg, MSG_NOSIGNAL);

	return rc < 0 ? failed_at(PART_SEND, rc) : 0;
}

/* bind_console mounts the terminal on /dev/console. The file there is created or
 * opened without following symbolic links (CVE-2026-88264). */
static long bind_console(long slave)
{
	const char *name;
	long rc, tree, at, dir = open_parent("/dev/console", &name);

	if (dir < 0)
		return failed_at(PART_TARGET, dir);
	at = sys4(__NR_openat, dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0666);
	sys_close(at);
	at = sys4(__NR_openat, dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	sys_close(dir);
	if (at < 0)
		return failed_at(PART_TARGET, at);
	tree = sys3(__NR_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	rc = tree < 0 ? failed_at(PART_ATTACH, tree) : attach_at(tree, at);
	sys_close(tree);
	sys_close(at);
	return rc;
}

long op_console(const struct op *op)
{
	struct winsize size = {.ws_row = (unsigned short)op->console.rows,
			       .ws_col = (unsigned short)op->console.cols};
	int unlock = 0;
	long rc, slave, master = open_ptmx();

	if (master < 0)
		return master;
	rc = sys3(__NR_ioctl, master, TIOCSPTLCK, &unlock);
	slave = rc < 0 ? rc : sys3(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return failed_at(PART_OPEN, slave);
	if (size.ws_row || size.ws_col)
		sys3(__NR_ioctl, master, TIOCSWINSZ, &size);
	rc = op->flags & CONSOLE_LINE_FEEDS ? leave_line_feeds(slave) : 0;
	if (rc >= 0 && (op->flags & CONSOLE_MOUNT))
		rc = bind_console(slave);
	if (rc >= 0)
		rc = send_master(op_file(op), master);
	for (int fd = 0; rc >= 0 && fd < 3; fd++)
		rc = sys3(__NR_dup3, slave, fd, 0);
	if (rc >= 0 && !(op->flags & CONSOLE_FOREIGN))
		rc = sys3(__NR_ioctl, 0, TIOCSCTTY, 0);
	sys_close(slave);
	sys_close(master);
	sys_close(op_file(op));
	return rc;
}

/* use_own_null replaces the host's /dev/null at fd by that of the root, if the
 * latter is one. */
static void use_own_null(int fd)
{
	long null = in_root_if("/dev/null", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, is_null);

	if (null < 0)
		return;
	sys3(__NR_fcntl, null, F_SETFL, O_RDWR);
	sys3(__NR_dup3, null, fd, 0);
	sys_close(null);
}

/* op_stdio allows the process to open /dev/stdout and the like again. A stream whose
 * owner can't be changed (a read-only file system, an owner without a mapping) is
 * left as it is. */
long op_stdio(const struct op *op)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file_status st;

		if (is_null(fd))
			use_own_null(fd);
		else if (file_stat(fd, &st) >= 0 && st.uid != op->stdio.uid)
			sys3(__NR_fchown, fd, op->stdio.uid, -1);
	}
	return 0;
}
