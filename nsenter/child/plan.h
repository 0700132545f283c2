/* The plan that the child carries out. */
#ifndef RUNNEL_PLAN_H
#define RUNNEL_PLAN_H

#include "wire.h"

struct plan {
	char *base; /* where it is mapped */
	struct plan_header *header;
	struct op *ops;
};

extern struct plan plan;

/* plan_load verifies that nothing in the plan of size bytes at base refers to
 * anything outside of it, turns the offsets in vectors into pointers, and sets
 * plan. It returns 0, or -EBADMSG for an invalid plan. */
long plan_load(char *base, uint64_t size);

/* str_of returns a string, "" if it is absent. */
static inline const char *str_of(struct str s) { return s.at ? plan.base + s.at : ""; }

/* vec_of returns a vector of strings, which ends in a null pointer. */
static inline char **vec_of(struct vec v) { return (char **)(void *)(plan.base + v.at); }

/* data_of returns a block of data.size bytes, aligned to 8. */
static inline void *data_of(struct data d) { return plan.base + d.at; }

/* op_file returns the descriptor of the op's file, -1 if it has none. */
static inline long op_file(const struct op *op)
{
	return op->file == NO_FILE ? -1 : (long)plan.header->first_file + op->file;
}

#endif
