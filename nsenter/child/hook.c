/* Hooks that run on the container's side of the namespaces. */
#include "child.h"

#define SIGCHLD 17
#define SIGKILL 9
#define P_PIDFD 3
#define WEXITED 4
#define O_NONBLOCK_ 04000

struct siginfo { /* what waitid(2) fills in */
	int signo, err, code, pad;
	int pid, uid, status;
	int rest[32];
};

struct running {
	long pid, pidfd;
	long output;  /* what it prints */
	long failure; /* its errno, if it can't be executed */
};

__attribute__((noreturn)) static void become_hook(const struct op *op, long output, long failure)
{
	long rc;

	sys2(__NR_setpgid, 0, 0);
	sys3(__NR_lseek, op_file(op), 0, 0);
	sys3(__NR_dup3, op_file(op), 0, 0);
	sys3(__NR_dup3, output, 1, 0);
	sys3(__NR_dup3, output, 2, 0);
	sys3(__NR_dup3, failure, 3, 02000000);
	sys3(__NR_close_range, 4, ~0U, 0);
	rc = sys3(__NR_execve, op_str(op, 0), op_vec(op, 1), op_vec(op, 2));
	sys3(__NR_write, 3, &rc, sizeof(rc));
	leave(127);
}

static long start_hook(const struct op *op, struct running *hook)
{
	int output[2], failure[2];
	long rc = sys2(__NR_pipe2, output, 02000000 | O_NONBLOCK_);

	if (rc < 0)
		return rc;
	rc = sys2(__NR_pipe2, failure, 02000000);
	if (rc < 0)
		return rc;
	expect_child();
	rc = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (rc == 0)
		become_hook(op, output[1], failure[1]);
	sys_close(output[1]);
	sys_close(failure[1]);
	hook->pid = rc;
	hook->output = output[0];
	hook->failure = failure[0];
	hook->pidfd = rc < 0 ? rc : sys2(__NR_pidfd_open, rc, 0);
	return rc < 0 ? rc : hook->pidfd;
}

/* The beginning of what the hook prints is kept for the message. */
static int read_output(struct running *hook)
{
	char scratch[512];
	uint32_t room = MESSAGE_TEXT - self.text_len;
	long n;

	if (room > 0)
		n = sys3(__NR_read, hook->output, self.text + self.text_len, room);
	else
		n = sys3(__NR_read, hook->output, scratch, sizeof(scratch));
	if (n > 0 && room > 0)
		self.text_len += (uint32_t)n;
	return n > 0;
}

static int64_t now(void)
{
	struct timespec64 t;

	sys2(__NR_clock_gettime, 1, &t);
	return t.sec * 1000 + t.nsec / 1000000;
}

/* wait_hook gives 0 when the hook has ended, -ETIME when its time is over. A
 * grandchild that holds the pipe isn't waited for. */
static long wait_hook(struct running *hook, uint64_t seconds)
{
	int64_t end = now() + (int64_t)seconds * 1000;
	struct pollfd fds[2] = {{(int)hook->pidfd, POLLIN, 0}, {(int)hook->output, POLLIN, 0}};

	for (;;) {
		struct timespec64 left = {0, 0};
		int64_t ms = end - now();
		long n;

		if (seconds > 0 && ms <= 0)
			return -ETIME;
		left.sec = ms / 1000;
		left.nsec = (ms % 1000) * 1000000;
		n = sys5(__NR_ppoll, fds, 2, seconds > 0 ? &left : 0, 0, 0);
		if (n < 0 && n != -EINTR)
			return n;
		if (n > 0 && (fds[1].revents & POLLIN))
			read_output(hook);
		else if (n > 0 && (fds[1].revents & POLLHUP))
			fds[1].fd = -1;
		if (n > 0 && (fds[0].revents & POLLIN))
			return 0;
	}
}

static long reap(struct running *hook, int *status)
{
	struct siginfo info;
	long rc = sys5(__NR_waitid, P_PIDFD, hook->pidfd, &info, WEXITED, 0);

	if (rc < 0)
		return rc;
	/* as wait(2) has it: the code of an exit in the second byte */
	*status = info.code == 1 ? info.status << 8 : info.status;
	return 0;
}

long op_hook(const struct op *op)
{
	struct running hook;
	long failure = 0, waited, rc = start_hook(op, &hook);
	int status = 0;

	if (rc < 0)
		return failed_at(PART_EXEC, rc);
	waited = wait_hook(&hook, op->n[0]);
	if (waited < 0)
		sys2(__NR_kill, -hook.pid, SIGKILL);
	rc = reap(&hook, &status);
	while (read_output(&hook))
		;
	if (sys3(__NR_read, hook.failure, &failure, sizeof(failure)) != sizeof(failure))
		failure = 0;
	sys_close(hook.output);
	sys_close(hook.failure);
	sys_close(hook.pidfd);
	if (rc < 0)
		return rc;
	if (waited < 0)
		return failed_at(PART_TIMEOUT, waited);
	if (failure < 0)
		return failed_at(PART_EXEC, failure);
	if (status == 0) {
		self.text_len = 0;
		return 0;
	}
	/* The number that goes with PART_STATUS is a wait status, not an errno. */
	return failed_at(PART_STATUS, -(long)status);
}
