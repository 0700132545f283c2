/* Joining and creating namespaces, and the configuration of new ones. */
#include "child.h"
#include <asm/ioctls.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>

#include <linux/sockios.h>

/* linux/if.h can't be used without a C library. */
#define IFF_UP 1
struct ifreq_flags { /* struct ifreq, netdevice(7) */
	char name[16];
	short flags;
	char rest[22];
};

/* op_cgroup writes "0", which is the writing thread itself. */
long op_cgroup(const struct op *op)
{
	long fd = op_file(op), rc = sys3(__NR_write, fd, "0", 1);

	sys_close(fd);
	return rc < 0 ? rc : 0;
}

long op_set_undumpable(const struct op *op)
{
	(void)op;
	return sys2(__NR_prctl, PR_SET_DUMPABLE, 0);
}

long op_set_dumpable(const struct op *op)
{
	(void)op;
	return sys2(__NR_prctl, PR_SET_DUMPABLE, 1);
}

long op_session(const struct op *op)
{
	long rc = sys0(__NR_setsid);

	if (rc == -EPERM) /* already the leader of a session */
		rc = 0;
	if (rc >= 0 && (op->flags & SESSION_TERMINAL))
		rc = sys3(__NR_ioctl, 0, TIOCSCTTY, 0);
	return rc;
}

/* op_keyring: without it the container would possess the host's session keyring. A
 * kernel without keyrings and an exhausted quota are no errors. */
long op_keyring(const struct op *op)
{
	long rc = sys2(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);

	(void)op;
	if (rc == -ENOSYS || rc == -EDQUOT || rc == -EPERM || rc == -EACCES)
		return 0;
	return rc < 0 ? rc : 0;
}

/* op_affinity: the container must not inherit the affinity of the runtime's caller,
 * only its cpuset restricts it. */
long op_affinity(const struct op *op)
{
	static unsigned char all[1024];
	struct data mask = op->affinity.mask;

	if (mask.size > 0)
		return sys3(__NR_sched_setaffinity, 0, mask.size, data_of(mask));
	memset(all, 0xff, sizeof(all));
	sys3(__NR_sched_setaffinity, 0, sizeof(all), all);
	return 0;
}

/* enter_root makes the root of the mount namespace that was joined the root of later
 * steps. */
static long enter_root(void)
{
	self.joined = 1;
	sys_close(self.root);
	self.root = sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	return self.root < 0 ? self.root : 0;
}

long op_join(const struct op *op)
{
	long fd = op_file(op);
	long rc = sys2(__NR_setns, fd, op->join.type);

	sys_close(fd);
	return rc >= 0 && op->join.type == CLONE_NEWNS ? enter_root() : rc;
}

long op_join_process(const struct op *op)
{
	const char *root = str_of(op->join_process.root);
	uint64_t flags = op->join_process.flags;
	long fd = op_file(op);
	long rc = flags ? sys2(__NR_setns, fd, flags) : 0;

	sys_close(fd);
	if (rc >= 0 && *root)
		rc = sys1(__NR_chdir, root);
	if (rc >= 0 && *root)
		rc = sys1(__NR_chroot, ".");
	return rc < 0 ? rc : enter_root();
}

long op_unshare(const struct op *op) { return sys1(__NR_unshare, op->unshare.flags); }

/* op_become_root: files created from here on belong to the container's root.
 * setgroups(2) may be denied in a user namespace (user_namespaces(7)). */
long op_become_root(const struct op *op)
{
	long rc;

	if (!(op->flags & BECOME_ROOT_KEEPGROUPS))
		sys2(__NR_setgroups, 0, 0);
	rc = sys3(__NR_setresgid, 0, 0, 0);
	if (rc < 0)
		return failed_at(PART_GID, rc);
	rc = sys3(__NR_setresuid, 0, 0, 0);
	if (rc < 0)
		return failed_at(PART_UID, rc);
	/* The change of ids has reset the flag. */
	return sys2(__NR_prctl, PR_SET_DUMPABLE, 0);
}

/* op_fork continues in a child of our parent, which gets its pid from the
 * credentials of the next message. */
long op_fork(const struct op *op)
{
	long pid = sys5(__NR_clone, op->fork.flags | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid > 0)
		leave(0);
	return pid;
}

long op_loopback(const struct op *op)
{
	struct ifreq_flags request = {.name = "lo"};
	long rc, fd = sys3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)op;
	if (fd == -EAFNOSUPPORT)
		return 0; /* a kernel without IPv4 */
	if (fd < 0)
		return fd;
	rc = sys3(__NR_ioctl, fd, SIOCGIFFLAGS, &request);
	request.flags |= IFF_UP;
	if (rc >= 0)
		rc = sys3(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
	sys_close(fd);
	return rc;
}

long op_hostname(const struct op *op)
{
	const char *name = str_of(op->hostname.name);

	return sys2(__NR_sethostname, name, str_len(name));
}

long op_domainname(const struct op *op)
{
	const char *name = str_of(op->domainname.name);

	return sys2(__NR_setdomainname, name, str_len(name));
}
