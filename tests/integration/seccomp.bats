#!/usr/bin/env bats
# seccomp: actions, arguments, architectures, cache, agent.

load lib

# profile JSON puts a profile into the config. busybox calls mkdir and chmod.
profile() { config ".linux.seccomp = $1"; }

@test "a system call is refused with the errno of the rule" {
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
	# Only kill(pid, 10) is refused.
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

@test "names of unknown system calls are ignored" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	run_prints 'mkdir /tmp/x 2>/dev/null || echo refused' refused
}

@test "a profile with a default errno: calls newer than all that it names return ENOSYS, older ones the errno" {
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

@test "invalid values in a profile are refused and named" {
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

# notified NAME… puts a profile into the config that asks an agent about these system
# calls. agent ERRNO starts an agent that answers with ERRNO, or with 0 to continue.
notified() {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $p, "listenerMetadata": "some data",
		"syscalls": [{"names": $ARGS.positional, "action": "SCMP_ACT_NOTIFY"}]}' --arg p "$TMP/agent" --args -- "$@"
}
agent() {
	rm -f "$TMP/agent" "$TMP/agent.json"*
	agent=$("$HELPERS/agent" "$TMP/agent" "$TMP/agent.json" "$1" 3>&-)
}
# agent_received FILTER VALUE fails unless the agent has received this value.
agent_received() { equal "$(jq -c "$1" "$TMP/agent.json")" "$2"; }

@test "an agent receives the listener with the container's state, and answers" {
	agent 28
	notified mkdir mkdirat
	script 'mkdir /tmp/x 2>&1 | grep -o "No space left on device"'
	run_container
	prints 'No space left on device'
	gone "$agent"
	agent_received '[.fds, .metadata, .state.id, (.state.status | IN("creating", "created", "running"))]' '[["seccompFd"],"some data","c",true]'
	[ "$(jq .pid "$TMP/agent.json")" -gt 1 ]
}

@test "an agent receives pid and state of a created container when it is started" {
	only_ours 'runc sends it at create'
	notified mkdir mkdirat
	script 'mkdir /tmp/x; exec sleep 1000'
	agent 0
	ok runtime create c
	equal "$(cat "$TMP/agent.json")" ''
	local pid
	pid=$(pid_of c)
	ok runtime start c
	until_true test -d rootfs/tmp/x
	agent_received '[.pid, .state.pid, .state.status, .state.bundle]' "[$pid,$pid,\"created\",\"$BUNDLE\"]"
	ok runtime delete --force c
	gone "$agent"
	rmdir rootfs/tmp/x
}

@test "an agent may be asked about every system call, also those of the runtime" {
	only_ours 'runc needs other system calls'
	# The process waits in read while the listener is sent.
	notified sendmsg sendto write writev read recvfrom recvmsg execve close clone accept4 ioctl exit_group
	agent 0
	run_prints 'echo over' over
	gone "$agent"
	grep -qx 59 "$TMP/agent.json.calls" || fail 'execve went unnoticed'
	agent 0
	sleeping d
	has_status d running
	ok runtime delete --force d
	gone "$agent"
}

@test "an agent that is asked about all system calls" {
	only_ours 'runc refuses it'
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": $p}' --arg p "$TMP/agent"
	agent 0
	run_prints 'echo over' over
	gone "$agent"
}

@test "an agent that refuses the system call that waits for it, and a filter that does" {
	only_ours 'runc needs other system calls'
	agent 1
	notified read
	args sleep 0
	run_container
	gone "$agent"
	config '.linux.seccomp.syscalls = [{"names": ["read"], "action": "SCMP_ACT_ERRNO"}, {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]'
	agent 1
	# A process that makes no such call would end before the agent has its listener.
	run_prints 'mkdir /tmp/x 2>/dev/null || echo refused' refused
	gone "$agent"
}

@test "sending the listener leaves no process behind" {
	notified mkdir mkdirat
	agent 0
	run_prints 'for f in /proc/[0-9]*; do [ $f = /proc/$$ ] || [ ! -e $f ] || [ $f = /proc/self ] || cat $f/stat; done' ''
	gone "$agent"
	agent 0
	sleeping d
	gone_first=$agent
	agent 0
	ok runtime exec d sh -c 'cat /proc/[0-9]*/status | grep -c "^State:.*Z" || true'
	prints 0
	gone "$agent"
	ok runtime delete --force d
	gone "$gone_first"
}

@test "the filter that notifies isn't loaded while the container waits for start" {
	only_ours 'runc loads it at create'
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $p, "syscalls": [
		{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"},
		{"names": ["accept4", "sendmsg", "recvfrom", "setsid", "clone", "capset", "setresuid"], "action": "SCMP_ACT_KILL_PROCESS"}]}' --arg p "$TMP/agent"
	args echo over
	agent 0
	runtime create c >"$TMP/created" 2>&1 </dev/null 3>&- || fail "$(<"$TMP/created")"
	ok runtime start c
	until_true stopped c
	equal "$(<"$TMP/created")" over
	gone "$agent"
}

@test "startContainer hooks run when the agent has the listener" {
	notified mkdir mkdirat
	agent 28
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /tmp/x 2>/tmp/said; true"]}]'
	args true
	run_container
	grep -q 'No space left' rootfs/tmp/said
	gone "$agent"
}

@test "a process of exec has its own agent, which receives its pid" {
	only_ours 'runc sends it the pid of the container'
	notified mkdir mkdirat
	agent 0
	sleeping c
	gone_first=$agent
	agent 28
	exits 1 runtime exec --pid-file "$TMP/pid" c mkdir /tmp/x
	says 'No space left on device'
	agent_received '[.pid, .state.status, .state.id, .metadata]' "[$(<"$TMP/pid"),\"running\",\"c\",\"some data\"]"
	agent_received .state.pid "$(pid_of c)"
	gone "$agent"
	agent 5
	jq '.process | .args = ["mkdir", "/tmp/x"]' config.json >"$TMP/process.json"
	exits 1 runtime exec --process "$TMP/process.json" c
	says 'Input/output error'
	gone "$agent"
	ok runtime delete --force c
	gone "$gone_first"
}

@test "an agent that doesn't listen" {
	notified mkdir
	exits 1 runtime run c
	says "$TMP/agent"
	one_sentence
	nothing_left
}

@test "an agent that doesn't listen at start or at exec, and one that has ended" {
	only_ours 'runc fails at create'
	notified mkdir
	args sleep 1000
	ok runtime create c
	exits 1 runtime start c
	says "connect to the seccomp agent at $TMP/agent .*no such file"
	one_sentence
	has_status c stopped
	ok runtime delete c
	nothing_left
	# The socket of an agent that has ended.
	agent 0
	kill "$agent"
	gone "$agent"
	exits 1 runtime run c
	says "connect to the seccomp agent at $TMP/agent .*connection refused"
	one_sentence
	nothing_left
	agent 0
	ok runtime run --detach c
	rm "$TMP/agent"
	exits 255 runtime exec c true
	says "connect to the seccomp agent at $TMP/agent"
	one_sentence
	has_status c running
	ok runtime delete --force c
	gone "$agent"
}

@test "an agent that ends while it has the listener: calls fail, the container keeps running" {
	notified mkdir mkdirat
	agent 0
	script 'until [ -e /tmp/go ]; do sleep 0.01; done; mkdir /tmp/x 2>/tmp/said; echo $? >/tmp/status; exec sleep 1000'
	ok runtime run --detach c
	kill "$agent"
	gone "$agent"
	touch rootfs/tmp/go
	until_true test -s rootfs/tmp/status
	equal "$(<rootfs/tmp/status)" 1
	grep -q 'Function not implemented' rootfs/tmp/said
	has_status c running
}

@test "a listener without a path, and metadata without a listener" {
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
	exits 1 runtime create c
	says 'listenerPath'
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}'
	exits 1 runtime create c
	says 'listenerMetadata'
	nothing_left
}

@test "the profile of spec --seccomp" {
	only_ours 'a flag of its own'
	mkdir "$TMP/example"
	ok runtime spec --seccomp --bundle "$TMP/example"
	config '.linux.seccomp = $example[0].linux.seccomp' --slurpfile example "$TMP/example/config.json"
	ok runtime check
	prints 'no problems'
	script 'unshare -m true; mount -t tmpfs x /tmp; echo text >/tmp/file && ln /tmp/file /tmp/link && cat /tmp/link | wc -l; sleep 0.01'
	config '(.process.capabilities | .bounding, .effective, .permitted) |= . + ["CAP_SYS_ADMIN"]'
	run_container
	prints 1
	says 'unshare.*Operation not permitted'
	says 'mount: permission denied'
	grep -q '^Seccomp:[[:space:]]*2' <(script "cat /proc/self/status" && runtime run c)
}

@test "a filter that refuses execve, and all by which the process could say so" {
	only_ours 'runc waits for ever, or says nothing'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["execve", "execveat", "sendmsg", "exit_group", "exit"], "action": "SCMP_ACT_ERRNO"}]}'
	args true
	exits 1 runtime create c
	says 'linux.seccomp: the profile refuses execve, by which the program is started'
	one_sentence
	nothing_left
	# One that depends on the arguments shows when it is called.
	config '(.linux.seccomp.syscalls[0].names) -= ["execve"] | .linux.seccomp.syscalls += [
		{"names": ["execve"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_NE"}]}]'
	exits 1 runtime run c
	says 'it ended before the program was executed'
	one_sentence
	exits 1 runtime run --detach c
	says 'it ended before the program was executed'
	ok runtime create c
	exits 1 runtime start c
	ok runtime delete --force c
	nothing_left
}

# logged prints the lines of the log, without pid and arguments.
logged() { sed -E 's/\(0x[^)]*\)//; s/ \(pid [0-9]+\)//' "$TMP/log"; }

@test "run --seccomp-log names refused system calls, once for each command" {
	only_ours '--seccomp-log'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}, {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
		{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}'
	script 'trap "" USR1 USR2; kill -10 $$; kill -12 $$ && mkdir /tmp/x; mkdir /tmp/x /tmp/y; /opt/syscalls 121,7'
	ok runtime run --seccomp-log "$TMP/log" c
	prints 0
	says 'No space left on device'
	equal "$(logged)" 'seccomp: kill of sh: EPERM
seccomp: mkdir of mkdir: ENOSPC
seccomp: getpgid of syscalls: 0'
	matches "$(<"$TMP/log")" 'kill\(0x1, 0xa, .*\) of sh \(pid [0-9]+\)'
	nothing_left
	ok runtime --log-format json --log "$TMP/l" run --seccomp-log - c
	equal "$(grep '"syscall":"kill"' <<<"$error" | jq -c '[.architecture != "", .args[1], .errno, .errnoName, .pid > 1, .command]')" '[true,"0xa",1,"EPERM",true,"sh"]'
}

@test "run --seccomp-log: a log that can't be written is told" {
	only_ours '--seccomp-log'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	script 'mkdir /tmp/x; exit 4'
	exits 4 runtime run --seccomp-log /dev/full c
	says "seccomp-log isn't complete: write /dev/full: no space left on device"
}

@test "run --seccomp-log: the default, newer calls, a process of exec, and KILL" {
	only_ours '--seccomp-log'
	[ "$(uname -m)" = x86_64 ] || skip 'the numbers are those of x86-64'
	# What busybox and the helper need, found by recording it.
	mkfifo rootfs/go
	script 'read -r x </go; /opt/syscalls 110 463; exec /opt/syscalls 111'
	runtime seccomp record --output "$TMP/p.json" c >/dev/null 2>&1 </dev/null 3>&- &
	local run=$! status=0
	until_true running c
	ok runtime exec c true
	echo x >rootfs/go
	wait "$run"
	config '.linux.seccomp = ($p[0] | .syscalls[0].names -= ["getppid", "getpgrp"])' --slurpfile p "$TMP/p.json"
	runtime run --seccomp-log "$TMP/log" c >"$TMP/out" 2>&1 </dev/null 3>&- &
	run=$!
	until_true running c
	exits 1 runtime exec c mkdir /tmp/x
	echo x >rootfs/go
	wait "$run"
	equal "$(<"$TMP/out")" $'1\n38\n1'
	grep -qx 'seccomp: mkdir of mkdir: EPERM' <(logged)
	grep -qx 'seccomp: getppid of syscalls: EPERM' <(logged)
	grep -qx 'seccomp: 463 of syscalls: ENOSYS' <(logged)
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	args mkdir /tmp/x
	exits 159 runtime run --seccomp-log - c
	says "seccomp: the container's process was ended by SIGSYS"
}

@test "run --seccomp-log: what it can't be combined with" {
	only_ours '--seccomp-log'
	args true
	exits 1 runtime run --seccomp-log - c
	says "linux.seccomp: refused system calls can't be logged: there is no profile"
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	exits 1 runtime run --detach --seccomp-log - c
	says "^--seccomp-log can't be combined with --detach"
	exits 1 runtime create --seccomp-log - c
	says '^--seccomp-log needs a runtime that stays with the container: use run in the foreground$'
	exits 1 runtime run --seccomp-log "$TMP/absent/log" c
	says 'absent/log: no such file or directory'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
	exits 1 runtime run --seccomp-log - c
	says 'linux.seccomp.listenerPath: .* the profile has an agent'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}'
	exits 1 runtime run --seccomp-log - c
	says 'the profile refuses execve'
	nothing_left
}
