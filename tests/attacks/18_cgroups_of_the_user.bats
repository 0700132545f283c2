#!/usr/bin/env bats
# 18. Without a cgroup namespace the cgroups of the host's user are mounted writable.
# CVE: CVE-2023-25809
# Verdict: harmless: read-only in a user namespace without a cgroup namespace
# Guests: rootless v2

load lib
load ../integration/ordinary_user

@test "an ordinary user: without a cgroup namespace the host's cgroups can't be written" {
	needs_cgroup_v2
	as_ordinary_user
	config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
	script 'test -e /sys/fs/cgroup/cgroup.procs && echo there; mkdir /sys/fs/cgroup/x 2>&1 | grep -o "Read-only file system"'
	run_container
	prints $'there\nRead-only file system'
}
