#!/usr/bin/env bats
# seccomp: actions, arguments, architectures, cache, agent.

load lib

# profile JSON is put into the config. mkdir and chmod are what busybox calls.
profile() { config ".linux.seccomp = $1"; }

@test "a call is refused with the errno of the rule" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
	script 'mkdir /tmp/x 2>&1; touch /tmp/y && echo fine'
	run_container
	[[ $output == *'No space left on device'*fine ]]
}

@test "the default errno is EPERM" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run_prints 'mkdir /tmp/x 2>&1' "mkdir: can't create directory '/tmp/x': Operation not permitted" || true
	[[ $output == *'Operation not permitted'* ]]
}

@test "the filter is in force, with and without noNewPrivileges" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	run_prints "awk '/^Seccomp:/ {print \$2}' /proc/self/status" 2
	config '.process.noNewPrivileges = false'
	run_prints "awk '/^(Seccomp|NoNewPrivs):/ {print \$2}' /proc/self/status" $'0\n2'
}

@test "KILL ends the process with SIGSYS" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	script 'mkdir /tmp/x; echo $?'
	run_container
	[[ $output == *159* ]]
}

@test "a rule for one value of an argument" {
	# kill(pid, 10) only.
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
		"args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}'
	script 'trap "" USR1 USR2; kill -10 $$ 2>/dev/null || echo refused; kill -12 $$ && echo fine'
	run_container
	prints $'refused\nfine'
}

@test "exec has the filter too" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	sleeping c
	exits 1 runtime exec c mkdir /tmp/x
	says 'Operation not permitted'
}

@test "names that no kernel knows are ignored" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	run_prints 'mkdir /tmp/x 2>/dev/null || echo refused' refused
}

@test "a deny profile: newer calls than it knows give ENOSYS, older ones its errno" {
	profile "$(jq -n --args '{defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"],
		syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_ALLOW"}]}' -- \
		access arch_prctl brk capget capset chdir chmod close close_range dup dup2 dup3 execve exit exit_group \
		fchdir fchown fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getpgrp getpid getppid getrandom \
		gettid getuid ioctl lseek lstat madvise mmap mprotect munmap nanosleep newfstatat open openat pipe pipe2 poll prctl \
		pread64 prlimit64 read readlink readlinkat rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_yield select set_robust_list \
		set_tid_address setgid setgroups setresgid setresuid setuid sigaltstack splice stat statfs statx tgkill umask uname \
		unlinkat wait4 write writev clone fork vfork epoll_ctl epoll_pwait epoll_create1 eventfd2)"
	run_prints 'mkdir /tmp/x 2>/dev/null || echo refused' refused
}

@test "a profile twice: the second comes from the cache and does the same" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 17}]}'
	for _ in 1 2; do
		run_prints 'mkdir /tmp/x 2>&1 | grep -o "File exists"' 'File exists'
	done
}

@test "nonsense in a profile is refused and named" {
	profile '{"defaultAction": "SCMP_ACT_NONSENSE"}'
	exits 1 runtime create c
	says SCMP_ACT_NONSENSE
	one_sentence
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NONSENSE"], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	exits 1 runtime create c
	says SCMP_ARCH_NONSENSE
	nothing_left
	only_ours 'runc ignores it'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}]}'
	exits 1 runtime create c
	says 'errnoRet'
	one_sentence
	nothing_left
}

@test "an agent gets the listener with the container's state, and answers" {
	local agent
	agent=$("$HELPERS/agent" "$TMP/agent" "$TMP/agent.json" 28 3>&-)
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $p, "listenerMetadata": "some data",
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}' --arg p "$TMP/agent"
	script 'mkdir /tmp/x 2>&1 | grep -o "No space left on device"'
	run_container
	prints 'No space left on device'
	gone "$agent"
	equal "$(jq -c '[.fds, .metadata, .state.id, (.state.status | IN("creating", "created", "running"))]' "$TMP/agent.json")" '[["seccompFd"],"some data","c",true]'
	[ "$(jq .pid "$TMP/agent.json")" -gt 1 ]
}

@test "an agent that isn't there" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $p,
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}' --arg p "$TMP/agent"
	exits 1 runtime run c
	says "$TMP/agent"
	one_sentence
	nothing_left
}
