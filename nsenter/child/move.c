/* Entering the root without pivot_root(2), which the kernel refuses for a root on an
 * initramfs. The root is moved to the top of the mount namespace, over the old root,
 * which stays there, and so would everything that is mounted in it.
 * In a user namespace of its own, a process may mount a new procfs or sysfs wherever
 * another one is visible in whole (mount_namespaces(7)). So the host's must be gone. */
#include "child.h"

struct mount {
	uint64_t id, parent;
	char target[PATH_MAX];
	char type[16]; /* a longer one is cut off */
};

/* field reads a field and returns the byte behind it, -1 at the end of the file. It
 * decodes octal escapes, and cuts off what doesn't fit. */
static int field(struct reader *r, char *out, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = next_byte(r)) >= 0 && c != ' ' && c != '\n') {
		if (c == '\\') {
			c = 0;
			for (int i = 0; i < 3; i++)
				c = c * 8 + next_byte(r) - '0';
		}
		if (n + 1 < size)
			out[n++] = (char)c;
	}
	out[n] = 0;
	return c;
}

static uint64_t number(struct reader *r)
{
	char digits[24];
	uint64_t n = 0;

	field(r, digits, sizeof(digits));
	for (const char *d = digits; *d; d++)
		n = n * 10 + (uint64_t)(*d - '0');
	return n;
}

/* next_mount reads a line of proc_pid_mountinfo(5). It returns 0 at the end. */
static int next_mount(struct reader *r, struct mount *m)
{
	char other[8];
	int c;

	m->id = number(r);
	m->parent = number(r);
	field(r, other, sizeof(other)); /* the device */
	field(r, other, sizeof(other)); /* the directory of the file system */
	c = field(r, m->target, sizeof(m->target));
	while (c == ' ' && !str_eq(other, "-"))
		c = field(r, other, sizeof(other));
	if (c == ' ')
		c = field(r, m->type, sizeof(m->type));
	while (c >= 0 && c != '\n')
		c = next_byte(r);
	return c == '\n';
}

/* unmount unmounts what is mounted directly in the old root, with everything below. */
static long unmount(const struct mount *m, uint64_t old, uint64_t new)
{
	if (m->parent != old || m->id == new || str_eq(m->target, "/"))
		return 0;
	return sys2(__NR_umount2, m->target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

/* cover hides a procfs or sysfs that a user namespace has locked to its place. */
static long cover(const struct mount *m, uint64_t old, uint64_t new)
{
	long rc = 0, at;

	(void)old;
	(void)new;
	if (!str_eq(m->type, "proc") && !str_eq(m->type, "sysfs"))
		return 0;
	at = sys4(__NR_openat, AT_FDCWD, m->target, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	/* Otherwise it is covered, or one of the container's. */
	if (mount_of(at) == m->id)
		rc = hide_directory(at);
	sys_close(at);
	return rc < 0 ? rc : 0;
}

/* for_mounts calls act for each mount that the process can reach. It returns how many
 * times act returned 1, or the error of one of the calls. */
static long for_mounts(long (*act)(const struct mount *, uint64_t, uint64_t), uint64_t old, uint64_t new)
{
	static struct reader r;
	static struct mount m;
	long rc = 0, done = 0;

	r.at = r.end = 0;
	r.fd = open_proc("self/mountinfo", O_RDONLY);
	if (r.fd < 0)
		return r.fd;
	while (rc >= 0 && next_mount(&r, &m)) {
		rc = act(&m, old, new);
		done += rc;
	}
	sys_close(r.fd);
	return rc < 0 ? rc : done;
}

/* clear unmounts what is in the old root, and hides of the rest what must not be seen.
 * The root of the process is the old one, so its paths don't lead into the new one. */
static long clear(uint64_t old, uint64_t new)
{
	/* Otherwise the unmounts would propagate to the host. */
	long rc = sys5(__NR_mount, 0, "/", 0, MS_SLAVE, 0);

	if (rc < 0)
		return rc;
	do /* Of several mounts on one directory, each pass removes the upper one. */
		rc = for_mounts(unmount, old, new);
	while (rc > 0);
	return rc < 0 ? rc : for_mounts(cover, old, new);
}

/* move_root moves the root over the old one and enters it; the root of the process is
 * the old one. */
long move_root(long old)
{
	long rc = sys1(__NR_fchdir, self.root);

	if (rc >= 0)
		rc = sys5(__NR_mount, ".", "/", 0, MS_MOVE, 0);
	if (rc >= 0)
		rc = clear(mount_of(old), mount_of(self.root));
	return rc < 0 ? rc : sys1(__NR_chroot, ".");
}
