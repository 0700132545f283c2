/* Hooks that run in the container's namespaces. */
#include "child.h"
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/wait.h>

/* The bytes that are kept of the beginning and of the end of a hook's output. */
#define HEAD 1024
#define TAIL 1000
#define PIPE_SIZE 65536 /* pipe(7) */

struct running {
	long pid, pidfd;
	long output;      /* the reading end of a pipe */
	uint64_t printed; /* bytes read from it */
	char tail[TAIL];  /* the end of the output, without its first HEAD bytes */
	uint32_t tail_len;
	long failure; /* the reading end of a pipe: the errno if execve(2) fails */
};

__attribute__((noreturn)) static void become_hook(const struct op *op, long output, long failure)
{
	char **env = vec_of(op->hook.env);
	long rc;

	sys2(__NR_setpgid, 0, 0);
	if (!(op->flags & HOOK_IN_ROOT))
		sys1(__NR_fchdir, self.root);
	if (op->flags & HOOK_HOME)
		set_home(env);
	sys3(__NR_lseek, op_file(op), 0, 0);
	sys3(__NR_dup3, op_file(op), 0, 0);
	sys3(__NR_dup3, output, 1, 0);
	sys3(__NR_dup3, output, 2, 0);
	sys3(__NR_dup3, failure, 3, O_CLOEXEC);
	sys3(__NR_close_range, 4, ~0U, 0);
	rc = sys3(__NR_execve, str_of(op->hook.path), vec_of(op->hook.args), env);
	sys3(__NR_write, 3, &rc, sizeof(rc));
	leave(127);
}

static long start_hook(const struct op *op, struct running *hook)
{
	int output[2], failure[2];
	long rc = sys2(__NR_pipe2, output, O_CLOEXEC);

	/* Only our end: the hook has to wait if the pipe is full. */
	if (rc >= 0)
		rc = sys3(__NR_fcntl, output[0], F_SETFL, O_NONBLOCK);
	if (rc < 0)
		return rc;
	rc = sys2(__NR_pipe2, failure, O_CLOEXEC);
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

/* keep_end keeps the last TAIL bytes of the output. */
static void keep_end(struct running *hook, const char *text, uint32_t len)
{
	if (len >= TAIL) {
		memcpy(hook->tail, text + len - TAIL, TAIL);
		hook->tail_len = TAIL;
		return;
	}
	if (hook->tail_len + len > TAIL) {
		uint32_t drop = hook->tail_len + len - TAIL;

		memmove(hook->tail, hook->tail + drop, hook->tail_len - drop);
		hook->tail_len -= drop;
	}
	memcpy(hook->tail + hook->tail_len, text, len);
	hook->tail_len += len;
}

/* read_output reads what the hook has printed. It reads more than it keeps, so that
 * the hook isn't blocked. */
static long read_output(struct running *hook)
{
	char text[4096];
	long n = sys3(__NR_read, hook->output, text, sizeof(text));
	uint32_t head;

	if (n <= 0)
		return n;
	head = HEAD - self.text_len;
	if (head > n)
		head = (uint32_t)n;
	memcpy(self.text + self.text_len, text, head);
	self.text_len += head;
	keep_end(hook, text + head, (uint32_t)n - head);
	hook->printed += (uint64_t)n;
	return n;
}

/* join_output joins the beginning and the end. libcontainer has the same mark for
 * what is omitted. */
static void join_output(struct running *hook)
{
	static const char cut[] = "\n[...]\n";

	if (hook->printed > HEAD + TAIL) {
		memcpy(self.text + self.text_len, cut, sizeof(cut) - 1);
		self.text_len += sizeof(cut) - 1;
	}
	memcpy(self.text + self.text_len, hook->tail, hook->tail_len);
	self.text_len += hook->tail_len;
}

_Static_assert(HEAD + TAIL + 16 <= MESSAGE_TEXT, "a hook's output");

/* drain reads the rest of the output. A process that the hook left behind and that
 * continues to print is not waited for. */
static void drain(struct running *hook)
{
	long n, got = 0;

	while (got < PIPE_SIZE && (n = read_output(hook)) > 0)
		got += n;
	join_output(hook);
}

static int64_t milliseconds(void)
{
	struct __kernel_timespec t;

	sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* wait_hook returns 0 when the hook has exited, -ETIME after its timeout. A
 * grandchild that holds the pipe open isn't waited for. */
static long wait_hook(struct running *hook, uint64_t seconds)
{
	int64_t end = milliseconds() + (int64_t)seconds * 1000;
	struct pollfd fds[2] = {{(int)hook->pidfd, POLLIN, 0}, {(int)hook->output, POLLIN, 0}};

	for (;;) {
		struct __kernel_timespec left = {0, 0};
		int64_t ms = end - milliseconds();
		long n;

		if (seconds > 0 && ms <= 0)
			return -ETIME;
		left.tv_sec = ms / 1000;
		left.tv_nsec = (ms % 1000) * 1000000;
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

/* reap sets *status to the wait status of the hook. */
static long reap(struct running *hook, int *status)
{
	siginfo_t info;
	long rc = sys5(__NR_waitid, P_PIDFD, hook->pidfd, &info, WEXITED, 0);

	if (rc < 0)
		return rc;
	/* A wait status, wait(2), has the exit code in its second byte. */
	*status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	return 0;
}

/* op_hook sends the hook's output with the error, or for the log. After the timeout
 * it kills the hook's process group; a process that has left the group survives. */
long op_hook(const struct op *op)
{
	struct running hook = {.printed = 0, .tail_len = 0};
	long failure = 0, waited, rc = start_hook(op, &hook);
	int status = 0;

	if (rc < 0)
		return failed_at(PART_EXEC, rc);
	waited = wait_hook(&hook, op->hook.timeout);
	if (waited < 0)
		sys2(__NR_kill, -hook.pid, SIGKILL);
	rc = reap(&hook, &status);
	drain(&hook);
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
		/* An error here means that the other side has exited. */
		if (self.text_len > 0)
			message_send(MSG_OUTPUT, -1);
		return 0;
	}
	return failed_with(status);
}
