#!/usr/bin/env bats
# 11. What the runtime writes to procfs ends in a file of the attacker's, or in another one of procfs.
# CVE: CVE-2025-52881
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: harmless: it writes to a procfs that it has opened itself, and never crosses a mount there
# Guests: v2

load lib
load ../integration/apparmor

@test "sysctl: the image has a file in place of procfs" {
	mkdir -p rootfs/proc/sys/net/ipv4 rootfs/proc/thread-self rootfs/proc/self/attr
	echo fake >rootfs/proc/sys/net/ipv4/ip_forward
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | del(.linux.maskedPaths, .linux.readonlyPaths) | .mounts |= map(select(.destination != "/proc"))'
	args sleep 1000
	invoke runtime run --detach c
	equal "$(<rootfs/proc/sys/net/ipv4/ip_forward)" fake
	[ "$status" != 0 ] || equal "$(nsenter --net="/proc/$(pid_of c)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" 1
}

# covering makes a container that may mount, with another pid namespace for its /proc, run
# a script and wait.
covering() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	script "$1; echo covered >/tmp/covered; exec sleep 1000"
	ok runtime run --detach a
	until_true test -e rootfs/tmp/covered
}

@test "sysctl: a container that joins the attacker's mount namespace" {
	covering 'mount -t tmpfs tmpfs /mnt && echo fake >/mnt/file && mount --bind /mnt/file /proc/sys/net/ipv4/ip_forward'
	local pid
	pid=$(pid_of a)
	config '.linux.namespaces |= map(if .type == "mount" then .path = $p else . end) | .linux.sysctl = {"net.ipv4.ip_forward": "1"} |
		.mounts = [] | .linux.cgroupsPath += "2" | .process.args = ["sleep", "1000"]' --arg p "/proc/$pid/ns/mnt"
	invoke runtime run --detach b
	equal "$(<"/proc/$pid/root/mnt/file")" fake
	[ "$status" != 0 ] || equal "$(nsenter --net="/proc/$(pid_of b)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" 1
}

# FAKE mounts a tmpfs over /proc, with the files that a runtime could write to.
FAKE='mount -t tmpfs tmpfs /proc; for d in /proc/self /proc/thread-self /proc/1; do mkdir -p $d/attr/apparmor $d/fd;
	for f in oom_score_adj setgroups attr/exec attr/current attr/apparmor/exec; do echo fake >$d/$f; done; done'

@test "exec: a tmpfs with the same names covers /proc" {
	covering "$FAKE"
	jq '.process | .args = ["sleep", "1000"] | .oomScoreAdj = 77' config.json >"$TMP/process.json"
	invoke runtime exec --detach --pid-file "$TMP/pid" --process "$TMP/process.json" a
	equal "$(cat "/proc/$(pid_of a)/root/proc"/{self,thread-self,1}/{oom_score_adj,attr/exec} | sort -u)" fake
	[ "$status" != 0 ] || equal "$(<"/proc/$(<"$TMP/pid")/oom_score_adj")" 77
}

@test "exec: the profile of AppArmor is in force, whatever covers /proc" {
	needs_apparmor
	profile "$CGROUP" 'deny /tmp/secret rwklx,'
	covering "$FAKE"
	invoke runtime exec --apparmor "$CGROUP" --detach --pid-file "$TMP/pid" a sleep 1000
	[ "$status" != 0 ] || equal "$(<"/proc/$(<"$TMP/pid")/attr/current")" "$CGROUP (enforce)"
}
