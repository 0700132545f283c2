/* The child: one process that walks a plan and becomes the container's program.
 *
 * Every function gives 0 or more, or a negative errno. Before it fails, a
 * function names the part that failed with failed_at(). Nothing here decides
 * policy: what an op tolerates is fixed and written at its function. */
#ifndef RUNNEL_CHILD_H
#define RUNNEL_CHILD_H

#include "sys.h"
#include "wire.h"

struct child {
	char *plan; /* the mapped plan */
	struct plan_header *header;
	struct op *op; /* the op that runs */
	long socket;   /* the conversation: with the parent, then with `start` */
	long root;     /* O_PATH of the container's root, -1 before op_root */
	long proc;     /* O_PATH of a verified procfs, -1 if not open */
	long hidden;   /* the empty tmpfs that hides directories, -1 before its first use */
	long null;     /* the device that hides files, -1 before its first use */
	int unwatched; /* the end of children isn't waited for (seccomp.c) */
	int joined;    /* in the namespaces of others: nothing reached by path is trusted */
	uint32_t part; /* what failed_at() named */
	uint32_t text_len;
	char text[MESSAGE_TEXT]; /* more about a failure */
	const char *program;     /* what op_resolve_exec found */
	char *home;              /* "HOME=…" of op_home */
};

extern struct child self;

/* plan.c */
long plan_check(char *base, uint64_t size);
static inline const char *op_str(const struct op *op, int slot)
{
	return op->s[slot] ? self.plan + op->s[slot] : "";
}
static inline char **op_vec(const struct op *op, int slot)
{
	return (char **)(void *)(self.plan + op->s[slot]);
}
long op_file(const struct op *op); /* the descriptor, -1 if the op has none */

/* message.c */
long failed_at(enum part part, long rc);
void failed_text(const char *text, size_t len);
long tell(uint32_t kind, uint32_t detail, long fd);
void wait_go(void);
__attribute__((noreturn)) void give_up(long rc);
__attribute__((noreturn)) void leave(int status);

/* path.c: paths in the root. Descriptors are O_PATH and close-on-exec. */
long in_root(const char *path, uint64_t flags);
long make_directory(const char *path, unsigned mode);
long make_file(const char *path);
long open_parent(const char *path, const char **last);

/* proc.c */
long write_proc(const char *path, const char *fallback, const char *value);

/* mount.c */
long attach(long tree, const char *target, int directory, int no_symlink);
long set_attr(long fd, uint64_t set, uint64_t clear, int recursive);
long clone_tree(const char *path, int recursive);
long copy_up(long from, long to);

/* seccomp.c */
void expect_child(void);

#define OP_DECLARE(name, shape, run) long run(const struct op *op);
OPS(OP_DECLARE)

#endif
