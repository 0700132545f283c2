/* The system call filter, the last step before the program. */
#include "child.h"
#include <linux/filter.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/time_types.h>

#define POLL_NANOSECONDS 20000

/* The process passes its listener to the messenger in shared memory, because that
 * needs no system call. */
enum { NOT_YET = -0x10000 };
struct shared {
	volatile long listener; /* or the negative errno of seccomp(2) */
};

static long load(const struct op *op, unsigned long flags)
{
	struct data code = op->seccomp.filter;
	struct sock_fprog filter = {(unsigned short)(code.size / sizeof(struct sock_filter)), data_of(code)};

	return sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, op->seccomp.flags | flags, &filter);
}

/* messenger shares the descriptors of the process, but not its filter. It sends the
 * listener and exits. */
__attribute__((noreturn)) static void messenger(struct shared *h, long parent)
{
	const struct __kernel_timespec pause = {0, POLL_NANOSECONDS};

	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	while (h->listener == NOT_YET && sys0(__NR_getppid) == parent)
		sys2(__NR_nanosleep, &pause, 0);
	if (h->listener >= 0)
		message_send(MSG_LISTENER, h->listener);
	leave(0);
}

/* The messenger must not leave a zombie, because the process may be unable to wait
 * for it with the filter. execve(2) resets the flag. */
static void watch_children(int yes)
{
	struct action standard = {.flags = yes ? 0 : SA_NOCLDWAIT};

	sys4(__NR_rt_sigaction, SIGCHLD, &standard, 0, sizeof(standard.mask));
	self.unwatched = !yes;
}

/* expect_child prepares for a hook after the filter, which is waited for. */
void expect_child(void)
{
	if (self.unwatched)
		watch_children(1);
}

/* The filter may ask the agent about every system call of the process, including
 * those that would send it the listener. Therefore a messenger without the filter
 * sends it, and the only remaining call is the one that waits for the answer. If
 * the agent answers that call, or the filter denies it, there is nothing to wait
 * for: an agent that answers has its listener. */
static long load_notifying(const struct op *op)
{
	struct message m;
	long rc, pid, me = sys0(__NR_getpid);
	struct shared *h;

	rc = sys6(__NR_mmap, 0, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rc < 0 && rc > -4096)
		return rc;
	h = (struct shared *)rc;
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
	if (rc == 0) /* the other side has closed the conversation */
		leave(1);
	return 0;
}

long op_seccomp(const struct op *op) { return op->flags & SECCOMP_NOTIFY ? load_notifying(op) : load(op, 0); }
