/* Landlock. linux/landlock.h of Debian 12 knows only the first version of its structs. */
#include "child.h"

#ifndef __NR_landlock_create_ruleset /* the same on all architectures */
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

enum { RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

/* The access rights that a rule for a file may have that isn't a directory: EXECUTE, WRITE_FILE,
 * READ_FILE and TRUNCATE. */
#define FILE_RIGHTS (1 << 0 | 1 << 1 | 1 << 2 | 1 << 14)

/* An older kernel accepts a longer struct if what it doesn't know is zero. */
struct ruleset_attr {
	uint64_t files, ports, scopes;
};

struct path_beneath_attr {
	uint64_t access;
	int32_t parent;
} __attribute__((packed));

struct net_port_attr {
	uint64_t access, port;
};

long op_landlock(const struct op *op)
{
	struct ruleset_attr attr = {op->landlock.files, op->landlock.ports, op->landlock.scopes};

	self.ruleset = sys3(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	return self.ruleset;
}

/* The process is in the container's root, so that no path leads out of it. A magic link could,
 * to what a descriptor of this process refers to. */
long op_landlock_path(const struct op *op)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	struct path_beneath_attr rule = {op->landlock_path.access, -1};
	struct file_status st;
	long rc = sys4(__NR_openat2, AT_FDCWD, str_of(op->landlock_path.path), &how, sizeof(how));

	if (rc == -ENOENT && (op->flags & LANDLOCK_PATH_OPTIONAL))
		return 0;
	if (rc < 0)
		return failed_at(PART_OPEN, rc);
	rule.parent = (int32_t)rc;
	rc = file_stat(rule.parent, &st);
	if (rc >= 0 && (st.mode & S_IFMT) != S_IFDIR)
		rule.access &= FILE_RIGHTS;
	if (rc >= 0 && rule.access != 0) /* the kernel refuses an empty rule */
		rc = sys4(__NR_landlock_add_rule, self.ruleset, RULE_PATH_BENEATH, &rule, 0);
	sys_close(rule.parent);
	return rc;
}

long op_landlock_port(const struct op *op)
{
	struct net_port_attr rule = {op->landlock_port.access, op->landlock_port.port};

	return sys4(__NR_landlock_add_rule, self.ruleset, RULE_NET_PORT, &rule, 0);
}

long op_landlock_restrict(const struct op *op)
{
	long rc = sys2(__NR_landlock_restrict_self, self.ruleset, 0);

	(void)op;
	sys_close(self.ruleset);
	self.ruleset = -1;
	return rc;
}
