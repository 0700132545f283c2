#include "sys.h"
#include <asm/statfs.h>
#include <linux/time.h>
#include <linux/time_types.h>

/* Without this attribute gcc may turn these loops into calls of the functions
 * that they implement. */
#define PLAIN __attribute__((optimize("no-tree-loop-distribute-patterns")))

PLAIN size_t str_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int str_eq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

PLAIN void *memcpy(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

PLAIN void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (t < f)
		for (size_t i = 0; i < n; i++)
			t[i] = f[i];
	else
		while (n--)
			t[n] = f[n];
	return to;
}

PLAIN void *memset(void *to, int c, size_t n)
{
	char *t = to;

	while (n--)
		*t++ = (char)c;
	return to;
}

long join(char *out, const char *a, const char *b)
{
	size_t la = str_len(a), lb = str_len(b);

	if (la + lb + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, a, la);
	if (la > 0 && lb > 0)
		out[la++] = '/';
	memcpy(out + la, b, lb + 1);
	return 0;
}

size_t decimal(char *out, uint64_t n)
{
	char tmp[24];
	size_t len = 0, i;

	do {
		tmp[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	for (i = 0; i < len; i++)
		out[i] = tmp[len - 1 - i];
	out[len] = 0;
	return len;
}

long file_stat(long fd, struct file_status *st)
{
	struct statx x;
	long rc = sys5(__NR_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
		       STATX_BASIC_STATS | STATX_MNT_ID, &x);

	if (rc < 0)
		return rc;
	st->mode = x.stx_mode;
	st->rdev_major = x.stx_rdev_major;
	st->rdev_minor = x.stx_rdev_minor;
	st->uid = x.stx_uid;
	st->gid = x.stx_gid;
	st->nlink = x.stx_nlink;
	st->size = x.stx_size;
	st->ino = x.stx_ino;
	st->mount = x.stx_mnt_id;
	return 0;
}

int is_regular(long fd)
{
	struct file_status st;

	return file_stat(fd, &st) >= 0 && (st.mode & S_IFMT) == S_IFREG;
}

int is_null(long fd)
{
	struct file_status st;

	return file_stat(fd, &st) >= 0 && (st.mode & S_IFMT) == S_IFCHR && st.rdev_major == 1 &&
	       st.rdev_minor == 3;
}

long file_system(long fd)
{
	struct statfs fs;
	long rc = sys2(__NR_fstatfs, fd, &fs);

	return rc < 0 ? rc : (long)fs.f_type;
}

/* is_exhausted counts the bytes and the time of what has been read. */
static int is_exhausted(struct reader *r)
{
	struct __kernel_timespec now = {0, 0};

	sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	if (r->end == 0)
		r->seconds += now.tv_sec;
	else
		r->max -= r->end < r->max ? r->end : r->max;
	return r->max == 0 || now.tv_sec > r->seconds;
}

int next_byte(struct reader *r)
{
	if (r->at == r->end) {
		long n = r->seconds && is_exhausted(r) ? 0 : sys3(__NR_read, r->fd, r->buf, sizeof(r->buf));

		if (n <= 0)
			return -1;
		r->at = 0;
		r->end = (size_t)n;
	}
	return (unsigned char)r->buf[r->at++];
}
