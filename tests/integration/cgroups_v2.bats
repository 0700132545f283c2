#!/usr/bin/env bats
# Resources on a full cgroup v2 host, read back.

load lib

value() { cat "/sys/fs/cgroup/$CGROUP/$1"; }
resources() { config ".linux.resources += $1"; }

@test "v2: memory, cpu, pids and cpuset" {
	needs_cgroup_v2
	resources '{"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432},
		"cpu": {"shares": 1024, "quota": 20000, "period": 50000, "cpus": "0", "mems": "0"}, "pids": {"limit": 77}}'
	sleeping c
	equal "$(value memory.max) $(value memory.low) $(value cpu.max) $(value pids.max)" '67108864 33554432 20000 50000 77'
	equal "$(value cpuset.cpus) $(value cpuset.mems)" '0 0'
	[ ! -e "/sys/fs/cgroup/$CGROUP/memory.swap.max" ] || equal "$(value memory.swap.max)" 67108864
	! is_ours || equal "$(value cpu.weight)" 100
}

@test "v2: unified, after the typed fields" {
	needs_cgroup_v2
	resources '{"pids": {"limit": 10}, "unified": {"pids.max": "20", "memory.high": "50000000"}}'
	sleeping c
	equal "$(value pids.max)" 20
	equal "$(value memory.high)" 49999872
}

@test "v2: unified with a file that there isn't" {
	needs_cgroup_v2
	resources '{"unified": {"memory.nonsense": "1"}}'
	exits 1 runtime create c
	says 'memory.nonsense'
	one_sentence
	config '.linux.resources.unified = {"../pids.max": "1"}'
	exits 1 runtime create c
	one_sentence
	nothing_left
}

@test "v2: device rules" {
	needs_cgroup_v2
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"}] |
		.linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}, {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]'
	script 'head -c 1 /dev/kmsg 2>&1 | grep -o "Operation not permitted"; (: </dev/fuse) 2>&1 | grep -c "not permitted"; echo x >/dev/null && echo null'
	run_container
	prints $'Operation not permitted\n0\nnull'
}

@test "v2: the cgroup mount shows the container's own group" {
	needs_cgroup_v2
	config '.linux.namespaces += [{"type": "cgroup"}] |
		.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
	run_prints 'cat /sys/fs/cgroup/cgroup.procs | head -1; cat /proc/self/cgroup' $'1\n0::/'
}

@test "v2: pause, kill of all, delete" {
	needs_cgroup_v2
	script 'sleep 1000 & sleep 1000 & exec sleep 1000'
	ok runtime run --detach c
	ok runtime pause c
	equal "$(value cgroup.freeze)" 1
	has_status c paused
	ok runtime delete --force c
	nothing_left
}

@test "v2: update" {
	needs_cgroup_v2
	resources '{"memory": {"limit": 67108864}, "pids": {"limit": 77}}'
	sleeping c
	ok runtime update --memory 32m c
	equal "$(value memory.max) $(value pids.max)" '33554432 77'
}
