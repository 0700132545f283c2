/* The system call filter, the last thing before the program. */
#include "child.h"
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#define SIGKILL 9
#define SIGCHLD 17
#define SA_NOCLDWAIT_ 2
#define PROT_READ_WRITE 3
#define POLL_NANOSECONDS 20000

struct filter {
	unsigned short len;
	const void *code;
};

/* What the process and its messenger tell each other, in memory: the process
 * makes no call for it. */
enum { NOT_YET = -0x10000 };
struct hand_over {
	volatile long listener; /* or the negative errno of seccomp(2) */
};

static long load(const struct op *op, unsigned long flags)
{
	struct filter filter = {(unsigned short)(op->n[0] / 8), self.plan + op->s[0]};

	return sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, op->n[1] | flags, &filter);
}

/* messenger has the descriptors of the process, but not its filter. It sends the
 * listener, and ends. */
__attribute__((noreturn)) static void messenger(struct hand_over *h, long parent)
{
	const struct timespec64 pause = {0, POLL_NANOSECONDS};

	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	while (h->listener == NOT_YET && sys0(__NR_getppid) == parent)
		sys2(__NR_nanosleep, &pause, 0);
	if (h->listener >= 0)
		tell(MSG_LISTENER, 0, h->listener);
	leave(0);
}

/* The messenger is to leave no zombie: nobody could wait for it under the filter.
 * execve(2) resets the flag. */
static void watch_children(int yes)
{
	struct action standard = {.flags = yes ? 0 : SA_NOCLDWAIT_};

	sys4(__NR_rt_sigaction, SIGCHLD, &standard, 0, 8);
	self.unwatched = !yes;
}

/* A hook after the filter is waited for. */
void expect_child(void)
{
	if (self.unwatched)
		watch_children(1);
}

/* The agent may be asked about every call of a process with the filter, also
 * about those by which it gets the listener. So a messenger without the filter
 * sends that, and the one call left is the wait for the answer. If that call is
 * answered by the agent, or refused by the filter, there is nothing to wait for
 * any more: an agent that answers has its listener. */
static long load_notifying(const struct op *op)
{
	struct message m;
	long rc, pid, me = sys0(__NR_getpid);
	struct hand_over *h;

	rc = sys6(__NR_mmap, 0, sizeof(*h), PROT_READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rc < 0 && rc > -4096)
		return rc;
	h = (struct hand_over *)rc;
	h->listener = NOT_YET;
	watch_children(0);
	pid = sys5(__NR_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		messenger(h, me);
	if (pid < 0)
		return failed_at(PART_SEND, pid);
	rc = load(op, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	h->listener = rc;
	if (rc < 0)
		return rc;
	do
		rc = sys3(__NR_read, self.socket, &m, sizeof(m));
	while (rc == -EINTR);
	if (rc == 0) /* the other side has given up */
		leave(1);
	return 0;
}

long op_seccomp(const struct op *op) { return op->flags & SECCOMP_NOTIFY ? load_notifying(op) : load(op, 0); }
