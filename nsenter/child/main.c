/* The entry point of the child: it maps the plan and carries it out. */
#include "child.h"
#include <linux/close_range.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>

#define LAST_SIGNAL 64

struct child self = {.socket = -1, .root = -1, .proc = -1, .hidden = -1, .ruleset = -1, .null = -1};

#define OP_RUN(name, shape, run) [OP_##name] = run,
static long (*const run[OP_END])(const struct op *) = {OPS(OP_RUN)};

/* number parses a descriptor. It returns -1 if s isn't one. */
static long number(const char *s)
{
	long n = 0;

	if (!s || !*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > 1000000)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

static long map_plan(long fd)
{
	struct file_status st;
	long at;

	if (file_stat(fd, &st) < 0 || st.size == 0 || st.size > 0xffffffffU)
		return -EBADMSG;
	at = sys6(__NR_mmap, 0, st.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at < 0 && at > -4096)
		return at;
	if (plan_load((char *)at, st.size) < 0)
		return -EBADMSG;
	self.socket = plan.header->socket;
	/* The descriptor after the plan's is that of the executable. */
	sys3(__NR_close_range, fd, fd + 1, 0);
	return 0;
}

/* Every descriptor except the standard streams and those that the program
 * inherits is marked close-on-exec; close_range(2) has the flag since 5.11. */
static void mark_close_on_exec(void)
{
	struct plan_header *h = plan.header;
	long first = 3 + (long)h->preserve_fds;

	if (sys3(__NR_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (long fd = first; fd < (long)(h->first_file + h->file_count); fd++)
		sys3(__NR_fcntl, fd, F_SETFD, 1);
	sys3(__NR_fcntl, self.socket, F_SETFD, 1);
	/* Descriptors beyond these are those that the runtime's caller left open. */
	sys3(__NR_close_range, h->first_file + h->file_count, ~0U, 0);
}

/* The signals that the caller of the runtime ignores or blocks (nohup, a shell's
 * background job, a service manager) have no effect on the container. */
static void reset_signals(void)
{
	struct action standard = {0};
	uint64_t none = 0;

	for (int s = 1; s <= LAST_SIGNAL; s++)
		sys4(__NR_rt_sigaction, s, &standard, 0, sizeof(none));
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none));
}

/* The times at which the child has begun and each step has ended, for a parent that traces
 * it; 0 without one. The memory is shared with the parent and unmapped before a filter,
 * which may refuse the clock, and before the container waits for `start`, when others may
 * be able to look into this process. execve(2) unmaps it, too. */
static volatile int64_t *times;
static uint64_t times_size;

static void map_times(void)
{
	struct file_status st;
	long at, fd = plan.header->trace;

	if (fd == 0)
		return;
	if (file_stat(fd, &st) == 0 && st.size >= (plan.header->op_count + 1) * sizeof(*times)) {
		at = sys6(__NR_mmap, 0, st.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at > 0 || at < -4096) {
			times = (volatile int64_t *)at;
			times_size = st.size;
		}
	}
	sys_close(fd);
}

/* The clock is that of the day, because time namespaces don't have one of their own. */
static void stamp(uint32_t i)
{
	struct __kernel_timespec now = {0, 0};

	if (!times)
		return;
	sys2(__NR_clock_gettime, CLOCK_REALTIME, &now);
	times[i] = now.tv_sec * 1000000000 + now.tv_nsec;
}

static void unmap_times(const struct op *next)
{
	if (times && (next->kind == OP_SECCOMP || (next->kind == OP_WAIT_START && op_file(next) >= 0))) {
		sys2(__NR_munmap, (long)times, times_size);
		times = 0;
	}
}

/* argv[1] is the number of the plan's descriptor. What follows is for others who look at
 * the command line. */
__attribute__((noreturn, used, no_stack_protector)) void child_main(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);

	harden(stack);
	if (argc < 2 || map_plan(number(argv[1])) < 0)
		leave(124);
	mark_close_on_exec();
	/* Otherwise ps would show the number of the executable's descriptor. */
	sys2(__NR_prctl, PR_SET_NAME, "runnel-init");
	reset_signals();
	sys1(__NR_umask, 0);
	map_times();
	stamp(0);
	for (uint32_t i = 0; i < plan.header->op_count; i++) {
		long rc;

		self.op = &plan.ops[i];
		self.part = PART_NONE;
		self.text_len = 0;
		unmap_times(self.op);
		rc = run[self.op->kind](self.op);
		stamp(i + 1);
		if (rc < 0)
			give_up(rc);
	}
	leave(0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall child_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29,#0\n\tmov x0,sp\n\tbl child_main\n");
#elif defined(__riscv)
/* The linker addresses data relative to gp. */
__asm__(".globl _start\n_start:\n"
	"\t.option push\n\t.option norelax\n\tla gp,__global_pointer$\n\t.option pop\n"
	"\tmv a0,sp\n\tcall child_main\n");
#endif
