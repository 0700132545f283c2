/* System calls without a C library: each returns the kernel's answer, a negative
 * errno on failure. The child has no allocator, no stdio and no errno. */
#ifndef RUNNEL_SYS_H
#define RUNNEL_SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>

static inline long sys_raw(long n, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#elif defined(__riscv)
	register long a7 __asm__("a7") = n;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;
	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
#else
#error "nsenter/child/sys.h knows x86_64, aarch64 and riscv64"
#endif
}

#define sys0(n) sys_raw(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys_raw(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys_raw(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys_raw(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, e) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys6(n, a, b, c, d, e, f) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* What the kernel's headers for user space leave to a C library. */
#ifndef O_PATH
#define O_PATH 010000000
#endif
#define MAJOR(d) ((unsigned)(((d) >> 8) & 0xfff))
#define MINOR(d) ((unsigned)(((d)&0xff) | (((d) >> 12) & 0xfff00)))
#define MAKEDEV(ma, mi) ((((ma)&0xfffU) << 8) | ((mi)&0xffU) | (((mi)&0xfff00U) << 12))
#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

struct cmsg_fd { /* a control message that carries one descriptor, unix(7) */
	size_t len;
	int level;
	int type;
	int fd;
	int pad;
};

struct iov {
	const void *base;
	size_t len;
};

struct msghdr {
	void *name;
	int namelen;
	int pad0;
	struct iov *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
	int flags;
	int pad1;
};

struct timespec64 {
	int64_t sec;
	int64_t nsec;
};

struct action { /* of a signal, as rt_sigaction(2) has it */
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

struct pollfd {
	int fd;
	short events;
	short revents;
};

struct file_status { /* the fields of statx(2) that the child looks at */
	unsigned mode;
	unsigned rdev_major;
	unsigned rdev_minor;
	unsigned uid;
	unsigned gid;
	unsigned nlink;
	uint64_t size;
	uint64_t ino;
	uint64_t mount; /* the id of the mount that it was reached by */
};

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000
#define POLLIN 1
#define POLLHUP 16
#define F_SETFD 2
#define F_SETFL 4

size_t str_len(const char *s);
int str_eq(const char *a, const char *b);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
/* join writes "a/b" into out of PATH_MAX bytes; -ENAMETOOLONG if it doesn't fit. */
long join(char *out, const char *a, const char *b);
/* decimal writes n with a NUL into out and gives the length. */
size_t decimal(char *out, uint64_t n);

static inline long sys_close(long fd) { return fd < 0 ? 0 : sys1(__NR_close, fd); }
long file_stat(long fd, struct file_status *st);
long file_system(long fd); /* f_type of statfs(2) */

#endif
