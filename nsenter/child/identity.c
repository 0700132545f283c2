/* The credentials of the process: ids, capabilities, no_new_privs. */
#include "child.h"
#include <linux/capability.h>
#include <linux/prctl.h>

#define LAST_POSSIBLE_CAP 63

long op_no_new_privileges(const struct op *op)
{
	(void)op;
	return sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* op_identity keeps the permitted capabilities when the uid changes; op_capabilities
 * restores the effective ones. */
long op_identity(const struct op *op)
{
	uint64_t uid = op->identity.uid, gid = op->identity.gid;
	struct data groups = op->identity.groups;
	long rc = sys5(__NR_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);

	if (rc >= 0 && (op->flags & IDENTITY_SETGROUPS))
		rc = failed_at(PART_GROUPS,
			       sys2(__NR_setgroups, groups.size / sizeof(uint32_t), data_of(groups)));
	if (rc >= 0)
		rc = failed_at(PART_GID, sys3(__NR_setresgid, gid, gid, gid));
	if (rc >= 0)
		rc = failed_at(PART_UID, sys3(__NR_setresuid, uid, uid, uid));
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
			continue; /* dropped already, or unknown to the kernel */
		if (rc == -EINVAL)
			return 0; /* unknown to the kernel, as all that follow */
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

/* op_capabilities omits a capability that the runtime itself doesn't have, as the
 * specification requires (config.md, process.capabilities). */
long op_capabilities(const struct op *op)
{
	struct __user_cap_data_struct have[2];
	uint64_t permitted, keep = op->capabilities.keep;
	long rc = read_caps(have);

	if (rc < 0)
		return rc;
	permitted = have[0].permitted | (uint64_t)have[1].permitted << 32;
	rc = write_caps(permitted, permitted, have[0].inheritable | (uint64_t)have[1].inheritable << 32);
	if (rc >= 0)
		rc = drop_bounding(op->capabilities.bounding);
	if (rc >= 0)
		rc = write_caps((op->capabilities.effective | keep) & permitted,
				(op->capabilities.permitted | keep) & permitted,
				op->capabilities.inheritable & permitted);
	if (rc >= 0)
		rc = raise_ambient(op->capabilities.ambient & op->capabilities.permitted &
				   op->capabilities.inheritable & permitted);
	return rc;
}
