#!/usr/bin/env bats
# 39. A process that enters the container is made to crash, and its memory is written into a file of the container.
# Verdict: harmless: it can't be dumped until it executes the program

load lib

# crashing lets processes dump as much as they like, with / as their directory.
crashing() {
	[[ $(</proc/sys/kernel/core_pattern) != /* && $(</proc/sys/kernel/core_pattern) != \|* ]] || skip 'cores of this host are not in the working directory'
	config '.process.rlimits = [{"type": "RLIMIT_CORE", "hard": 1000000000, "soft": 1000000000}] | .process.cwd = "/tmp"'
	chmod 1777 rootfs rootfs/tmp
	ulimit -c unlimited
}

# no_core fails if one of the core files is of the runtime, and not of a program. The
# names are those of the process in the notes of the file.
no_core() {
	equal "$(find . "$ROOT" -maxdepth 3 -type f -name 'core*' -exec grep -alE 'runnel-init|runc:|/init\b|crun' {} +)" ''
}

@test "a program that crashes leaves a core file here" {
	crashing
	script "sh -c 'kill -ABRT \$\$'; true"
	invoke runtime run c
	[ -n "$(find rootfs -name 'core*')" ] || skip 'this host writes no core files'
	find rootfs -name 'core*' -delete
}

@test "exec is aborted while it enters the container" {
	crashing
	args sh -c '/opt/attack crash 3 >/tmp/said; exec sleep 1000'
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
	while ! grep -q over rootfs/tmp/said; do
		invoke runtime exec c /bin/true
	done
	no_core
}

@test "a created container is aborted by its neighbour in the pid namespace" {
	crashing
	args sh -c '/opt/attack crash 3 >/tmp/said; exec sleep 1000'
	ok runtime run --detach a
	until_true grep -q waiting rootfs/tmp/said
	config '.linux.cgroupsPath += "2" | .process.args = ["true"] |
		.linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($p)/ns/pid" else . end)' --argjson p "$(pid_of a)"
	while ! grep -q over rootfs/tmp/said; do
		invoke runtime create b
		invoke runtime start b
		invoke runtime delete --force b
	done
	no_core
}
