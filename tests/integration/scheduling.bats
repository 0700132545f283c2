#!/usr/bin/env bats
# Settings for the kernel's schedulers and policies, read back from
# the kernel: in the process of create and start, of run, and of exec with the
# config's process and with one of a file.

load lib

# facts NAME… makes the program that reads these settings the container's process.
facts() { args /opt/facts "$@"; }

# process_file FILTER writes the config's process, changed by jq, to a file for exec.
process_file() { jq "$@" config.json >"$TMP/process.json"; }

# everywhere FACT TEXT fails unless the process of run, of create and start, and of exec
# prints TEXT, with the config's process and with the same one from a file.
everywhere() {
	facts "$1"
	run_container
	prints "$2"
	# Its output goes to that of create.
	runtime create c >"$TMP/created" 2>&1 </dev/null 3>&- || fail "create: $(<"$TMP/created")"
	ok runtime start c
	until_true stopped c
	equal "$(<"$TMP/created")" "$2"
	ok runtime delete c
	process_file .process
	args sleep 1000
	ok runtime run --detach c
	ok runtime exec c /opt/facts "$1"
	prints "$2"
	ok runtime exec --process "$TMP/process.json" c
	prints "$2"
	ok runtime delete --force c
}

# only_in_file FACT TEXT does the same for a setting in exec's process file only.
only_in_file() {
	facts "$1"
	process_file .process
	config 'del(.process.scheduler, .process.ioPriority)'
	args sleep 1000
	ok runtime run --detach c
	ok runtime exec --process "$TMP/process.json" c
	prints "$2"
	ok runtime delete --force c
}

@test "scheduler: the fair policies and their nice values" {
	only_ours 'runc 1.1 has no such field'
	config '.process.scheduler = {"policy": "SCHED_OTHER", "nice": 5}'
	everywhere scheduler '0 5 0 0/0/0 0'
	config '.process.scheduler = {"policy": "SCHED_OTHER", "nice": -7}'
	only_in_file scheduler '0 -7 0 0/0/0 0'
	config '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 19}'
	everywhere scheduler '3 19 0 0/0/0 0'
	config '.process.scheduler = {"policy": "SCHED_IDLE"}'
	everywhere scheduler "5 $(nice) 0 0/0/0 0" # a nice value that isn't set is the caller's
}

@test "scheduler: real-time policies and their priorities" {
	only_ours 'runc 1.1 has no such field'
	needs_capability CAP_SYS_NICE 23
	# With CONFIG_RT_GROUP_SCHED a new cgroup has no real-time budget.
	[ ! -e /sys/fs/cgroup/cpu/cpu.rt_runtime_us ] ||
		config '.linux.resources.cpu = {"realtimeRuntime": 20000, "realtimePeriod": 1000000}'
	config '.process.scheduler = {"policy": "SCHED_FIFO", "priority": 10}'
	everywhere scheduler '1 0 10 0/0/0 0'
	config '.process.scheduler = {"policy": "SCHED_RR", "priority": 99}'
	everywhere scheduler '2 0 99 0/0/0 0'
}

@test "scheduler: deadline" {
	only_ours 'runc 1.1 has no such field'
	needs_capability CAP_SYS_NICE 23
	config '.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 10000000, "deadline": 30000000, "period": 40000000,
		"flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	everywhere scheduler '6 0 0 10000000/30000000/40000000 1'
	config '.process.scheduler.flags = ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"]'
	everywhere scheduler '6 0 0 10000000/30000000/40000000 7'
}

@test "scheduler: flags" {
	only_ours 'runc 1.1 has no such field'
	config '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	everywhere scheduler '3 3 0 0/0/0 1'
	# The flags keep what the process has inherited.
	config '.process.scheduler = {"policy": "SCHED_BATCH", "nice": 3, "flags": ["SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS"]}'
	everywhere scheduler "0 $(nice) 0 0/0/0 0"
}

@test "scheduler: a policy that the kernel doesn't support is an error that names it" {
	only_ours 'runc 1.1 has no such field'
	config '.process.scheduler = {"policy": "SCHED_ISO"}'
	exits 1 runtime run c
	says 'process.scheduler'
	one_sentence
	nothing_left
}

@test "ioPriority: the three classes" {
	only_ours 'runc 1.1 has no such field'
	config '.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 7}'
	everywhere ioprio '2 7'
	config '.process.ioPriority = {"class": "IOPRIO_CLASS_RT", "priority": 3}'
	everywhere ioprio '1 3'
	config '.process.ioPriority = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}'
	everywhere ioprio '3 0'
}

@test "memoryPolicy: the modes and flags" {
	only_ours 'newer than runc 1.3'
	local policy
	# Mode, nodes and flags, and what get_mempolicy(2) returns for them.
	for policy in 'MPOL_DEFAULT|| |0 0' 'MPOL_LOCAL|| |4 0' 'MPOL_BIND|0||2 1' 'MPOL_PREFERRED|0||1 1' \
		'MPOL_INTERLEAVE|0||3 1' 'MPOL_PREFERRED_MANY|0||5 1' 'MPOL_WEIGHTED_INTERLEAVE|0||6 1' \
		'MPOL_BIND|0|MPOL_F_STATIC_NODES|8002 1' 'MPOL_INTERLEAVE|0|MPOL_F_RELATIVE_NODES|4003 1' \
		'MPOL_BIND|0|MPOL_F_NUMA_BALANCING|2002 1'; do
		IFS='|' read -r mode nodes flag want <<<"$policy"
		config '.linux.memoryPolicy = ({"mode": $m, "nodes": $n, "flags": [$f | select(. != "" and . != " ")]} | del(.nodes | select(. == "")))' \
			--arg m "$mode" --arg n "$nodes" --arg f "$flag"
		everywhere mempolicy "$want"
	done
}

@test "personality: LINUX and LINUX32" {
	only_ours 'runc 1.1 has no such field'
	config '.linux.personality = {"domain": "LINUX32"}'
	everywhere personality 8
	config '.linux.personality = {"domain": "LINUX"}'
	everywhere personality 0
}

@test "execCPUAffinity: initial is that of the runtime's process, final that of the program" {
	[ "$(nproc)" -gt 1 ] || skip 'there is one processor'
	only_ours 'newer than runc 1.2'
	local own
	own=$(awk '/Cpus_allowed_list/ {print $2}' /proc/1/status)
	sleeping c
	process_file '.process | .args = ["awk", "/Cpus_allowed_list/ {print $2}", "/proc/self/status"]'
	execute() { # FILTER WANT
		jq ".execCPUAffinity = $1" "$TMP/process.json" >"$TMP/affinity.json"
		ok runtime exec --process "$TMP/affinity.json" c
		prints "$2"
	}
	execute '{"final": "1"}' 1
	execute '{"initial": "0", "final": "1"}' 1
	execute '{"initial": "1", "final": "0-1"}' 0-1
	# Without final, the part of initial that the cgroup permits remains.
	execute '{"initial": "1"}' 1
	execute '{}' "$own"
	# A processor that doesn't exist.
	jq '.execCPUAffinity = {"initial": "777"}' "$TMP/process.json" >"$TMP/affinity.json"
	exits 255 runtime exec --process "$TMP/affinity.json" c
	says 'process.execCPUAffinity.initial'
	one_sentence
	jq '.execCPUAffinity = {"final": "777"}' "$TMP/process.json" >"$TMP/affinity.json"
	exits 255 runtime exec --process "$TMP/affinity.json" c
	says 'process.execCPUAffinity.final'
	one_sentence
}

@test "execCPUAffinity of the config is exec's, and not that of the container's process" {
	[ "$(nproc)" -gt 1 ] || skip 'there is one processor'
	only_ours 'newer than runc 1.2'
	config '.process.execCPUAffinity = {"final": "1"}'
	run_prints "awk '/Cpus_allowed_list/ {print \$2}' /proc/self/status" "$(awk '/Cpus_allowed_list/ {print $2}' /proc/1/status)"
	sleeping d
	ok runtime exec d awk '/Cpus_allowed_list/ {print $2}' /proc/self/status
	prints 1
}

@test "exec doesn't inherit the affinity of its caller either" {
	[ "$(nproc --all)" -gt 1 ] || skip 'the host has one processor'
	only_ours 'newer than runc 1.1'
	sleeping c
	invoke taskset -c 0 "$RUNTIME" --root "$ROOT" exec c awk '/Cpus_allowed_list/ {print $2}' /proc/self/status
	equal "$output" "$(awk '/Cpus_allowed_list/ {print $2}' /proc/1/status)"
}
