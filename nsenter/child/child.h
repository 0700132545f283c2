/* The child: one process that carries out a plan and becomes the container's
 * program.
 *
 * Unless its comment says otherwise, a function returns 0 or a positive result,
 * and a negative errno on failure. Before it fails, it names the part that failed
 * with failed_at(). Nothing here decides policy: which errors an op tolerates is
 * fixed and documented at its function. */
#ifndef RUNNEL_CHILD_H
#define RUNNEL_CHILD_H

#include "plan.h"
#include "sys.h"

struct child {
	struct op *op; /* the op that is carried out */
	long socket;   /* the conversation: with the parent, later with `start` */
	long root;     /* O_PATH of the container's root, -1 before op_root */
	long proc;     /* O_PATH of a verified procfs, -1 if not open */
	long hidden;   /* the empty tmpfs that hides directories, -1 before its first use */
	long ruleset;  /* of Landlock, -1 if there is none */
	long null;     /* the device that hides files, -1 before its first use */
	int unwatched; /* exited children aren't waited for (seccomp.c) */
	int joined;    /* in another process' namespaces: nothing reached by path is trusted */
	uint32_t part; /* set by failed_at() */
	uint32_t status;
	uint32_t text_len;
	char text[MESSAGE_TEXT]; /* details of a failure, or output of a hook */
	const char *program;     /* the result of op_resolve_exec */
	char *home;              /* "HOME=…" of op_home */
};

extern struct child self;

/* harden.c */

/* harden is to be called before any other function, with the stack of execve(2). */
void harden(long *stack);

/* message.c */

/* failed_at records the part of the op that fails, and returns rc. */
long failed_at(enum part part, long rc);
/* failed_with is failed_at for a hook that ended with a wait status. */
long failed_with(int status);
/* failed_text records details of a failure. */
void failed_text(const char *text, size_t len);
/* message_send sends a message with the recorded text, and with the descriptor fd
 * unless that is -1. */
long message_send(enum message_kind kind, long fd);
/* wait_proceed waits for the parent. If the parent has exited, or has given up and
 * closed the socket, it exits. */
void wait_proceed(void);
/* ask_tree asks the parent for the mount tree of the current step, and returns its
 * descriptor. If the parent can't make it, the child exits. */
long ask_tree(void);
/* report reports the failure rc of the current op. */
void report(long rc);
/* give_up reports the failure rc of the current op and exits. */
__attribute__((noreturn)) void give_up(long rc);
__attribute__((noreturn)) void leave(int status);

/* path.c: paths in the root. Descriptors are O_PATH and close-on-exec. */
long in_root(const char *path, uint64_t flags);
long in_root_plainly(const char *path);
long in_root_if(const char *path, uint64_t flags, int (*is)(long fd));
long make_directory(const char *path, unsigned mode);
long make_file(const char *path);
long split(const char *path, char *parent, const char **last);
long open_parent(const char *path, const char **last);

/* proc.c */
long open_proc(const char *path, uint64_t flags);
long write_proc(const char *path, const char *fallback, const char *value);

/* mount.c */
long attach_at(long tree, long at);
long attach(long tree, const char *target, int directory, int no_symlink);
long set_attr(long fd, uint64_t set, uint64_t clear, int recursive);
long clone_tree(const char *path, int recursive);
/* take_tree returns the first tree of an op_clone_tree that isn't taken yet. */
long take_tree(void);

/* mask.c */
long hide_directory(long at);

/* root.c */
uint64_t mount_of(long fd);

/* move.c */
long move_root(long old);

struct entry { /* struct linux_dirent64, getdents64(2) */
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* copy.c */
long copy_up(long from, long to);

/* exec.c */

/* set_home puts the HOME that op_home has found into the last entry of env. */
void set_home(char **env);

/* seccomp.c */
void expect_child(void);

#define OP_DECLARE(name, shape, run) long run(const struct op *op);
OPS(OP_DECLARE)

#endif
