/* What parent and child tell each other: the encoded plan (nsenter/plan/encode.go)
 * and the messages of the conversation (nsenter/message.go). Both sides run on
 * the same machine, so that numbers have its byte order. */
#ifndef RUNNEL_WIRE_H
#define RUNNEL_WIRE_H

#include <stdint.h>

#define PLAN_MAGIC 0x314e4c504c4e4e52ULL
#define STR_SLOTS 5
#define NUM_SLOTS 6
#define NO_FILE 0xffffffffU

struct plan_header {
	uint64_t magic;
	uint64_t total;
	uint32_t op_size;
	uint32_t op_count;
	uint32_t first_file;
	uint32_t file_count;
	uint32_t preserve_fds;
	uint32_t socket;
	uint32_t kinds;
	uint32_t reserved;
};

struct op {
	uint16_t kind;
	uint16_t flags;
	uint32_t file;
	uint32_t s[STR_SLOTS];
	uint32_t reserved;
	uint64_t n[NUM_SLOTS];
};

_Static_assert(sizeof(struct plan_header) == 48, "plan header");
_Static_assert(sizeof(struct op) == 80, "op");

/* One line for each op: its name, the type of its s slots (s string, v vector
 * of strings, d data with its length in the n slot of the same number, - none)
 * and the function that carries it out. The order is that of plan.Kind. */
#define OPS(X)                                              \
	X(CGROUP, "-----", op_cgroup)                       \
	X(SET_UNDUMPABLE, "-----", op_set_undumpable)       \
	X(OOM_SCORE_ADJ, "-----", op_oom_score_adj)         \
	X(SESSION, "-----", op_session)                     \
	X(KEYRING, "-----", op_keyring)                     \
	X(AFFINITY, "d----", op_affinity)                   \
	X(JOIN, "-----", op_join)                           \
	X(JOIN_PROCESS, "s----", op_join_process)           \
	X(UNSHARE, "-----", op_unshare)                     \
	X(CHECKPOINT, "-----", op_checkpoint)               \
	X(BECOME_ROOT, "-----", op_become_root)             \
	X(FORK, "-----", op_fork)                           \
	X(LOOPBACK, "-----", op_loopback)                   \
	X(HOSTNAME, "s----", op_hostname)                   \
	X(DOMAINNAME, "s----", op_domainname)               \
	X(PROC, "-----", op_proc)                           \
	X(PROPAGATION, "s----", op_propagation)             \
	X(ROOT, "s----", op_root)                           \
	X(MOUNT, "sssvs", op_mount)                         \
	X(BIND, "-ss--", op_bind)                           \
	X(DIRECTORY, "s----", op_directory)                 \
	X(DEVICE, "ss---", op_device)                       \
	X(SYMLINK, "ss---", op_symlink)                     \
	X(ATTRIBUTES, "s----", op_attributes)               \
	X(HOOK, "svv--", op_hook)                           \
	X(MASK, "s----", op_mask)                           \
	X(READONLY, "s----", op_readonly)                   \
	X(SYSCTL, "ss---", op_sysctl)                       \
	X(LABEL, "sss--", op_label)                         \
	X(PIVOT, "-----", op_pivot)                         \
	X(CONSOLE, "-----", op_console)                     \
	X(STDIO, "-----", op_stdio)                         \
	X(UMASK, "-----", op_umask)                         \
	X(RLIMIT, "s----", op_rlimit)                       \
	X(SCHEDULER, "d----", op_scheduler)                 \
	X(IO_PRIORITY, "-----", op_io_priority)             \
	X(PERSONALITY, "-----", op_personality)             \
	X(MEMORY_POLICY, "d----", op_memory_policy)         \
	X(HOME, "-----", op_home)                           \
	X(CHDIR, "s----", op_chdir)                         \
	X(IDENTITY, "--d--", op_identity)                   \
	X(NO_NEW_PRIVILEGES, "-----", op_no_new_privileges) \
	X(CAPABILITIES, "-----", op_capabilities)           \
	X(RESOLVE_EXEC, "sv---", op_resolve_exec)           \
	X(CREATED, "-----", op_created)                     \
	X(WAIT_START, "-----", op_wait_start)               \
	X(SECCOMP, "d----", op_seccomp)                     \
	X(EXEC, "vv---", op_exec)

#define OP_ENUM(name, shape, run) OP_##name,
enum op_kind { OP_NONE, OPS(OP_ENUM) OP_END };

/* Flags of ops, bit by bit as visit.go numbers them. */
#define SESSION_TERMINAL 1U
#define PROC_PRIVATE 1U
#define MOUNT_COPY_UP 1U
#define MOUNT_INHERIT_MODE 2U
#define MOUNT_NO_SYMLINK 4U
#define BIND_RECURSIVE 1U
#define BIND_REPLACE 2U
#define BIND_NO_SYMLINK 4U
#define BIND_PROC_ONLY 8U
#define DEVICE_DEFAULT 1U
#define DEVICE_BIND 2U
#define SYMLINK_REPLACE 1U
#define ATTRIBUTES_RECURSIVE 1U
#define HOOK_IN_ROOT 1U
#define PIVOT_MOVE 1U
#define PIVOT_CHROOT 2U
#define CONSOLE_MOUNT 1U
#define CONSOLE_FOREIGN 2U
#define CHDIR_EARLY 1U
#define IDENTITY_SETGROUPS 1U
#define SECCOMP_NOTIFY 1U

/* Messages, as in message.go. */
enum message_kind {
	MSG_MAPS = 1,
	MSG_NAMESPACES = 2,
	MSG_LISTENER = 3,
	MSG_CREATED = 4,
	MSG_FAILED = 5,
	MSG_GO = 6,
	MSG_STARTING = 7,
	MSG_OUTPUT = 8,
};

struct message {
	uint32_t kind;
	uint32_t op;
	uint32_t err;
	uint32_t detail;
};

#define MESSAGE_TEXT 2048

/* The part of an op that failed: message.detail of MSG_FAILED, where it isn't
 * the wait status of a hook. message.go has the words. */
enum part {
	PART_NONE,
	PART_TARGET,
	PART_SOURCE,
	PART_OPEN_TYPE,
	PART_PARAMETER,
	PART_CREATE,
	PART_ATTACH,
	PART_ATTRIBUTE,
	PART_LOCKED,
	PART_PROPAGATION,
	PART_COPY,
	PART_VERIFY,
	PART_MISMATCH,
	PART_OWNER,
	PART_OPEN,
	PART_WRITE,
	PART_SEND,
	PART_EXEC,
	PART_STATUS,
	PART_TIMEOUT,
	PART_SEARCH,
	PART_GROUPS,
	PART_GID,
	PART_UID,
	PART_BOUNDING,
	PART_AMBIENT,
	PART_OUTSIDE,
	PART_PLAN,
	PART_NOT_PROC,
	PART_NOEXEC,
};

#endif
