#include "plan.h"
#include <linux/errno.h>

#define OP_SHAPE(name, shape, run) [OP_##name] = shape,
static const char shapes[OP_END][MAX_REFS + 1] = {OPS(OP_SHAPE)};

struct plan plan;

/* The plan ends in a NUL, so that every string that starts in it ends in it. A
 * vector must not include that byte. */
static int vector_is_valid(char *base, uint64_t size, uint64_t at)
{
	uint64_t *v = (uint64_t *)(void *)(base + at);

	for (; at + 8 < size; at += 8, v++) {
		if (*v == 0)
			return 1;
		if (*v >= size)
			return 0;
		*v += (uint64_t)(uintptr_t)base;
	}
	return 0;
}

/* Everything that an op refers to is behind the last op: a vector among the ops
 * would modify, by turning into pointers, what has been checked already. */
static int op_is_valid(char *base, uint64_t size, const struct plan_header *h, const struct op *op)
{
	uint64_t ops_end = sizeof(*h) + (uint64_t)h->op_count * sizeof(*op);
	const uint32_t *ref = op->refs;

	if (op->kind == OP_NONE || op->kind >= OP_END)
		return 0;
	if (op->file != NO_FILE && op->file >= h->file_count)
		return 0;
	for (const char *shape = shapes[op->kind]; *shape; shape++) {
		uint32_t at = *ref++;

		if (at == 0 ? *shape != 's' : at < ops_end || at >= size)
			return 0;
		if (*shape == 'v' && (at % 8 || !vector_is_valid(base, size, at)))
			return 0;
		if (*shape == 'd' && *ref++ > size - at)
			return 0;
	}
	return 1;
}

long plan_load(char *base, uint64_t size)
{
	struct plan_header *h = (struct plan_header *)(void *)base;
	struct op *ops = (struct op *)(void *)(base + sizeof(*h));

	if (size < sizeof(*h) + 1 || h->magic != PLAN_MAGIC || h->total != size || base[size - 1] != 0)
		return -EBADMSG;
	if (h->op_count > (size - sizeof(*h) - 1) / sizeof(*ops))
		return -EBADMSG;
	for (uint32_t i = 0; i < h->op_count; i++)
		if (!op_is_valid(base, size, h, &ops[i]))
			return -EBADMSG;
	plan = (struct plan){base, h, ops};
	return 0;
}
