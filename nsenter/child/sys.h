/* System calls without a C library: each returns the kernel's result, a negative
 * errno on failure. The child has no allocator, no stdio and no errno. Constants
 * and structs are those of the kernel's headers, as far as these have them. */
#ifndef RUNNEL_SYS_H
#define RUNNEL_SYS_H

#include <asm/signal.h>
#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
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
#error "nsenter/child/sys.h supports x86_64, aarch64 and riscv64"
#endif
}

#define sys0(n) sys_raw(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys_raw(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys_raw(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys_raw(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, e) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys6(n, a, b, c, d, e, f) sys_raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* What the kernel's headers for user space leave to a C library: unix(7), send(2),
 * socket(2), umount2(2), statfs(2), faccessat(2). All of it is the same on every
 * architecture of the child. */
#define AF_INET 2
#define SOCK_DGRAM 2
#define SOCK_CLOEXEC O_CLOEXEC
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8
#define ST_NOEXEC 8
#define ST_RELATIME 4096
#define X_OK 1
#define MAKEDEV(ma, mi) ((((ma)&0xfffU) << 8) | ((mi)&0xffU) | (((mi)&0xfff00U) << 12))

struct iovec;

struct msghdr {
	void *name;
	int namelen;
	int pad0;
	struct iovec *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
	int flags;
	int pad1;
};

struct cmsg_fd { /* a control message that carries one or two descriptors, unix(7) */
	size_t len;
	int level;
	int type;
	int fd;
	int second;
};

/* cmsg_of returns the control message for a descriptor. */
static inline struct cmsg_fd cmsg_of(int fd)
{
	return (struct cmsg_fd){sizeof(struct cmsg_fd) - sizeof(int), SOL_SOCKET, SCM_RIGHTS, fd, 0};
}

/* cmsg_of_two returns the control message for two descriptors. */
static inline struct cmsg_fd cmsg_of_two(int fd, int second)
{
	return (struct cmsg_fd){sizeof(struct cmsg_fd), SOL_SOCKET, SCM_RIGHTS, fd, second};
}

struct action { /* the kernel's struct sigaction, rt_sigaction(2) */
	void (*handler)(int);
	unsigned long flags;
#ifdef SA_RESTORER /* not on riscv */
	void (*restorer)(void);
#endif
	uint64_t mask;
};

struct file_status { /* the fields of statx(2) that the child uses */
	unsigned mode;
	unsigned rdev_major;
	unsigned rdev_minor;
	unsigned uid;
	unsigned gid;
	unsigned nlink;
	uint64_t size;
	uint64_t ino;
	uint64_t mount; /* the id of the mount that it was reached through */
};

struct reader { /* at and end are 0 at the start */
	long fd;
	size_t at, end;
	int64_t seconds; /* the time after which the file ends, 0 for no limits */
	uint64_t max;    /* the number of bytes after which it ends */
	char buf[16384];
};

/* next_byte returns -1 at the end of the file, and after an error. */
int next_byte(struct reader *r);

size_t str_len(const char *s);
int str_eq(const char *a, const char *b);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
/* join writes "a/b" to out, which has PATH_MAX bytes. It returns -ENAMETOOLONG if
 * that is too small. */
long join(char *out, const char *a, const char *b);
/* decimal writes n and a NUL to out and returns the number of digits. */
size_t decimal(char *out, uint64_t n);

/* sys_close closes fd unless it is negative. */
static inline long sys_close(long fd) { return fd < 0 ? 0 : sys1(__NR_close, fd); }
long file_stat(long fd, struct file_status *st);

/* is_regular and is_null report whether a descriptor is that of a regular file, or of the
 * null device. */
int is_regular(long fd);
int is_null(long fd);
/* file_system returns the type of the file system of fd (linux/magic.h). */
long file_system(long fd);

#endif
