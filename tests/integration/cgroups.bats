#!/usr/bin/env bats
# Resources on cgroup v1, read back; pause, resume, update; removal.

load lib

# value CONTROLLER FILE prints a file of the container's v1 cgroup.
value() { cat "/sys/fs/cgroup/$1/$CGROUP/$2"; }

resources() { config ".linux.resources += $1"; }

# keeps_soft_limit succeeds unless the kernel accepts and ignores soft limits, as newer ones do.
keeps_soft_limit() {
	local probe=/sys/fs/cgroup/memory/$CGROUP-probe value
	mkdir "$probe"
	echo 4096 >"$probe/memory.soft_limit_in_bytes"
	value=$(<"$probe/memory.soft_limit_in_bytes")
	rmdir "$probe"
	[ "$value" = 4096 ]
}

@test "the container is in its group of every controller" {
	needs_cgroup_v1
	sleeping c
	local pid controller
	pid=$(pid_of c)
	for controller in cpu cpuset memory devices freezer blkio pids; do
		[ -d "/sys/fs/cgroup/$controller" ] || continue
		grep -qx "$pid" "/sys/fs/cgroup/$controller/$CGROUP/cgroup.procs" || fail "not in $controller"
	done
}

@test "memory: limit, swap, reservation, swappiness, disableOOMKiller" {
	needs_cgroup_v1
	needs_controller memory
	resources '{"memory": {"limit": 67108864, "reservation": 33554432}}'
	sleeping c
	equal "$(value memory memory.limit_in_bytes)" 67108864
	! keeps_soft_limit || equal "$(value memory memory.soft_limit_in_bytes)" 33554432
	ok runtime delete --force c
	[ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip 'the host counts no swap'
	resources '{"memory": {"limit": 67108864, "swap": 134217728}}'
	sleeping c
	equal "$(value memory memory.memsw.limit_in_bytes)" 134217728
}

@test "memory: swappiness" {
	needs_cgroup_v1
	[ -e /sys/fs/cgroup/memory/memory.swappiness ] || skip 'the host has no memory.swappiness'
	resources '{"memory": {"swappiness": 33}}'
	sleeping c
	equal "$(value memory memory.swappiness)" 33
}

@test "memory: a process that exceeds the limit is killed" {
	needs_controller memory
	resources '{"memory": {"limit": 16777216}}'
	script 'head -c 100000000 /dev/zero | tail -c 100000000 >/dev/null; exit $?'
	invoke runtime run c
	[ "$status" != 0 ]
	nothing_left
}

@test "cpu: shares, quota and period" {
	needs_cgroup_v1
	needs_controller cpu
	resources '{"cpu": {"shares": 300, "quota": 20000, "period": 50000}}'
	sleeping c
	equal "$(value cpu cpu.shares) $(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" '300 20000 50000'
}

@test "cpu: a period without a quota, a quota without a period" {
	needs_cgroup_v1
	resources '{"cpu": {"period": 50000}}'
	sleeping c
	equal "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" '-1 50000'
	ok runtime delete --force c
	config '.linux.resources.cpu = {"quota": 30000}'
	sleeping c
	equal "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" '30000 100000'
}

@test "cpuset: processors and memory nodes" {
	needs_cgroup_v1
	needs_controller cpuset
	resources '{"cpu": {"cpus": "0", "mems": "0"}}'
	sleeping c
	equal "$(value cpuset cpuset.cpus) $(value cpuset cpuset.mems)" '0 0'
	ok runtime exec c awk '/Cpus_allowed_list/ {print $2}' /proc/self/status
	prints 0
}

@test "pids: the limit holds" {
	needs_controller pids
	resources '{"pids": {"limit": 5}}'
	script 'for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo all'
	invoke runtime run c
	[[ $error == *fork* ]]
	nothing_left
}

@test "pids: -1 is no limit" {
	needs_cgroup_v1
	resources '{"pids": {"limit": -1}}'
	sleeping c
	equal "$(value pids pids.max)" max
}

@test "blkio: throttling" {
	needs_cgroup_v1
	needs_controller blkio
	local device
	device=$(lsblk -dno MAJ:MIN 2>/dev/null | head -1 | tr -d ' ')
	[ -n "$device" ] || skip 'the host has no block device'
	[ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ] || skip 'the host has no blkio.throttle'
	resources "{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 1000000}],
		\"throttleWriteIOPSDevice\": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": 100}]}}"
	sleeping c
	equal "$(value blkio blkio.throttle.read_bps_device)" "$device 1000000"
	equal "$(value blkio blkio.throttle.write_iops_device)" "$device 100"
}

@test "a limit that can't be set is an error and leaves nothing" {
	needs_cgroup_v1
	resources '{"cpu": {"cpus": "4000"}}'
	exits 1 runtime create c
	says 'cpuset'
	one_sentence
	nothing_left
}

@test "a relative cgroups path, and none" {
	config '.linux.cgroupsPath = $c' --arg c "$CGROUP"
	sleeping c
	grep -q "$CGROUP" "/proc/$(pid_of c)/cgroup"
	ok runtime delete --force c
	config 'del(.linux.cgroupsPath)'
	sleeping "$CGROUP"
	grep -q "$CGROUP" "/proc/$(pid_of "$CGROUP")/cgroup"
	ok runtime delete --force "$CGROUP"
	nothing_left
}

@test "--cgroup-manager disabled: no cgroup, no limits, and a warning about device rules" {
	only_ours 'runc has no --cgroup-manager'
	needs_cgroupfs 'the global flags contradict each other'
	config '.linux.cgroupsPath = $c | .linux.resources = {"devices": [{"allow": false, "access": "rwm"}]}' --arg c "$CGROUPS_PATH"
	args sleep 1000
	ok runtime --cgroup-manager disabled run --detach c
	says 'linux.resources.devices has no effect without a cgroup: '
	equal "$(cat "/proc/$(pid_of c)/cgroup")" "$(cat /proc/self/cgroup)"
	equal "$(find /sys/fs/cgroup -maxdepth 4 -name "$CGROUP*")" ''
	ok runtime exec c true
	exits 1 runtime pause c
	ok runtime state c
	equal "$(jq -r .status <<<"$output")" running
	ok runtime kill --all c KILL
	ok runtime delete c
	config '.linux.resources = {"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": 50000000}, "pids": {"limit": 9}}'
	exits 1 runtime --cgroup-manager disabled run c
	says 'linux.resources.memory, linux.resources.pids: a limit needs a cgroup, and the cgroup manager is disabled'
	exits 1 runtime --cgroup-manager disabled check
	equal "$(grep -cE 'error: linux.resources.memory: .* linux.resources.pids$|warning: linux.resources.devices: ' <<<"$output")" 2
	exits 1 runtime --cgroup-manager disabled check --host
	equal "$(grep -c 'error: ' <<<"$output")" 1
	ok runtime --cgroup-manager=cgroupfs check --host
	exits 1 runtime --cgroup-manager cgroupfs --systemd-cgroup check
	equal "$error" '--systemd-cgroup and --cgroup-manager cgroupfs contradict each other'
}

@test "a cgroups path with several directories: those that were created are removed, others stay" {
	needs_cgroupfs 'a path of cgroupfs'
	only_ours 'others leave the parents behind'
	local dir
	config '.linux.cgroupsPath += "/a/b"'
	run_container
	nothing_left
	sleeping c
	dir=$(cgroup_dir pids)
	config '.linux.cgroupsPath |= sub("b$"; "d")'
	sleeping d
	ok runtime delete --force d
	[ -d "$dir/a/b" ] && [ ! -d "$dir/a/d" ]
	sleeping d
	ok runtime delete --force c
	[ ! -d "$dir/a/b" ] && [ -d "$dir/a/d" ]
	# c had to leave the parents to d.
	ok runtime delete --force d
	nothing_left
	# A create that is killed before it has saved its state doesn't know what it has created.
	sleeping c
	jq 'del(.cgroup.parents)' "$ROOT/c/state.json" >"$TMP/edited"
	cat "$TMP/edited" >"$ROOT/c/state.json"
	ok runtime delete --force c
	nothing_left
}

@test "a cgroups path with several directories: those that others have created stay" {
	needs_root 'create cgroups there'
	needs_cgroupfs 'a path of cgroupfs'
	local top dir
	top=/sys/fs/cgroup
	! cgroup_v1 || top+=/pids
	mkdir "$top/$CGROUP"
	config '.linux.cgroupsPath += "/a/b"'
	run_container
	dir=$(find "$top/$CGROUP" -type d)
	find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*" -exec rmdir {} + 2>/dev/null || true
	nothing_left
	only_ours 'others leave the parents behind'
	equal "$dir" "$top/$CGROUP"
}

# needs_unified sets UNIFIED to the mount point of the cgroup2 hierarchy.
needs_unified() {
	UNIFIED=/sys/fs/cgroup/unified
	cgroup_v1 || UNIFIED=/sys/fs/cgroup
	[ -e "$UNIFIED/cgroup.procs" ] || skip 'the host has no cgroup2 hierarchy'
}

@test "a cgroup whose processes were all killed once, by cgroup.kill" {
	needs_root 'create a cgroup there'
	needs_cgroupfs 'systemd creates its cgroups itself'
	needs_unified
	local receiver dir=$UNIFIED/$CGROUP
	mkdir "$dir"
	[ -e "$dir/cgroup.kill" ] || skip 'the kernel has no cgroup.kill'
	sleeping c
	ok runtime kill --all c KILL
	ok runtime delete c
	run_prints 'echo runs' runs
	config '.process.terminal = true'
	receiver=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" 3>&- <<<'await runs')
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	ok runtime delete --force c
	config '.process.terminal = false'
	sleeping c
	grep -qF "0::/$CGROUP" "/proc/$(pid_of c)/cgroup"
	echo 1 >"$dir/cgroup.kill"
	until_true stopped c
	ok runtime delete c
	! is_ours || rmdir "$dir" # others remove a cgroup that they haven't created
	nothing_left
}

@test "a caller in a cgroup whose processes were all killed once" {
	needs_root 'create a cgroup there'
	needs_unified
	local caller=$UNIFIED/$CGROUP-caller
	mkdir "$caller"
	[ -e "$caller/cgroup.kill" ] || { rmdir "$caller"; skip 'the kernel has no cgroup.kill'; }
	echo 1 >"$caller/cgroup.kill"
	config '.process.args = ["sleep", "1000"]'
	# shellcheck disable=SC2016 # the inner shell's
	ok sh -c 'echo 0 >"$1/cgroup.procs" && shift && "$@" run --detach c && "$@" exec c cat /proc/self/cgroup &&
		"$@" exec --detach c sleep 1001' sh "$caller" "$RUNTIME" --root "$ROOT"
	matches "$output" "0::/.*$CGROUP(\.scope)?\$"
	ok runtime ps -f json c
	equal "$(jq length <<<"$output")" 2
	ok runtime delete --force c
	rmdir "$caller"
	nothing_left
}

@test "unified on a host without cgroup v2 controllers" {
	needs_cgroup_v1
	only_ours 'runc 1.1 ignores it'
	resources '{"unified": {"memory.max": "1000000"}}'
	exits 1 runtime create c
	says 'unified'
	one_sentence
	nothing_left
}

@test "pause stops the processes, resume continues them" {
	script 'i=0; while :; do i=$((i+1)); echo $i >/tmp/counter; done'
	ok runtime run --detach c
	until_true test -s rootfs/tmp/counter
	ok runtime pause c
	has_status c paused
	local before
	before=$(<rootfs/tmp/counter)
	sleep 0.1
	equal "$(<rootfs/tmp/counter)" "$before"
	ok runtime resume c
	has_status c running
	moved() { [ "$(<rootfs/tmp/counter)" != "$before" ]; }
	until_true moved
}

@test "pause and resume in the wrong state" {
	sleeping c
	exits 1 runtime resume c
	says 'container not paused'
	ok runtime pause c
	exits 1 runtime pause c
	says 'container not running|paused'
	ok runtime resume c
}

@test "update by flags" {
	needs_cgroup_v1
	resources '{"memory": {"limit": 67108864}, "cpu": {"shares": 100, "quota": 20000, "period": 50000}, "pids": {"limit": 100}}'
	sleeping c
	ok runtime update --memory 32m c
	equal "$(value memory memory.limit_in_bytes)" 33554432
	ok runtime update c --memory 128M
	equal "$(value memory memory.limit_in_bytes)" 134217728
	ok runtime update --memory-reservation 1000000 c
	ok runtime update --cpu-share 700 c
	equal "$(value cpu cpu.shares)" 700
	ok runtime update --cpu-quota 30000 c
	equal "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" '30000 50000'
	ok runtime update --cpu-period 60000 c
	equal "$(value cpu cpu.cfs_quota_us) $(value cpu cpu.cfs_period_us)" '30000 60000'
	ok runtime update --cpuset-cpus 0 c
	equal "$(value cpuset cpuset.cpus)" 0
	ok runtime update --pids-limit 50 c
	equal "$(value pids pids.max)" 50
	ok runtime update --memory -1 c
	[ "$(value memory memory.limit_in_bytes)" -gt 1000000000000 ]
}

@test "update changes only the limits that are given" {
	needs_cgroup_v1
	resources '{"memory": {"limit": 67108864}, "cpu": {"shares": 100}, "pids": {"limit": 77}}'
	sleeping c
	ok runtime update --cpu-share 200 c
	equal "$(value memory memory.limit_in_bytes) $(value cpu cpu.shares) $(value pids pids.max)" '67108864 200 77'
	ok runtime exec c sh -c 'echo x >/dev/null; head -c 1 /dev/zero | wc -c'
	prints 1
}

@test "update by JSON, from a file and from standard input" {
	needs_cgroup_v1
	sleeping c
	echo '{"memory": {"limit": 33554432}, "pids": {"limit": 20}}' >"$TMP/r.json"
	ok runtime update --resources "$TMP/r.json" c
	equal "$(value memory memory.limit_in_bytes) $(value pids pids.max)" '33554432 20'
	echo '{"memory": {"limit": 67108864}, "cpu": {"shares": 512}}' | "$RUNTIME" --root "$ROOT" update --resources=- c 3>&-
	equal "$(value memory memory.limit_in_bytes) $(value cpu cpu.shares)" '67108864 512'
	echo '{"pids": {"limit": 21}}' | "$RUNTIME" --root "$ROOT" update --resources - c 3>&-
	equal "$(value pids pids.max)" 21
}

@test "update: keys with letters of another case count, unknown ones are told" {
	sleeping
	echo '{"Pids": {"LIMIT": 33}, "memroy": {}}' >r.json
	ok runtime update --resources r.json c
	equal "$(<"$(cgroup_dir pids)/pids.max")" 33
	only_ours 'it is silent'
	says 'r\.json:1:2: Pids: is read as .*pids'
	says 'r\.json:1:25: memroy: unknown property: it is ignored .did you mean .*memory'
}

@test "update: device rules are replaced as a whole" {
	needs_root 'set device rules'
	only_ours 'it ignores them'
	config '.linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}]'
	config '.linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
	# The host may lack the driver, which is another error.
	opens() { ok runtime exec c sh -c "for f in $1; do (: <\$f) 2>&1 | grep -q 'not permitted' || echo \$f; done"; }
	sleeping
	opens '/dev/fuse /dev/null'
	prints $'/dev/fuse\n/dev/null'
	echo '{"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 40}}' >none.json
	jq .linux.resources config.json >same.json
	ok runtime update --resources none.json c
	opens '/dev/fuse /dev/null'
	prints /dev/null
	ok runtime update --pids-limit 50 c
	opens /dev/fuse
	prints ''
	ok runtime update --resources same.json c
	opens /dev/fuse
	prints /dev/fuse
	# Rules that are in force already aren't set again: what others have allowed stays.
	if cgroup_v1; then
		echo 'c 1:4 r' >"$(cgroup_dir devices)/devices.allow"
		mknod rootfs/port c 1 4
		ok runtime update --resources same.json c
		grep -q '^c 1:4 r' "$(cgroup_dir devices)/devices.list"
	fi
	# Nothing is changed if a rule is invalid.
	echo '{"devices": [{"allow": true, "type": "z"}], "pids": {"limit": 44}}' >bad.json
	exits 1 runtime update --resources bad.json c
	says 'linux\.resources\.devices\[0\]: invalid device type "z"'
	equal "$(<"$(cgroup_dir pids)/pids.max")" 50
}

@test "update: invalid values are refused" {
	sleeping c
	exits 1 runtime update --memory lots c
	one_sentence
	exits 1 runtime update --cpu-quota x c
	one_sentence
	echo '{"memory": 7}' >"$TMP/r.json"
	exits 1 runtime update --resources "$TMP/r.json" c
	one_sentence
	exits 1 runtime update --resources /no/such/file c
	has_status c running
}

@test "update: Intel RDT on a host without it" {
	[ ! -e /sys/fs/resctrl/schemata ] || skip 'the host has resctrl'
	sleeping c
	exits 1 runtime update --l3-cache-schema L3:0=f c
	! is_ours || says 'linux.intelRdt: no resctrl file system is mounted at /sys/fs/resctrl'
	one_sentence
}

@test "the group of a process of exec" {
	sleeping c
	ok runtime exec c cat /proc/self/cgroup
	equal "$(grep -c "$CGROUP" <<<"$output")" "$(grep -c "$CGROUP" "/proc/$(pid_of c)/cgroup")"
}

@test "exec into a container whose init was moved, and whose own cgroup is gone" {
	needs_root 'move processes anywhere'
	needs_cgroupfs 'systemd ends a unit without processes'
	needs_unified
	local dir=$UNIFIED
	sleeping c
	mkdir "$dir/$CGROUP-other"
	pid_of c >"$dir/$CGROUP-other/cgroup.procs"
	ok runtime exec c grep ^0: /proc/self/cgroup
	prints "0::/$CGROUP"
	until_true rmdir "$dir/$CGROUP"
	ok runtime exec c grep ^0: /proc/self/cgroup
	prints "0::/$CGROUP-other"
	ok runtime delete --force c
	until_true rmdir "$dir/$CGROUP-other"
	nothing_left
}

@test "a container starts with a low memory limit" {
	needs_controller memory
	only_ours "runc's init in Go needs more"
	resources '{"memory": {"limit": 524288}}'
	args true
	run_container
	nothing_left
}
