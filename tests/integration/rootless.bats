#!/usr/bin/env bats
# Containers of an ordinary user. If root runs the tests, that is a user without a session
# and therefore without a cgroup; the user of a guest has both.

load lib
load ordinary_user

eval "common_$(declare -f setup)"
setup() {
	common_setup
	as_ordinary_user
}

# many_ids makes the config map all of the user's subordinate ids, too.
many_ids() {
	local uids gids
	command -v newuidmap newgidmap >/dev/null || skip 'the host has no newuidmap (package uidmap)'
	uids=$(awk -F: -v user="$(id -un "$USER_ID" 2>/dev/null)" '$1 == user {print $2; exit}' /etc/subuid)
	gids=$(awk -F: -v user="$(id -un "$USER_ID" 2>/dev/null)" '$1 == user {print $2; exit}' /etc/subgid)
	[ -n "${uids:+$gids}" ] || skip "user $USER_ID has no line in /etc/subuid and /etc/subgid"
	# newuidmap gets its capability only if the bounding set contains it.
	! [ -e "$TMP/runtime" ] || sed -i 's/--bounding-set -all //' "$TMP/runtime"
	config '.linux.uidMappings += [{containerID: 1, hostID: $uids, size: 65536}] |
		.linux.gidMappings += [{containerID: 1, hostID: $gids, size: 65536}]' --argjson uids "$uids" --argjson gids "$gids"
}

# delegated succeeds if the user may create cgroups.
delegated() {
	rootless || return
	! cgroup_v1 || [ -w "/sys/fs/cgroup/pids$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)" ]
}
needs_delegation() { delegated || skip 'this user has no delegated cgroup'; }
needs_no_cgroup() { ! delegated || skip 'this user has a cgroup of its own'; }

# limited sets cgroupsPath to where the user may set limits, for the driver in use.
limited() { config '.linux.cgroupsPath = $path' --arg path "$CGROUPS_PATH"; }

@test "rootless: the config of spec --rootless runs unchanged, except for its terminal" {
	rm config.json
	ok runtime spec --rootless
	config '.process.terminal = false'
	args sh -c 'id -u; cat /proc/self/setgroups; tr -s " " </proc/self/uid_map'
	run_container
	prints $'0\ndeny\n 0 '"$USER_ID 1"
}

@test "rootless: run, exec, state, list, ps, kill, delete with one id" {
	sleeping c
	has_status c running
	equal "$(awk '/^Uid/ {print $2}' "/proc/$(pid_of c)/status")" "$USER_ID"
	ok runtime exec c sh -c 'id -u; id -g; echo new >/tmp/file'
	prints $'0\n0'
	equal "$(stat -c %u rootfs/tmp/file)" "$USER_ID"
	ok runtime list --quiet
	prints c
	ok runtime ps --format json c
	prints "[$(pid_of c)]"
	ok runtime kill c KILL
	until_true stopped c
	ok runtime delete c
	nothing_left
}

@test "rootless: create and start" {
	script 'echo ran >/tmp/ran; exec sleep 1000'
	ok runtime create c
	has_status c created
	[ ! -e rootfs/tmp/ran ]
	ok runtime start c
	until_true test -e rootfs/tmp/ran
	ok runtime delete --force c
	nothing_left
}

@test "rootless: namespaces of another container, with its user namespace" {
	args sleep 1000
	ok runtime run --detach first
	local pid
	pid=$(pid_of first)
	config '.linux.namespaces |= map(if .type == "pid" or .type == "network" then .path = "/proc/\($pid)/ns/\({pid: "pid", network: "net"}[.type])" else . end)' --arg pid "$pid"
	! delegated || config '.linux.cgroupsPath = $path' --arg path "${CGROUPS_PATH}2"
	exits 1 runtime run second
	says 'linux.namespaces\[[0-9]\] (pid|network): join the namespace: operation not permitted \(it belongs to another user namespace, which must be joined by its path, too'
	one_sentence
	config 'del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user")).path = "/proc/\($pid)/ns/user"' --arg pid "$pid"
	script 'readlink /proc/self/ns/net; readlink /proc/self/ns/user; ps -o args | grep -c "^sleep 1000"'
	ok runtime run second
	prints "$(readlink "/proc/$pid/ns/net")"$'\n'"$(readlink "/proc/$pid/ns/user")"$'\n1'
}

@test "rootless: exec in a created container" {
	args sleep 1000
	ok runtime create c
	ok runtime exec c sh -c 'id -u; readlink /proc/1/ns/pid >/dev/null && echo own'
	prints $'0\nown'
	ok runtime start c
	local pid
	pid=$(pid_of c)
	config 'del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user" or .type == "pid")) |= (.path = "/proc/\($pid)/ns/\(.type)")' --arg pid "$pid"
	! delegated || config '.linux.cgroupsPath = $path' --arg path "${CGROUPS_PATH}2"
	ok runtime create d
	ok runtime exec d echo here
	prints here
	ok runtime delete --force d
	ok runtime delete --force c
	nothing_left
}

@test "rootless: a container that waits without its filter is closed to those in its namespaces" {
	only_ours 'others install the filter at the start'
	args sleep 1000
	ok runtime run --detach c
	local pid
	pid=$(pid_of c)
	config 'del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user" or .type == "pid")) |= (.path = "/proc/\($pid)/ns/\(.type)") |
		.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["accept4"], "action": "SCMP_ACT_ERRNO"}]}' --arg pid "$pid"
	! delegated || config '.linux.cgroupsPath = $path' --arg path "${CGROUPS_PATH}2"
	ok runtime create d
	# shellcheck disable=SC2016 # the container's shell
	ok runtime exec c sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != runnel-init ] || readlink $p/exe || echo closed; done'
	prints closed
	exits 255 runtime exec d true
	says 'enter the container: operation not permitted'
	one_sentence
	ok runtime delete --force d
	ok runtime delete --force c
	nothing_left
}

@test "rootless: devices, and writing to them" {
	run_prints 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; echo x >/dev/null; head -c 3 /dev/zero | wc -c' 3
}

@test "rootless: a terminal" {
	config '.process.terminal = true'
	args tty
	timeout 30 "$HELPERS/console" run "$RUNTIME" --root "$ROOT" run c >"$TMP/shown" 2>"$TMP/stderr" 3>&- ||
		fail "$(cat "$TMP/shown" "$TMP/stderr")"
	grep -q '^/dev/pts/0' "$TMP/shown" || fail "$(cat "$TMP/shown")"
}

@test "rootless: more ids, by newuidmap and newgidmap" {
	many_ids
	config '.process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}'
	run_prints 'id -u; id -g; id -G; wc -l </proc/self/uid_map' $'7\n8\n8 9\n2'
	config '.process.user = {"uid": 0, "gid": 0}'
	run_prints 'cat /proc/self/setgroups; touch /tmp/f; chown 5:6 /tmp/f; stat -c %u:%g /tmp/f; rm /tmp/f' $'allow\n5:6'
}

@test "rootless: ids that aren't the user's" {
	many_ids
	config '.linux.uidMappings[1] = {containerID: 1, hostID: 4000000, size: 10}'
	exits 1 runtime run c
	says "linux.uidMappings\[1\]: id 4000000 isn't one of this user's in /etc/subuid: newuidmap: .*"
	one_sentence
	nothing_left
}

@test "rootless: more ids without newuidmap" {
	config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 65536}]'
	if [ -e "$TMP/runtime" ]; then
		sed -i 's,-u XDG_RUNTIME_DIR,& PATH=/nowhere,' "$TMP/runtime"
	else
		printf '#!/bin/sh\nPATH=/nowhere exec "%s" "$@"\n' "$RUNTIME" >"$TMP/runtime"
		chmod +x "$TMP/runtime"
		RUNTIME=$TMP/runtime
	fi
	exits 1 runtime run c
	says 'linux.uidMappings: an ordinary user needs newuidmap \(package uidmap\)'
	one_sentence
	nothing_left
}

@test "rootless: additional groups with one id" {
	config '.process.user.additionalGids = [7]'
	exits 1 runtime run c
	says 'process.user.additionalGids: cannot set any additional groups in a rootless container'
	one_sentence
	nothing_left
}

@test "rootless: the annotation that keeps the caller's groups" {
	! rootless || skip 'needs root to give the user groups'
	[ "$(basename "$RUNTIME")" != runc ] || skip "runc doesn't know the annotation"
	sed -i 's/--clear-groups/--groups 4343,4344/' "$TMP/runtime"
	mkdir rootfs/tmp/shared
	echo secret >rootfs/tmp/shared/file
	chown 0:4343 rootfs/tmp/shared/file rootfs/tmp/shared
	chmod 750 rootfs/tmp/shared
	config '.annotations["run.oci.keep_original_groups"] = "1"'
	run_prints 'cat /tmp/shared/file; id -G' $'secret\n0 65534 65534'
	sleeping c
	ok runtime exec c cat /tmp/shared/file
	prints secret
}

@test "rootless: a user namespace is required" {
	config 'del(.linux.namespaces[] | select(.type == "user"), .linux.uidMappings, .linux.gidMappings)'
	exits 1 runtime run c
	says 'rootless container requires user namespaces .*"runnel spec --rootless" writes such a config'
	nothing_left
}

@test "rootless: proc and sysfs need namespaces of their own" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	exits 1 runtime run c
	says 'mounts\[0\] /proc: mount proc on /proc: operation not permitted \(in a user namespace this needs a pid namespace of its own'
	one_sentence
	config '.linux.namespaces = (.linux.namespaces | map(select(.type != "network"))) + [{"type": "pid"}]'
	exits 1 runtime run c
	says '/sys: mount sysfs on /sys: operation not permitted \(in a user namespace this needs a network namespace of its own'
	one_sentence
	nothing_left
}

@test "rootless: the host's /proc and /sys as bind mounts" {
	config '.linux.namespaces |= map(select(.type != "pid" and .type != "network")) | del(.linux.maskedPaths, .linux.readonlyPaths) |
		.mounts |= map(if .destination == "/proc" then . * {"type": "bind", "source": "/proc", "options": ["rbind"]}
			elif .destination == "/sys" then . * {"type": "bind", "source": "/sys", "options": ["rbind", "ro"]} else . end)'
	run_prints 'test -d /proc/1 && test -d /sys/class && echo there' there
}

@test "rootless: device rules alone need no cgroup" {
	needs_no_cgroup
	config '.linux.resources = {"devices": [{"allow": false, "access": "rwm"}], "memory": {}, "cpu": {}}'
	run_prints 'echo runs' runs
	sleeping c
	exits 1 runtime pause c
	says 'no cgroup of its own to freeze'
	ok runtime delete --force c
	nothing_left
}

@test "rootless: a limit without a cgroup" {
	needs_no_cgroup
	config '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 10}}'
	exits 1 runtime run c
	says 'linux.resources.memory, linux.resources.pids: .*permission denied \(a limit needs a cgroup that is delegated to this user: .*systemd-run --user --scope -p Delegate=yes'
	one_sentence
	nothing_left
}

# delegate CONTROLLER… makes the tests call the runtime in cgroups of v1 that are the user's.
delegate() {
	local dir
	for dir in "${@/#//sys/fs/cgroup/}"; do
		mkdir "$dir/$CGROUP-user"
		chown "$USER_ID:$USER_ID" "$dir/$CGROUP-user"{,/cgroup.procs,/tasks}
		sed -i "2i echo \$\$ >$dir/$CGROUP-user/cgroup.procs" "$TMP/runtime"
	done
}

@test "rootless: cgroups of v1 that are delegated, and no others" {
	! rootless || skip 'needs root to delegate cgroups'
	needs_cgroup_v1
	needs_controller memory
	needs_controller pids
	only_ours 'runc makes no cgroups for an ordinary user'
	delegate memory pids
	config '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 20}, "devices": [{"allow": false, "access": "rwm"}]}'
	sleeping c
	equal "$(cat "/sys/fs/cgroup/memory/$CGROUP-user/c/memory.limit_in_bytes") $(cat "/sys/fs/cgroup/pids/$CGROUP-user/c/pids.max")" '67108864 20'
	equal "$(grep -c "/$CGROUP-user/c$" "/proc/$(pid_of c)/cgroup")" 2
	equal "$(find /sys/fs/cgroup -maxdepth 3 -name c -path "*$CGROUP*" | wc -l)" 2
	ok runtime exec c grep -c "/$CGROUP-user/c$" /proc/self/cgroup
	prints 2
	ok runtime update --pids-limit 21 c
	equal "$(cat "/sys/fs/cgroup/pids/$CGROUP-user/c/pids.max")" 21
	ok runtime kill --all c KILL
	until_true stopped c
	ok runtime delete c
	config '.linux.resources.blockIO = {"weight": 500}'
	exits 1 runtime run c
	says 'linux.resources.blockIO.*: .*permission denied .*a limit needs a cgroup that is delegated to this user'
	one_sentence
	rmdir "/sys/fs/cgroup/"{memory,pids}"/$CGROUP-user"
	nothing_left
}

@test "rootless: somebody else's cgroup of the container's name" {
	! rootless || skip 'needs root to be somebody else'
	config 'del(.linux.resources)'
	local own pid dir file
	# An ordinary user's container is at the cgroup of the caller, on v2 beside it.
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	sleep 1000 3>&- &
	pid=$!
	local dirs=("/sys/fs/cgroup${own%/*}")
	[ -e /sys/fs/cgroup/cgroup.controllers ] || dirs+=(/sys/fs/cgroup/[a-z]*)
	for dir in "${dirs[@]}"; do
		# Hierarchies of several controllers have symlinks to them.
		if [ -L "$dir" ] || [ ! -e "$dir/cgroup.procs" ]; then continue; fi
		mkdir "$dir/$CGROUP-c"
		# A cpuset without processors accepts no process.
		for file in cpuset.cpus cpuset.mems; do
			[ ! -e "$dir/$CGROUP-c/$file" ] || cat "$dir/$file" >"$dir/$CGROUP-c/$file"
		done
		echo $pid >"$dir/$CGROUP-c/cgroup.procs"
	done
	sleeping "$CGROUP-c"
	exits 1 runtime kill --all "$CGROUP-other" KILL
	ok runtime kill --all "$CGROUP-c" KILL
	until_true stopped "$CGROUP-c"
	ok runtime delete --force "$CGROUP-c"
	kill $pid # which fails if it was killed
	wait $pid || true
	find /sys/fs/cgroup -depth -type d -name "$CGROUP-c" -exec rmdir {} +
	nothing_left
}

@test "rootless: /sys/fs/cgroup without a cgroup of its own" {
	! rootless || skip 'an ordinary user of the guest has a cgroup'
	needs_cgroup_v1
	config 'del(.linux.resources) | .mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
		"options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
	# shellcheck disable=SC2016 # the container's shell
	script 'for d in memory pids; do ls /sys/fs/cgroup/$d/cgroup.procs; done
		grep -c " /sys/fs/cgroup/[^ ]* ro,.* - cgroup " /proc/self/mountinfo; grep " /sys/fs/cgroup/[^ ]* rw," /proc/self/mountinfo'
	local mounts
	mounts=$(grep -c ' /sys/fs/cgroup/[^ ]* .* - cgroup ' /proc/self/mountinfo)
	exits 1 runtime run c
	prints $'/sys/fs/cgroup/memory/cgroup.procs\n/sys/fs/cgroup/pids/cgroup.procs\n'"$mounts"
	config '.linux.namespaces += [{"type": "cgroup"}]'
	exits 1 runtime run c
	prints $'/sys/fs/cgroup/memory/cgroup.procs\n/sys/fs/cgroup/pids/cgroup.procs\n'"$mounts"
	nothing_left
}

@test "rootless: a cgroupsPath that the user may not create" {
	config '.linux.cgroupsPath = $path | del(.linux.resources)' --arg path "/$CGROUP"
	[ "$DRIVER" = cgroupfs ] || skip 'a path of cgroupfs'
	exits 1 runtime run c
	says "linux.cgroupsPath \"/$CGROUP\": .*permission denied .*leave cgroupsPath out"
	one_sentence
	nothing_left
}

# limits_v1 prints the limits of the next test on cgroup v1.
limits_v1() {
	cat "$(cgroup_dir memory)/memory.limit_in_bytes" "$(cgroup_dir pids)/pids.max" \
		"$(cgroup_dir cpu)"/cpu.cfs_{quota,period}_us "$(cgroup_dir cpuset)/cpuset.cpus"
}

@test "rootless: limits where they are delegated, and an update of them" {
	needs_delegation
	limited
	config '.linux.resources += {"memory": {"limit": 67108864}, "pids": {"limit": 77}, "cpu": {"quota": 20000, "period": 50000, "cpus": "0"}}'
	sleeping c
	if cgroup_v1; then
		equal "$(limits_v1)" $'67108864\n77\n20000\n50000\n0'
	else
		equal "$(cd "$(cgroup_dir)" && cat memory.max pids.max cpu.max cpuset.cpus)" $'67108864\n77\n20000 50000\n0'
	fi
	ok runtime update --memory 83886080 --pids-limit 78 c
	if cgroup_v1; then
		equal "$(limits_v1 | head -n 2)" $'83886080\n78'
	else
		equal "$(cd "$(cgroup_dir)" && cat memory.max pids.max)" $'83886080\n78'
	fi
	ok runtime exec c true
	ok runtime pause c
	has_status c paused
	ok runtime resume c
	has_status c running
	ok runtime kill --all c KILL
	until_true stopped c
}

@test "rootless: a controller that isn't delegated" {
	needs_delegation
	needs_cgroup_v2
	limited
	local own=/sys/fs/cgroup/user.slice/user-$USER_ID.slice/user@$USER_ID.service
	grep -qw misc /sys/fs/cgroup/cgroup.controllers && ! grep -qw misc "$own/cgroup.controllers" ||
		skip 'the controller misc is not there, or delegated'
	config '.linux.resources.unified = {"misc.max": "max"} | .linux.resources.rdma = {"mlx5_1": {"hcaHandles": 3}}'
	exits 1 runtime run c
	says 'linux.resources.(rdma|unified).*: .*cgroup controller (misc|rdma) (is not available in|below) .*have the controller delegated to users: .systemctl edit user@.service'
	one_sentence
	nothing_left
}

@test "rootless: exec from a login session, whose cgroup nobody may leave" {
	! rootless || skip 'needs root to open a session'
	needs_cgroup_v2
	[ -d /run/systemd/system ] && id tester >/dev/null 2>&1 || skip 'the host has no systemd with a user tester'
	local real
	real=$(sed -n 's/.*XDG_RUNTIME_DIR "\([^"]*\)".*/\1/p' "$TMP/runtime")
	script 'exec sleep 1000'
	invoke su -l tester -c "cd '$BUNDLE' && export RUNNEL_TEST=$CGROUP XDG_RUNTIME_DIR=/run/user/\$(id -u)
		'$real' --root '$ROOT' --systemd-cgroup run --detach c </dev/null >/dev/null 2>&1 || exit 1
		'$real' --root '$ROOT' exec c sh -c 'sed s,.*/,, /proc/self/cgroup; echo \$((6 * 7))'
		'$real' --root '$ROOT' exec --detach c sleep 1001 </dev/null >/dev/null 2>&1
		for pid in \$('$real' --root '$ROOT' ps -f json c | tr -d '[]' | tr , ' '); do
			sed 's,.*/,,' /proc/\$pid/cgroup
		done
		'$real' --root '$ROOT' delete --force c
		# Without a unit, systemd can't move the process.
		systemd-run --user --scope --quiet -p Delegate=yes sh -c \"mkdir /sys/fs/cgroup\\\$(sed s/0::// /proc/self/cgroup)/tests
			echo \\\$\\\$ >/sys/fs/cgroup\\\$(sed s/0::// /proc/self/cgroup)/tests/cgroup.procs
			'$real' --root '$ROOT' run --detach d </dev/null >/dev/null 2>&1\"
		'$real' --root '$ROOT' exec d true
		'$real' --root '$ROOT' delete --force d"
	prints $'runnel-c.scope\n42\nrunnel-c.scope\nrunnel-c.scope'
	says 'move a process from cgroup .*session-.*\.scope to .*permission denied .*systemd-run --user --scope'
	nothing_left
}

@test "rootless: true, false and auto" {
	args true
	ok runtime --rootless true run c
	ok runtime --rootless auto run c
	exits 1 runtime --rootless maybe run c
	says 'maybe.*not true, false or auto'
	if ! delegated; then
		# Errors that are ignored otherwise.
		exits 1 runtime --rootless false run c
		says 'permission denied'
	fi
	nothing_left
}

@test "rootless: a state root that isn't the user's" {
	exits 1 "$RUNTIME" --root /runnel-no-such-root run c
	says 'state root: mkdir /runnel-no-such-root: permission denied \(an ordinary user.s state is in \$XDG_RUNTIME_DIR/runnel'
	one_sentence
}

@test "rootless: as root of a user namespace that a user has created" {
	args sh -c 'id -u; tr -s " " </proc/self/uid_map'
	config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	[ ! -e "$TMP/runtime" ] || sed -i 's/env -u XDG_RUNTIME_DIR/unshare -Urm/' "$TMP/runtime"
	if [ ! -e "$TMP/runtime" ]; then
		printf '#!/bin/sh\nexec unshare -Urm "%s" "$@"\n' "$RUNTIME" >"$TMP/runtime"
		chmod +x "$TMP/runtime"
		RUNTIME=$TMP/runtime
	fi
	needs_cgroupfs 'systemd accepts no calls from another user'
	run_container
	prints $'0\n 0 0 1'
	nothing_left
}

# nest INNER-FILTER SCRIPT runs a script that calls the runtime in a container, which has
# the bundle /inner with a config that the filter changes.
nest() {
	is_ours || skip 'it requires our own binary in the container'
	local caps='["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETFCAP", "CAP_CHOWN", "CAP_MKNOD", "CAP_NET_ADMIN",
		"CAP_SYS_CHROOT", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE", "CAP_DAC_OVERRIDE", "CAP_FOWNER"]'
	mkdir -p rootfs/inner/rootfs/{proc,dev,sys,tmp} rootfs/run
	cp -al rootfs/bin rootfs/inner/rootfs/bin
	cp "$TOP/runnel" rootfs/opt/runnel-inside
	jq "del(.linux.resources, .linux.maskedPaths, .linux.readonlyPaths, .process.capabilities) | .hostname = \"inner\" |
		.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0 | $1" config.json >rootfs/inner/config.json
	rootless || find rootfs -type d -exec chown "$USER_ID:$USER_ID" {} +
	# A procfs can be mounted inside only if nothing is mounted on parts of the outer one.
	config "del(.linux.maskedPaths, .linux.readonlyPaths) | .linux.namespaces += [{\"type\": \"cgroup\"}] |
		.process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}"
	script "cd /inner; $2"
}

@test "rootless: in a container of an ordinary user" {
	nest '.process.args = ["sh", "-c", "hostname; cat /proc/1/comm; id -u"]' \
		'/opt/runnel-inside --root /run/inner run i && ls /run/inner'
	run_container
	prints $'inner\nsh\n0'
	nothing_left
}

@test "rootless: limits in a container that has a cgroup of its own" {
	needs_delegation
	needs_cgroup_v2 # a cgroup of v1 is read-only in a container
	limited
	config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
	nest 'del(.linux.cgroupsPath) | del(.mounts[] | select(.type == "cgroup")) | .linux.resources = {"pids": {"limit": 33}} |
		.linux.namespaces += [{"type": "cgroup"}] | .process.args = ["sleep", "1000"]' \
		'mkdir /sys/fs/cgroup/init && echo 0 >/sys/fs/cgroup/init/cgroup.procs &&
		/opt/runnel-inside --root /run/inner run -d i && cat /sys/fs/cgroup/i/pids.max &&
		/opt/runnel-inside --root /run/inner exec i cat /proc/self/cgroup &&
		/opt/runnel-inside --root /run/inner delete --force i && ls -d /sys/fs/cgroup/i'
	exits 1 runtime run c
	prints $'33\n0::/'
	says 'ls: /sys/fs/cgroup/i: No such file or directory'
	nothing_left
}

@test "rootless: after a create that was killed, delete --force removes everything" {
	local i pid
	args sleep 1000
	for i in 1 2 4 8 16 32; do
		"$RUNTIME" --root "$ROOT" run --detach c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.$(printf '%03d' "$i")"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		ok runtime delete --force c
		until_true nothing_left
	done
}
