#!/usr/bin/env bats
# 18. Without a cgroup namespace the cgroups of the host's user are mounted writable.
# CVE: CVE-2023-25809
# Verdict: harmless: read-only in a user namespace without a cgroup namespace
# Guests: rootless v2

load lib
load ../integration/ordinary_user

@test "an ordinary user: without a cgroup namespace the host's cgroups can't be written" {
	needs_cgroup_v2
	USER_ID=$(id -u)
	if [ "$USER_ID" = 0 ]; then
		needs_cgroupfs 'a user without a session has no systemd'
		USER_ID=$(id -u tester 2>/dev/null || echo 4242)
		become "$USER_ID" --clear-groups
	fi
	one_id
	config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
	script 'test -e /sys/fs/cgroup/cgroup.procs && echo there; mkdir /sys/fs/cgroup/x 2>&1 | grep -o "Read-only file system"'
	run_container
	prints $'there\nRead-only file system'
}
