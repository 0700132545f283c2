/* Settings of the process that execve(2) keeps. */
#include "child.h"
#include <linux/ioprio.h>
#include <linux/resource.h>

long op_umask(const struct op *op)
{
	sys1(__NR_umask, op->umask.mask);
	return 0;
}

long op_rlimit(const struct op *op)
{
	struct rlimit64 limit = {op->rlimit.soft, op->rlimit.hard};

	return sys4(__NR_prlimit64, 0, op->rlimit.resource, &limit, 0);
}

long op_scheduler(const struct op *op) { return sys3(__NR_sched_setattr, 0, data_of(op->scheduler.attr), 0); }

long op_io_priority(const struct op *op)
{
	return sys3(__NR_ioprio_set, IOPRIO_WHO_PROCESS, 0, op->io_priority.value);
}

long op_personality(const struct op *op) { return sys1(__NR_personality, op->personality.domain); }

long op_memory_policy(const struct op *op)
{
	struct data mask = op->memory_policy.mask;
	uint64_t bits = (uint64_t)mask.size * 8;

	/* The kernel reads one bit less than the number passed. */
	return sys3(__NR_set_mempolicy, op->memory_policy.mode, bits ? data_of(mask) : 0,
		    bits ? bits + 1 : 0);
}
