#!/usr/bin/env bats
# Resources on a full cgroup v2 host, read back.

load lib

value() { cat "$(cgroup_dir)/$1"; }
resources() { config ".linux.resources += $1"; }

@test "v2: memory, cpu, pids and cpuset" {
	needs_cgroup_v2
	resources '{"memory": {"limit": 67108864, "swap": 134217728, "reservation": 33554432},
		"cpu": {"shares": 1024, "quota": 20000, "period": 50000, "cpus": "0", "mems": "0"}, "pids": {"limit": 77}}'
	sleeping c
	equal "$(value memory.max) $(value memory.low) $(value cpu.max) $(value pids.max)" '67108864 33554432 20000 50000 77'
	equal "$(value cpuset.cpus) $(value cpuset.mems)" '0 0'
	[ ! -e "$(cgroup_dir)/memory.swap.max" ] || equal "$(value memory.swap.max)" 67108864
	! is_ours || equal "$(value cpu.weight)" 100
}

@test "v2: unified, after the typed fields" {
	needs_cgroup_v2
	resources '{"pids": {"limit": 10}, "unified": {"pids.max": "20", "memory.high": "50000000"}}'
	sleeping c
	equal "$(value pids.max)" 20
	equal "$(value memory.high)" 49999872
}

@test "v2: unified with a file that doesn't exist" {
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
	needs_root 'load device programs'
	needs_cgroup_v2
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"}] |
		.linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}, {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]'
	script 'head -c 1 /dev/kmsg 2>&1 | grep -o "Operation not permitted"; (: </dev/fuse) 2>&1 | grep -c "not permitted"; echo x >/dev/null && echo null'
	run_container
	prints $'Operation not permitted\n0\nnull'
}

@test "v2: a cgroup mount takes the options of the host's" {
	needs_cgroup_v2
	config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nsdelegate", "memory_recursiveprot"]}]'
	run_prints 'test -e /sys/fs/cgroup/cgroup.procs && echo bound' bound
	config '.linux.namespaces += [{"type": "cgroup"}]'
	run_prints 'grep -c domain /sys/fs/cgroup/cgroup.type' 1
	config '.mounts[-1].options += ["nonsense"]'
	exits 1 runtime create c
	only_ours 'runc 1.1 gives the error of mount(2)'
	says 'mounts\[6\] /sys/fs/cgroup: .*nonsense'
	one_sentence
	nothing_left
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

@test "v2: weights, burst and idle" {
	needs_cgroup_v2
	only_ours 'older ones convert shares linearly'
	local pair
	for pair in 2:1 10:4 512:59 1024:100 4096:303 262144:10000; do
		resources "{\"cpu\": {\"shares\": ${pair%:*}}}"
		sleeping c
		equal "$(value cpu.weight)" "${pair#*:}"
		ok runtime delete --force c
	done
	resources '{"cpu": {"quota": 20000, "period": 50000, "burst": 10000}}'
	sleeping c
	equal "$(value cpu.max) $(value cpu.max.burst)" '20000 50000 10000'
	ok runtime update --cpu-quota 5000 --cpu-burst 5000 c
	equal "$(value cpu.max) $(value cpu.max.burst)" '5000 50000 5000'
	ok runtime update --cpu-period 100000 c
	equal "$(value cpu.max)" '5000 100000'
	ok runtime update --cpu-quota -1 --cpu-burst 0 --cpu-idle 1 c
	equal "$(value cpu.max) $(value cpu.max.burst) $(value cpu.idle)" 'max 100000 0 1'
}

@test "v2: io.max and io.weight" {
	needs_cgroup_v2
	needs_controller io
	local device
	device=$(lsblk -ndo MAJ:MIN,NAME | awk '$2 !~ /^nbd/ {print $1; exit}')
	[ -n "$device" ] || skip 'the host has no block device'
	config '.linux.resources.blockIO = {"throttleReadBpsDevice": [$d + {"rate": 1048576}], "throttleWriteBpsDevice": [$d + {"rate": 2097152}],
		"weight": 505, "throttleReadIOPSDevice": [$d + {"rate": 100}], "throttleWriteIOPSDevice": [$d + {"rate": 200}]}' \
		--argjson d "{\"major\": ${device%:*}, \"minor\": ${device#*:}}"
	sleeping c
	equal "$(value io.max)" "$device rbps=1048576 wbps=2097152 riops=100 wiops=200"
	if [ -e "$(cgroup_dir)/io.bfq.weight" ]; then
		equal "$(value io.bfq.weight)" 'default 505'
	else
		equal "$(value io.weight)" 'default 5000'
	fi
}

@test "v2: a container has all controllers that it can have" {
	needs_cgroup_v2
	needs_cgroupfs 'systemd decides'
	config 'del(.linux.resources)'
	sleeping c
	if rootless; then
		equal "$(value cgroup.controllers)" "$(cat "$(cgroup_dir)/../cgroup.controllers")"
	else
		equal "$(value cgroup.controllers)" "$(cat /sys/fs/cgroup/cgroup.controllers)"
	fi
}

@test "v2: controllers and files that don't exist" {
	needs_cgroup_v2
	only_ours 'the error lists what is available'
	! grep -qw hugetlb /sys/fs/cgroup/cgroup.controllers || skip 'the host has hugetlb'
	resources '{"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}'
	exits 1 runtime create c
	says 'cgroup controller hugetlb is not available in /sys/fs/cgroup, only ".*memory.*"'
	one_sentence
	config 'del(.linux.resources.hugepageLimits)'
	resources '{"unified": {"hugetlb.2MB.max": "0"}}'
	exits 1 runtime create c
	says 'cgroup controller hugetlb is not available'
	one_sentence
	nothing_left
}

@test "v2: rdma and misc" {
	needs_root 'have these controllers'
	needs_cgroup_v2
	needs_controller misc
	resources '{"unified": {"misc.max": "nothing 5"}}'
	exits 1 runtime create c
	! is_ours || says 'linux.resources.unified\["misc.max"\]: write "nothing 5" to .*/misc.max: invalid argument'
	one_sentence
	needs_controller rdma
	config 'del(.linux.resources.unified)'
	resources '{"rdma": {"mlx5_1": {"hcaHandles": 3}}}'
	exits 1 runtime create c
	! is_ours || says 'linux.resources.rdma.mlx5_1: write "mlx5_1 hca_handle=3" to .*/rdma.max: no such device'
	one_sentence
	nothing_left
}

@test "v2: a cgroup below one that has processes" {
	needs_root 'create a cgroup there'
	needs_cgroupfs 'systemd creates its cgroups elsewhere'
	needs_cgroup_v2
	only_ours 'the error names the processes'
	mkdir "/sys/fs/cgroup/$CGROUP"
	sleep 1000 3>&- &
	local pid=$!
	echo $pid >"/sys/fs/cgroup/$CGROUP/cgroup.procs"
	config ".linux.cgroupsPath = \"/$CGROUP/below\""
	run_container
	equal "$(value cgroup.type)" domain # not made threaded without need
	resources '{"memory": {"limit": 67108864}, "pids": {"limit": 10}}'
	exits 1 runtime create c
	equal "$(value cgroup.type)" domain
	says "enable cgroup controller memory below /sys/fs/cgroup/$CGROUP: .*only while it has no processes of its own, and it has: $pid \\(sleep\\)"
	one_sentence
	kill $pid
	wait $pid || true
	rmdir "/sys/fs/cgroup/$CGROUP"
	nothing_left
}

@test "v2: root of a user namespace divides its cgroup, and can't raise its limits" {
	needs_root 'map these ids'
	needs_cgroup_v2
	only_ours "exec joins the cgroup of init"
	grep -q ' /sys/fs/cgroup .*nsdelegate' /proc/self/mountinfo || skip 'the host delegates nothing to cgroup namespaces'
	config '.linux.namespaces += [{"type": "cgroup"}, {"type": "user"}] | .linux.resources += {"memory": {"limit": 67108864}} |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings |
		.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "rw"]}]'
	script 'cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +memory >cgroup.subtree_control &&
		{ (echo max >memory.max) 2>&1 | grep -o "Permission denied\|Operation not permitted"; echo split; exec sleep 1000; }'
	ok runtime run --detach c
	until_true grep -q split "$TMP/stdout"
	matches "$(<"$TMP/stdout")" $'(Permission denied|Operation not permitted)\nsplit'
	equal "$(value memory.max)" 67108864
	equal "$(value init/cgroup.procs)" "$(pid_of c)"
	ok runtime exec c cat /proc/self/cgroup
	prints 0::/init
	ok runtime delete --force c
	nothing_left
}

@test "v2: update with checkBeforeUpdate refuses a limit below the current usage" {
	needs_cgroup_v2
	only_ours 'some versions of runc lack it'
	resources '{"memory": {"limit": 67108864}}'
	script 'head -c 20m /dev/zero >/dev/shm/f; exec sleep 1000'
	config '.mounts += [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/dev/shm", "type": "tmpfs", "source": "shm"}]'
	ok runtime run --detach c
	until_true sh -c "[ \$(cat $(cgroup_dir)/memory.current) -gt 20000000 ]"
	echo '{"memory": {"limit": 10485760, "checkBeforeUpdate": true}}' >r
	exits 1 runtime update --resources r c
	says 'linux.resources.memory.limit: rejecting memory limit 10485760 <= usage [0-9]+'
	one_sentence
	equal "$(value memory.max)" 67108864
	has_status c running
}

@test "v2: update by every flag" {
	needs_cgroup_v2
	sleeping c
	ok runtime update --cpu-period 50000 --cpu-quota 20000 --cpu-share 1024 --cpuset-cpus 0 --cpuset-mems 0 \
		--memory 64m --memory-reservation 32m --memory-swap 128m --pids-limit 44 c
	equal "$(cd "$(cgroup_dir)" && cat cpu.max cpuset.cpus cpuset.mems memory.max memory.low pids.max)" \
		$'20000 50000\n0\n0\n67108864\n33554432\n44'
	[ ! -e "$(cgroup_dir)/memory.swap.max" ] || equal "$(value memory.swap.max)" 67108864
	ok runtime update --memory -1 --pids-limit -1 c
	equal "$(value memory.max) $(value pids.max)" 'max max'
	ok runtime update --pids-limit 0 c
	equal "$(value pids.max)" 1
	# Only the given limits change, although runc's JSON has a key for each.
	echo '{"memory": {}, "cpu": {"shares": 0}, "blockIO": {}, "pids": null}' >r
	ok runtime update --resources r c
	equal "$(value cpu.max) $(value pids.max)" '20000 50000 1'
}
