/* The request that package seccomp writes and the compiler reads: one buffer, all
 * numbers in the host's byte order (both ends run on the same machine), tables
 * one after the other in the order of struct wire_header's counts, then the
 * names, each ended by a NUL. request.go holds the same layout; a test compares
 * the two. A change of layout or meaning changes WIRE_VERSION, which also parts
 * the cached programs of the old layout from the new ones.
 */
#ifndef RUNNEL_SECCOMP_WIRE_H
#define RUNNEL_SECCOMP_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC 0x70636e72u
#define WIRE_VERSION 1u

/* wire_rule.action of a rule that only names a syscall: the filter's default
 * action holds for it, but the profile knows the syscall. */
#define WIRE_KNOWN 0xffffffffu

struct wire_header {
	uint32_t magic, version;
	uint32_t default_action; /* SCMP_ACT_* with its errno */
	uint32_t optimize;       /* SCMP_FLTATR_CTL_OPTIMIZE */
	uint32_t archs, rules, args;
	uint32_t names; /* bytes of the name table */
};

struct wire_arch {
	uint32_t token; /* SCMP_ARCH_*; the first is the native one */
	uint32_t limit; /* numbers from here on don't count as ordinary syscalls */
};

struct wire_rule {
	uint32_t action;
	uint32_t name;            /* offset in the name table */
	uint32_t first_arg, args; /* its part of the table of arguments: all must match */
};

struct wire_arg {
	uint32_t index, op; /* op: SCMP_CMP_* */
	uint64_t a, b;      /* value, or mask and value */
};

/* The answer on stdout: for each architecture of the request the highest number
 * below its limit of all syscalls that the rules name, or -1; then the BPF
 * program. With exit status 1 there is one wire_failure on stderr instead. */
enum wire_stage {
	WIRE_STAGE_REQUEST = 1, /* damaged request; index unused */
	WIRE_STAGE_INIT,        /* index unused */
	WIRE_STAGE_ARCH,        /* index: of the architecture */
	WIRE_STAGE_RULE,        /* index: of the rule */
	WIRE_STAGE_EXPORT,      /* index unused */
};

struct wire_failure {
	uint32_t stage, index, error; /* error: an errno, positive */
};

#endif
