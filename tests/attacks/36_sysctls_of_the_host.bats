#!/usr/bin/env bats
# 36. A sysctl that isn't the container's own changes the host.
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: refused: only the sysctls of the container's own namespaces, by their exact names

load lib

# attempted KEY VALUE fails if a container with the sysctl runs. The value is the one that
# the host has, so that a success changes nothing.
attempted() {
	config '.linux.sysctl = {($k): $v}' --arg k "$1" --arg v "$2"
	invoke runtime run c
	[ "$status" != 0 ] || fail "sysctl $1 was set"
}

@test "a sysctl of a namespace works" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	ok runtime run c
}

@test "sysctls without a namespace" {
	local file key
	for file in kernel/core_pattern kernel/panic kernel/pid_max kernel/randomize_va_space kernel/hostname vm/overcommit_memory \
		vm/swappiness fs/file-max fs/suid_dumpable fs/protected_symlinks dev/tty/ldisc_autoload debug/exception-trace; do
		[ -e "/proc/sys/$file" ] || continue
		key=${file//\//.}
		attempted "$key" "$(</proc/sys/$file)"
		attempted "$file" "$(</proc/sys/$file)"
	done
	nothing_left
}

@test "names that lead from an allowed sysctl to another" {
	local core key
	core=$(</proc/sys/kernel/core_pattern)
	for key in net/../kernel/core_pattern net.ipv4/../../kernel/core_pattern net/ipv4/../../kernel/core_pattern \
		fs.mqueue./../../kernel/core_pattern fs/mqueue/../../kernel/core_pattern net//../kernel/core_pattern \
		/kernel/core_pattern ./kernel/core_pattern ../sys/kernel/core_pattern net/./../kernel/core_pattern \
		kernel.msgmax/../core_pattern kernel/shmmax/../core_pattern 'net.../.../kernel.core_pattern'; do
		attempted "$key" "$core"
	done
	nothing_left
}

@test "sysctls of a namespace that is the host's" {
	config '.linux.namespaces |= map(select(.type | IN("network", "ipc", "uts") | not)) | del(.hostname) | .mounts |= map(select(.destination | IN("/sys", "/dev/mqueue") | not))'
	attempted net.ipv4.ip_forward "$(</proc/sys/net/ipv4/ip_forward)"
	attempted kernel.shmmax "$(</proc/sys/kernel/shmmax)"
	attempted fs.mqueue.msg_max "$(cat /proc/sys/fs/mqueue/msg_max 2>/dev/null || echo 10)"
	attempted kernel.domainname "$(</proc/sys/kernel/domainname)"
	# Joined by a path, also by one that doesn't look like the host's.
	touch "$TMP/net" "$TMP/ipc" "$TMP/uts"
	local ns
	for ns in net ipc uts; do mount --bind "/proc/self/ns/$ns" "$TMP/$ns"; done
	for ns in /proc/1/ns "$TMP"; do
		config '.linux.namespaces |= map(select(.type | IN("network", "ipc", "uts") | not)) +
			[{"type": "network", "path": "\($ns)/net"}, {"type": "ipc", "path": "\($ns)/ipc"}, {"type": "uts", "path": "\($ns)/uts"}]' --arg ns "$ns"
		attempted net.ipv4.ip_forward "$(</proc/sys/net/ipv4/ip_forward)"
		attempted kernel.shmmax "$(</proc/sys/kernel/shmmax)"
		attempted kernel.domainname "$(</proc/sys/kernel/domainname)"
	done
	umount "$TMP/net" "$TMP/ipc" "$TMP/uts"
	nothing_left
}
