/* Who the process is: ids, capabilities, no_new_privs. */
#include "child.h"
#include <linux/capability.h>
#include <linux/prctl.h>

#define LAST_POSSIBLE_CAP 63

long op_no_new_privileges(const struct op *op)
{
	(void)op;
	return sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* op_identity keeps the permitted capabilities over the change of uid; the
 * effective ones come back with op_capabilities. */
long op_identity(const struct op *op)
{
	long rc = sys5(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);

	if (rc >= 0 && (op->flags & IDENTITY_SETGROUPS))
		rc = failed_at(PART_GROUPS, sys2(__NR_setgroups, op->n[2] / 4, self.plan + op->s[2]));
	if (rc >= 0)
		rc = failed_at(PART_GID, sys3(__NR_setresgid, op->n[1], op->n[1], op->n[1]));
	if (rc >= 0)
		rc = failed_at(PART_UID, sys3(__NR_setresuid, op->n[0], op->n[0], op->n[0]));
	if (rc >= 0)
		rc = sys5(__NR_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
	if (rc >= 0)
		rc = sys2(__NR_prctl, PR_SET_DUMPABLE, 0);
	return rc;
}

static long read_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return sys2(__NR_capget, &header, data);
}

static long write_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
	};

	return sys2(__NR_capset, &header, data);
}

static long drop_bounding(uint64_t keep)
{
	for (unsigned cap = 0; cap <= LAST_POSSIBLE_CAP; cap++) {
		long rc;

		if (keep & (1ULL << cap))
			continue;
		rc = sys5(__NR_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (rc == -EPERM && sys5(__NR_prctl, PR_CAPBSET_READ, cap, 0, 0, 0) <= 0)
			continue; /* dropped before, or past the kernel's last one */
		if (rc == -EINVAL)
			return 0; /* past the last one */
		if (rc < 0)
			return failed_at(PART_BOUNDING, rc);
	}
	return 0;
}

static long raise_ambient(uint64_t ambient)
{
	long rc = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);

	for (unsigned cap = 0; rc >= 0 && cap <= LAST_POSSIBLE_CAP; cap++)
		if (ambient & (1ULL << cap))
			rc = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return rc < 0 ? failed_at(PART_AMBIENT, rc) : 0;
}

/* op_capabilities: a capability that the runtime itself doesn't have is left
 * out, as the spec asks (config.md, process.capabilities). */
long op_capabilities(const struct op *op)
{
	struct __user_cap_data_struct have[2];
	uint64_t permitted, keep = op->n[5];
	long rc = read_caps(have);

	if (rc < 0)
		return rc;
	permitted = have[0].permitted | (uint64_t)have[1].permitted << 32;
	rc = write_caps(permitted, permitted, have[0].inheritable | (uint64_t)have[1].inheritable << 32);
	if (rc >= 0)
		rc = drop_bounding(op->n[0]);
	if (rc >= 0)
		rc = write_caps((op->n[1] | keep) & permitted, (op->n[2] | keep) & permitted,
				op->n[3] & permitted);
	if (rc >= 0)
		rc = raise_ambient(op->n[4] & op->n[2] & op->n[3] & permitted);
	return rc;
}
