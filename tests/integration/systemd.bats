#!/usr/bin/env bats
# Cgroups created by systemd: the global flag --systemd-cgroup.

load lib

# setup skips the tests if the host has no systemd, which setup_file can't do.
eval "common_$(declare -f setup)"
setup() {
	common_setup
	[ -d /run/systemd/system ] || skip 'the host has no systemd'
	[ -S /run/systemd/private ] || [ -S /run/dbus/system_bus_socket ] || skip "systemd can't be reached"
}

# with_unit makes the bundle's cgroup that of the unit $CGROUP.scope.
with_unit() {
	config ".linux.cgroupsPath = \"${1:-system.slice}::$CGROUP\""
	UNIT=$CGROUP.scope
}

systemd() { runtime --systemd-cgroup "$@"; }

property() { systemctl show --property "$1" --value "$UNIT"; }

failed() { [ "$(property ActiveState)" = failed ]; }

# group CONTROLLER prints the directory of the unit's cgroup.
group() {
	local top=/sys/fs/cgroup
	! cgroup_v1 || top+=/$1
	echo "$top$(property ControlGroup)"
}

detached() {
	args sleep 1000
	ok systemd run --detach c
}

@test "systemd: a scope in its slice, removed by delete" {
	with_unit runnel-test.slice
	detached
	equal "$(property ActiveState) $(property Slice) $(property Delegate)" 'active runnel-test.slice yes'
	equal "$(property ControlGroup)" "/runnel.slice/runnel-test.slice/$UNIT"
	equal "$(cat "$(group systemd)/cgroup.procs")" "$(pid_of c)"
	ok systemd delete --force c
	equal "$(property LoadState)" not-found
	nothing_left
	ok systemctl stop runnel-test.slice
}

@test "systemd: without cgroupsPath, in the slice of services" {
	UNIT=runnel-$CGROUP.scope
	config 'del(.linux.cgroupsPath)'
	args sleep 1000
	ok systemd run --detach "$CGROUP"
	equal "$(property ControlGroup)" "/system.slice/$UNIT"
	ok runtime delete --force "$CGROUP"
}

@test "systemd: limits in the unit and exactly in the cgroup, after daemon-reload too" {
	with_unit
	config '.linux.resources += {"memory": {"limit": 67108864}, "pids": {"limit": 77},
		"cpu": {"shares": 2048, "quota": 20500, "period": 50000}}'
	detached
	equal "$(property TasksMax) $(property CPUQuotaPerSecUSec)" '77 410ms'
	ok systemctl daemon-reload
	if cgroup_v1; then
		equal "$(property CPUShares)" 2048
		equal "$(cat "$(group pids)/pids.max") $(cat "$(group memory)/memory.limit_in_bytes")" '77 67108864'
	else
		equal "$(property MemoryMax)" 67108864
		equal "$(cd "$(group)" && cat pids.max memory.max cpu.max)" $'77\n67108864\n20500 50000'
	fi
}

@test "systemd: a limit of one process, with a user namespace" {
	with_unit
	config '.linux.resources.pids.limit = 1 | .linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	detached
	equal "$(property TasksMax)" 1
	equal "$(cat "$(group pids)/pids.max")" 1
}

@test "systemd: update changes the unit's properties" {
	with_unit
	config '.linux.resources += {"cpu": {"quota": 20000, "period": 50000}}'
	detached
	ok runtime update --pids-limit 2000 --cpu-quota 30000 c
	equal "$(property TasksMax) $(property CPUQuotaPerSecUSec)" '2000 600ms'
	ok systemctl daemon-reload
	equal "$(cat "$(group pids)/pids.max")" 2000
	if cgroup_v1; then
		equal "$(cat "$(group cpu)/cpu.cfs_quota_us") $(cat "$(group cpu)/cpu.cfs_period_us")" '30000 50000'
	else
		equal "$(cat "$(group)/cpu.max")" '30000 50000'
	fi
}

@test "systemd: the device rules survive daemon-reload" {
	with_unit
	config '.linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]'
	detached
	local script='(: </dev/kmsg) 2>/dev/null && echo open; : </dev/null && echo null'
	ok runtime exec c sh -c "$script"
	prints null
	ok systemctl daemon-reload
	ok runtime exec c sh -c "$script"
	prints null
	# Those of an update, too.
	ok runtime update --device-add /dev/kmsg c
	ok systemctl daemon-reload
	ok runtime exec c sh -c "$script"
	prints $'open\nnull'
	ok runtime update --device-remove /dev/kmsg c
	ok systemctl daemon-reload
	ok runtime exec c sh -c "mknod /kmsg c 1 11; ${script//\/dev\/kmsg//kmsg}"
	prints null
}

@test "systemd: exec, pause, kill of all" {
	with_unit
	script 'sleep 1000 & exec sleep 1000'
	ok systemd run --detach c
	ok runtime exec c true
	ok runtime pause c
	has_status c paused
	ok runtime resume c
	ok runtime kill --all c KILL
	until_true stopped c
	ok runtime delete c
	equal "$(property LoadState)" not-found
}

@test "systemd: the unit of another container is refused and not affected" {
	with_unit
	detached
	exits 1 systemd run d
	says "$UNIT.*exists already"
	one_sentence
	has_status c running
	equal "$(status_of d)" none
	equal "$(property ActiveState)" active
}

@test "systemd: a failed unit of the same name is reset" {
	with_unit
	if systemd-run --quiet --scope --unit "$UNIT" --property RuntimeMaxSec=1 sleep 30; then
		fail 'the unit has not failed'
	fi
	until_true failed
	script 'echo runs'
	ok systemd run c
	prints runs
}

@test "systemd: a frozen cgroup is refused, and can be used after it is thawed" {
	with_unit
	local dir=/sys/fs/cgroup/system.slice/$CGROUP.scope file=cgroup.freeze on=1 off=0
	if cgroup_v1; then
		dir=/sys/fs/cgroup/freezer/system.slice/$CGROUP.scope file=freezer.state on=FROZEN off=THAWED
	fi
	mkdir -p "$dir"
	echo $on >"$dir/$file"
	exits 1 systemd run c
	says "$UNIT is frozen"
	equal "$(status_of c)" none
	equal "$(property LoadState)" not-found
	echo $off >"$dir/$file"
	script 'echo runs'
	ok systemd run c
	prints runs
}

@test "systemd: annotations set properties" {
	with_unit
	config '.annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Documentation": "[\"man:x(1)\"]"}'
	detached
	equal "$(property TimeoutStopUSec) $(property Documentation)" '7s "man:x(1)"'
}

@test "systemd: invalid annotations" {
	with_unit
	local value
	for value in 'PIDs": "[uint32 1]' 'After": "[' 'Ab": "1' 'ExecStart": "true'; do
		config ".annotations = {\"org.systemd.property.$value\"}"
		exits 1 systemd run c
		one_sentence
		says "annotation org.systemd.property.(PIDs|After|Ab): |Cannot set property ExecStart, or unknown property"
	done
	nothing_left
}

@test "systemd: a cgroupsPath of cgroupfs is refused" {
	exits 1 systemd run c
	says 'expected cgroupsPath to be of format "slice:prefix:name"'
	one_sentence
	config '.linux.cgroupsPath = "system.slice:x:../y"'
	exits 1 systemd run c
	one_sentence
	nothing_left
}

@test "systemd: a create that fails leaves no unit" {
	with_unit
	config '.hooks.createRuntime = [{"path": "/bin/false"}]'
	exits 1 systemd run c
	equal "$(property LoadState)" not-found
	config 'del(.hooks) | .linux.resources.unified = {"memory.nonsense": "1"}'
	exits 1 systemd run c
	one_sentence
	equal "$(property LoadState)" not-found
	nothing_left
}

@test "systemd: an error if systemd can't be reached" {
	with_unit
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$TMP/none
	exits 1 systemd run c
	says "connect to the system's systemd: unix:path=.*/none: .*no such file"
	one_sentence
	nothing_left
}

@test "systemd: an update of one CPU limit leaves the others exact" {
	with_unit
	config '.linux.resources += {"cpu": {"shares": 2048, "quota": 20333, "period": 50000}}'
	detached
	ok runtime update --cpu-share 1024 c
	if cgroup_v1; then
		equal "$(cat "$(group cpu)/cpu.cfs_quota_us") $(cat "$(group cpu)/cpu.shares")" '20333 1024'
	else
		equal "$(cat "$(group)/cpu.max") $(cat "$(group)/cpu.weight")" '20333 50000 100'
	fi
}

@test "systemd: cpu.idle, set and unset" {
	needs_cgroup_v2
	with_unit
	config '.linux.resources += {"cpu": {"shares": 2048}}'
	detached
	ok runtime update --cpu-idle 1 c
	ok systemctl daemon-reload
	equal "$(property CPUWeight) $(cat "$(group)/cpu.idle")" 'idle 1'
	ok runtime update --cpu-idle 0 c
	ok systemctl daemon-reload
	equal "$(property CPUWeight) $(cat "$(group)/cpu.idle") $(cat "$(group)/cpu.weight")" '[not set] 0 100'
}

@test "systemd: limits of block devices" {
	needs_controller "$(cgroup_v1 && echo blkio || echo io)"
	local device name
	read -r device name < <(lsblk -ndo MAJ:MIN,NAME | grep -v nbd)
	[ -n "$device" ] || skip 'the host has no block device'
	# udev would create the node, but the guest has none.
	[ -e "/dev/block/$device" ] || { mkdir -p /dev/block && ln -s "../$name" "/dev/block/$device"; }
	with_unit
	config '.linux.resources.blockIO = {"throttleReadBpsDevice": [$d + {"rate": 1048576}], "throttleWriteIOPSDevice": [$d + {"rate": 300}]}' \
		--argjson d "{\"major\": ${device%:*}, \"minor\": ${device#*:}}"
	detached
	ok systemctl daemon-reload
	if cgroup_v1; then
		equal "$(property BlockIOReadBandwidth)" "/dev/block/$device 1048576"
		equal "$(cat "$(group blkio)/blkio.throttle.read_bps_device")" "$device 1048576"
		equal "$(cat "$(group blkio)/blkio.throttle.write_iops_device")" "$device 300"
		return
	fi
	equal "$(property IOReadBandwidthMax) $(property IOWriteIOPSMax)" "/dev/block/$device 1048576 /dev/block/$device 300"
	equal "$(cat "$(group)/io.max")" "$device rbps=1048576 wbps=max riops=max wiops=300"
	echo '{"blockIO": {"throttleReadBpsDevice": [{"major": '"${device%:*}"', "minor": '"${device#*:}"', "rate": 0}]}}' >r
	ok runtime update --resources r c
	ok systemctl daemon-reload
	equal "$(cat "$(group)/io.max")" "$device rbps=max wbps=max riops=max wiops=300"
}

@test "systemd: unified, after daemon-reload too" {
	needs_cgroup_v2
	with_unit
	config '.linux.resources.unified = {"memory.high": "40000000", "memory.swap.max": "4096", "cpu.weight": "77", "pids.max": "55"}'
	detached
	ok systemctl daemon-reload
	equal "$(property MemoryHigh) $(property CPUWeight) $(property TasksMax)" '40000000 77 55'
	equal "$(cd "$(group)" && cat memory.high cpu.weight pids.max)" $'39997440\n77\n55'
	echo '{"unified": {"memory.high": "max", "cpu.weight": "88"}}' >r
	ok runtime update --resources r c
	ok systemctl daemon-reload
	equal "$(cd "$(group)" && cat memory.high cpu.weight pids.max)" $'max\n88\n55'
}

@test "systemd: a unit that somebody else stops" {
	with_unit
	detached
	ok systemctl stop "$UNIT"
	until_true stopped c
	exits 1 runtime update --pids-limit 5 c
	ok runtime delete c
	equal "$(property LoadState)" not-found
	nothing_left
}

@test "systemd: a unit that fails under the container" {
	with_unit
	config '.annotations = {"org.systemd.property.RuntimeMaxUSec": "uint64 1000000"}'
	detached
	until_true stopped c
	ok runtime delete c
	equal "$(property LoadState)" not-found
	ok systemd run --detach c
}

@test "systemd: most commands don't connect to it" {
	with_unit
	args sleep 1000
	ok systemd create c
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$TMP/none
	ok runtime start c
	ok runtime exec c true
	ok runtime state c
	ok runtime ps c
	ok runtime events --stats c
	ok runtime pause c
	ok runtime resume c
	ok runtime kill c KILL
	until_true stopped c
	# A unit ends with its last process, unless its cgroup is removed before systemd has
	# noticed that.
	until_true env -u DBUS_SYSTEM_BUS_ADDRESS sh -c "[ \$(systemctl show --property LoadState --value $UNIT) = not-found ]"
	ok runtime delete c
	unset DBUS_SYSTEM_BUS_ADDRESS
}

@test "systemd: after daemon-reexec and a restart of the message bus" {
	with_unit
	detached
	ok systemctl daemon-reexec
	ok runtime update --pids-limit 66 c
	equal "$(property TasksMax)" 66
	[ -S /run/dbus/system_bus_socket ] || skip 'there is no message bus'
	ok systemctl restart dbus
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
	ok runtime update --pids-limit 67 c
	equal "$(cat "$(group pids)/pids.max")" 67
	ok runtime delete --force c
	unset DBUS_SYSTEM_BUS_ADDRESS
	equal "$(property LoadState)" not-found
}

@test "systemd: an ordinary user's units" {
	needs_cgroup_v2
	local user=${TEST_USER:-tester}
	id "$user" >/dev/null 2>&1 || skip "there is no user $user"
	chmod 711 "$BATS_RUN_TMPDIR" "$TMP"
	rm config.json
	cat >"$TMP/as-user" <<-END
		set -e
		cd "\$(mktemp -d)"
		cp -a "$BUNDLE/rootfs" rootfs
		"$RUNTIME" spec --rootless
		jq '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.cgroupsPath = "user.slice::$CGROUP" |
			.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 77}}' config.json >new
		mv new config.json
		"$RUNTIME" --systemd-cgroup run --detach $CGROUP </dev/null >/dev/null
		cd "/sys/fs/cgroup\$(systemctl --user show -P ControlGroup $CGROUP.scope)"
		cat memory.max pids.max
		systemd-run --user --scope --quiet "$RUNTIME" exec $CGROUP echo inside
		"$RUNTIME" delete --force $CGROUP
		systemctl --user show -P LoadState $CGROUP.scope
	END
	ok su -l -s /bin/bash "$user" "$TMP/as-user"
	prints $'67108864\n77\ninside\nnot-found'
}
