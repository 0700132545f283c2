#!/usr/bin/env bats
# 26. A filter is bypassed by another ABI of the processor, or by a newer system call.
# Verdict: harmless: an architecture that the profile doesn't name is killed, a newer call answered with ENOSYS

load lib

# filtered FILTER adds a profile that lets everything pass but mkdir.
filtered() {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	config "$1"
}

@test "without a filter the attack finds an ABI" {
	args /opt/attack mkdir /tmp/made
	ok runtime run c
	matches "$output" native
	rmdir rootfs/tmp/made.*
	args /opt/attack userns
	ok runtime run c
	prints $'clone\nunshare\nclone3'
}

@test "mkdir by the native ABI, by x32 and by i386" {
	local filter
	args /opt/attack mkdir /tmp/made
	for filter in . '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]' '.linux.seccomp.architectures = []' \
		'.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]'; do
		[ "$(uname -m)" = x86_64 ] || [ "$filter" = . ] || continue
		filtered "$filter"
		ok runtime run c
		prints ''
		equal "$(find rootfs/tmp -name 'made.*')" ''
	done
	args sleep 1000
	ok runtime run --detach d
	ok runtime exec d /opt/attack mkdir /tmp/made
	prints ''
}

@test "a new user namespace by clone3, where the profile looks at the flags of clone" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
		{"names": $ALLOWED, "action": "SCMP_ACT_ALLOW"},
		{"names": ["clone", "unshare"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 268435456, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}' \
		--argjson ALLOWED '["execve", "brk", "arch_prctl", "prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlinkat",
		"readlink", "getrandom", "mprotect", "mmap", "munmap", "fstat", "newfstatat", "write", "getpid", "wait4", "exit", "exit_group",
		"futex", "capget", "capset", "close", "close_range", "uname", "chdir", "getcwd", "fchdir", "fcntl", "read", "openat", "getppid",
		"setuid", "setgid", "setgroups", "getdents64", "epoll_ctl", "fstatfs", "statfs", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "nanosleep", "sendto", "recvfrom", "sendmsg", "recvmsg", "setsid", "clock_gettime", "sched_yield", "sched_getaffinity", "tgkill", "gettid", "madvise", "sigaltstack", "ioctl", "lseek"]'
	args /opt/attack userns
	ok runtime run c
	prints ''
}
