/* Settings of the process that execve(2) keeps. */
#include "child.h"

#define IOPRIO_WHO_PROCESS 1

struct rlimit64_ {
	uint64_t soft, hard;
};

long op_umask(const struct op *op)
{
	sys1(__NR_umask, op->n[0]);
	return 0;
}

long op_rlimit(const struct op *op)
{
	struct rlimit64_ limit = {op->n[1], op->n[2]};

	return sys4(__NR_prlimit64, 0, op->n[0], &limit, 0);
}

long op_scheduler(const struct op *op) { return sys3(__NR_sched_setattr, 0, self.plan + op->s[0], 0); }

long op_io_priority(const struct op *op) { return sys3(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0, op->n[0]); }

long op_personality(const struct op *op) { return sys1(__NR_personality, op->n[0]); }

long op_memory_policy(const struct op *op)
{
	uint64_t bits = op->n[0] * 8;

	return sys3(__NR_set_mempolicy, op->n[1], bits ? self.plan + op->s[0] : 0, bits ? bits + 1 : 0);
}
