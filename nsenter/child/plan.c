#include "child.h"

#define OP_SHAPE(name, shape, run) [OP_##name] = shape,
static const char shapes[OP_END][STR_SLOTS + 1] = {OPS(OP_SHAPE)};

/* The buffer ends in a NUL, so that a string that starts in it ends in it. A
 * vector doesn't reach to that byte. */
static long check_vector(char *base, uint64_t size, uint64_t at)
{
	uint64_t *v = (uint64_t *)(void *)(base + at);

	for (; at + 8 < size; at += 8, v++) {
		if (*v == 0)
			return 0;
		if (*v >= size)
			return -EBADMSG;
		*v += (uint64_t)(uintptr_t)base;
	}
	return -EBADMSG;
}

/* What an op refers to stands behind all ops: a vector in their midst would
 * change, by becoming pointers, what has been checked already. */
static long check_op(char *base, uint64_t size, const struct plan_header *h, struct op *op)
{
	uint64_t ops_end = sizeof(*h) + (uint64_t)h->op_count * sizeof(*op);

	if (op->kind == OP_NONE || op->kind >= OP_END)
		return -EBADMSG;
	if (op->file != NO_FILE && op->file >= h->file_count)
		return -EBADMSG;
	for (int i = 0; i < STR_SLOTS; i++) {
		char shape = shapes[op->kind][i];
		uint32_t at = op->s[i];

		if (at >= size || (at != 0 && (at < ops_end || shape == '-')))
			return -EBADMSG;
		if (shape == 'v' && (at == 0 || at % 8 || check_vector(base, size, at) < 0))
			return -EBADMSG;
		if (shape == 'd' && (at == 0 || op->n[i] > size - at))
			return -EBADMSG;
	}
	return 0;
}

/* plan_check verifies that nothing in the plan points out of it, and turns the
 * offsets of vectors into pointers. */
long plan_check(char *base, uint64_t size)
{
	struct plan_header *h = (struct plan_header *)(void *)base;
	struct op *ops = (struct op *)(void *)(base + sizeof(*h));

	if (size < sizeof(*h) + 1 || h->magic != PLAN_MAGIC || h->total != size ||
	    h->op_size != sizeof(*ops) || h->kinds != OP_END || base[size - 1] != 0)
		return -EBADMSG;
	if (h->op_count > (size - sizeof(*h) - 1) / sizeof(*ops))
		return -EBADMSG;
	for (uint32_t i = 0; i < h->op_count; i++)
		if (check_op(base, size, h, &ops[i]) < 0)
			return -EBADMSG;
	return 0;
}

long op_file(const struct op *op)
{
	if (op->file == NO_FILE)
		return -1;
	return (long)self.header->first_file + op->file;
}
