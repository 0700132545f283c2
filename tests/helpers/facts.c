/* facts [NAME…] prints settings of this process from the kernel, one line for each:
 *   scheduler    policy nice priority runtime/deadline/period flags
 *   ioprio       class priority
 *   mempolicy    mode with flags, nodes as a bit mask
 *   personality  in hexadecimal
 *   keyring      the session keyring: type;uid;gid;permissions;description, or an error
 *   plant NAME   creates a keyring of this name that all may search, and waits
 *   clocks       seconds of monotonic and boottime */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct attributes { /* struct sched_attr, sched_setattr(2) */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t min, max;
};

static void scheduler(void)
{
	struct attributes a = {0};

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0)
		err(1, "sched_getattr");
	if (a.policy != 6) /* for SCHED_OTHER it is the slice, which the kernel chooses */
		a.runtime = 0;
	printf("%u %d %u %llu/%llu/%llu %llx\n", a.policy, a.nice, a.priority, (unsigned long long)a.runtime,
	       (unsigned long long)a.deadline, (unsigned long long)a.period, (unsigned long long)a.flags);
}

static void io_priority(void)
{
	long value = syscall(SYS_ioprio_get, 1, 0);

	printf("%ld %ld\n", value >> 13, value & 7);
}

static void memory_policy(void)
{
	unsigned long nodes[16] = {0};
	int mode;

	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, 0, 0) < 0)
		err(1, "get_mempolicy");
	printf("%x %lx\n", mode, nodes[0]);
}

static void keyring(void)
{
	char text[512] = "";

	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text) - 1) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	puts(text);
}

static void plant(const char *name)
{
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);

	if (key < 0 || syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f) < 0)
		err(1, "keyring %s", name);
	puts("planted");
	fflush(stdout);
	pause();
}

static void clocks(void)
{
	struct timespec monotonic, boottime;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boottime);
	printf("%lld %lld\n", (long long)monotonic.tv_sec, (long long)boottime.tv_sec);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "scheduler"))
			scheduler();
		else if (!strcmp(argv[i], "ioprio"))
			io_priority();
		else if (!strcmp(argv[i], "mempolicy"))
			memory_policy();
		else if (!strcmp(argv[i], "personality"))
			printf("%x\n", personality(0xffffffff));
		else if (!strcmp(argv[i], "keyring"))
			keyring();
		else if (!strcmp(argv[i], "plant") && argv[i + 1])
			plant(argv[i + 1]);
		else if (!strcmp(argv[i], "clocks"))
			clocks();
		else
			errx(2, "no fact: %s", argv[i]);
	}
	return 0;
}
