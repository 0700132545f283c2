# shellcheck shell=bash
# What tests of SELinux labels share.

# selinux_policy succeeds if the host has SELinux with a policy. Before one is loaded, every
# process has the label "kernel".
selinux_policy() { [ -e /sys/fs/selinux/policyvers ] && [ "$(tr -d '\0' </proc/self/attr/current)" != kernel ]; }

needs_selinux() { selinux_policy || skip 'the host has no SELinux policy'; }

# CONTAINER_LABEL is for processes, and FILE_LABEL for files that these may read. The names
# are those of distributions, and of tests/vm/selinux.cil.
CONTAINER_LABEL=system_u:system_r:container_t:s0
FILE_LABEL=system_u:object_r:container_file_t:s0
