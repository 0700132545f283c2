/* Hooks that run on the container's side of the namespaces. */
#include "child.h"

#define SIGCHLD 17
#define SIGKILL 9
#define P_PIDFD 3
#define WEXITED 4
#define O_NONBLOCK_ 04000
#define F_SETFL 4

/* What is kept of a hook's output: so much of its beginning and of its end. */
#define HEAD 1024
#define TAIL 1000
#define MOST_LEFT 65536 /* what a pipe holds, pipe(7) */

struct siginfo { /* what waitid(2) fills in */
	int signo, err, code, pad;
	int pid, uid, status;
	int rest[32];
};

struct running {
	long pid, pidfd;
	long output; /* what it prints */
	uint64_t printed;
	char tail[TAIL]; /* the end of it, beyond HEAD bytes; full if more was printed */
	uint32_t tail_len;
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
	long rc = sys2(__NR_pipe2, output, 02000000);

	/* Only our end: the hook is to wait where the pipe is full. */
	if (rc >= 0)
		rc = sys3(__NR_fcntl, output[0], F_SETFL, O_NONBLOCK_);
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

static void keep_end(struct running *hook, const char *text, uint32_t len)
{
	if (len >= TAIL) {
		memcpy(hook->tail, text + len - TAIL, TAIL);
		hook->tail_len = TAIL;
		return;
	}
	if (hook->tail_len + len > TAIL) {
		uint32_t drop = hook->tail_len + len - TAIL;

		/* forwards, byte by byte: the two may overlap */
		memcpy(hook->tail, hook->tail + drop, hook->tail_len - drop);
		hook->tail_len -= drop;
	}
	memcpy(hook->tail + hook->tail_len, text, len);
	hook->tail_len += len;
}

/* read_output takes what is there. Beyond what is kept it is read as well, so that
 * the hook isn't held up. */
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

/* join_output puts beginning and end together. libcontainer/hookoutput.go has the
 * same words for what is missing. */
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

/* drain reads what the hook has left. What goes on printing behind its back isn't
 * followed for ever. */
static void drain(struct running *hook)
{
	long n, got = 0;

	while (got < MOST_LEFT && (n = read_output(hook)) > 0)
		got += n;
	join_output(hook);
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

/* op_hook: what the hook has printed goes with the error, or to the log. At its
 * timeout its process group is killed; what has left that is out of reach. */
long op_hook(const struct op *op)
{
	struct running hook = {.printed = 0, .tail_len = 0};
	long failure = 0, waited, rc = start_hook(op, &hook);
	int status = 0;

	if (rc < 0)
		return failed_at(PART_EXEC, rc);
	waited = wait_hook(&hook, op->n[0]);
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
		/* Whoever isn't there any more doesn't need to know. */
		if (self.text_len > 0)
			tell(MSG_OUTPUT, 0, -1);
		return 0;
	}
	/* The number that goes with PART_STATUS is a wait status, not an errno. */
	return failed_at(PART_STATUS, -(long)status);
}
