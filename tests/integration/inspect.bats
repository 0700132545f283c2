#!/usr/bin/env bats
# inspect describes a container as it is, whatever its config.json asks for.

load lib

setup_file() {
	load lib
	only_ours 'the command inspect'
}

# inspected FILTER [ID] prints what jq makes of `inspect --format json`.
inspected() {
	ok runtime inspect --format json "${2:-c}"
	jq -c "$1" <<<"$output"
}

@test "inspect: the keys, and those of each part" {
	sleeping c
	ok runtime inspect --format json c
	cp "$TMP/stdout" "$TMP/inspected"
	keys() { jq -r "$1 | keys_unsorted | join(\" \")" "$TMP/inspected"; }
	equal "$(keys .)" 'ociVersion id pid status bundle rootfs created owner processes namespaces mounts mountsTruncated rlimits cgroup'
	equal "$(keys '.processes[0]')" \
		'pid hostPid init name command state uid gid capabilities noNewPrivileges seccomp seccompFilters label oomScoreAdj'
	equal "$(keys '.processes[0].capabilities')" 'bounding effective inheritable permitted ambient'
	equal "$(keys '.namespaces[0]')" 'type inode runtime containers'
	equal "$(keys '.mounts[0]')" 'id parent path type source root device options superOptions propagation'
	equal "$(keys '.rlimits[0]')" 'type soft hard'
	equal "$(jq -r .owner "$TMP/inspected")" "$(id -un)"
}

@test "inspect: processes with their ids inside and outside, init first" {
	config '.process.oomScoreAdj = 777 | .process.user = {uid: 0, gid: 0}'
	sleeping c
	local pid
	pid=$(pid_of c)
	ok runtime exec --detach c sleep 2000
	equal "$(inspected '.processes | map([.pid > 0, .init, .command])')" \
		'[[true,true,["sleep","1000"]],[true,false,["sleep","2000"]]]'
	equal "$(inspected '.processes[0] | [.pid, .hostPid, .uid, .gid, .state, .noNewPrivileges, .seccomp, .seccompFilters, .oomScoreAdj]')" \
		"[1,$pid,0,0,\"S\",true,\"disabled\",0,777]"
	equal "$(inspected '.processes[0].capabilities | [.bounding, .effective, .permitted | length]')" \
		"$(jq -c '.process.capabilities | [.bounding, .effective, .permitted | length]' config.json)"
	equal "$(inspected '.processes[0].capabilities.effective | sort')" "$(jq -c '.process.capabilities.effective | sort' config.json)"
}

@test "inspect: scheduling that isn't the default, and resource limits" {
	config '.process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0} |
		.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 78}]'
	sleeping c
	equal "$(inspected '.processes[0].scheduling')" \
		'{"policy":"SCHED_BATCH","nice":5,"priority":0,"ioClass":"IOPRIO_CLASS_IDLE","ioPriority":0}'
	equal "$(inspected '.rlimits[] | select(.type == "RLIMIT_NOFILE")')" '{"type":"RLIMIT_NOFILE","soft":77,"hard":78}'
	equal "$(inspected '.rlimits | length')" 16
}

@test "inspect: namespaces, and who else is in them" {
	sleeping c
	local pid
	pid=$(pid_of c)
	# shellcheck disable=SC2016 # $path is jq's
	config '.linux.cgroupsPath += "2" | (.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/proc/$pid/ns/net"
	rootless || config 'del(.linux.namespaces[] | select(.type == "ipc"))'
	# shellcheck disable=SC2016
	! rootless || config 'del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user")).path = $path' --arg path "/proc/$pid/ns/user"
	sleeping d
	of() { printf '.namespaces[] | select(.type == "%s") | [.runtime, .containers]' "$1"; }
	equal "$(inspected "$(of network)" d)" '[false,["c"]]'
	equal "$(inspected "$(of network)")" '[false,["d"]]'
	equal "$(inspected "$(of pid)" d)" '[false,[]]'
	rootless || equal "$(inspected "$(of ipc)" d)" '[true,[]]'
	equal "$(inspected '.namespaces[] | select(.type == "mount") | .inode')" "$(stat -Lc %i "/proc/$(pid_of c)/ns/mnt")"
}

@test "inspect: mounts of the container's mount namespace" {
	sleeping c
	equal "$(inspected '.mounts[] | select(.path == "/dev/shm") | [.type, .source, .propagation, (.options | contains(["nosuid", "noexec", "nodev"]))]')" \
		'["tmpfs","shm","private",true]'
	equal "$(inspected '.mounts[0].path')" '"/"'
	ok runtime inspect c
	matches "$output" $'\n''  /dev/shm +tmpfs +shm +rw,'
}

@test "inspect: the cgroup, its limits and their use" {
	needs_controller pids
	if rootless && cgroup_v1; then skip 'an ordinary user has no cgroup on v1'; fi
	config '.linux.resources.pids.limit = 33'
	sleeping c
	equal "$(inspected '.cgroup.values[] | select(.file == "pids.max")')" '{"controller":"pids","file":"pids.max","limit":"33","use":"1"}'
	equal "$(inspected '.cgroup.paths | to_entries | map(select(.key == "" or .key == "pids"))[0].value')" "\"$(cgroup_dir pids)\""
	equal "$(inspected .cgroup.driver)" "\"$DRIVER\""
	ok runtime update --pids-limit 44 c
	equal "$(inspected '.cgroup.values[] | select(.file == "pids.max").limit')" '"44"'
}

@test "inspect: device rules of v1, and the program of v2" {
	needs_root 'restrict devices'
	sleeping c
	if cgroup_v1; then
		equal "$(inspected '.cgroup | [.devicePrograms, (.devices | index("c 1:3 rwm") >= 0)]')" '[-1,true]'
	else
		equal "$(inspected '.cgroup | [.devicePrograms >= 1, has("devices")]')" '[true,false]'
	fi
}

@test "inspect in each state" {
	exits 1 runtime inspect absent
	says 'container does not exist'
	one_sentence
	mkdir "$ROOT/creating"
	equal "$(inspected '[.status, .processes, .mounts]' creating)" '["creating",[],[]]'
	ok runtime delete --force creating

	script 'sleep 1000 & wait'
	ok runtime create c
	equal "$(inspected '[.status, (.processes | length), .processes[0].pid]')" '["created",1,1]'
	ok runtime start c
	until_true in_sleep
	equal "$(inspected '.status')" '"running"'
	if rootless && cgroup_v1; then return; fi
	ok runtime pause c
	equal "$(inspected '[.status, (.processes | map(.name))]')" '["paused",["sh","sleep"]]'
	ok runtime resume c
	ok runtime delete --force c

	script 'exit 3'
	exits 3 runtime run --keep c
	equal "$(inspected '[.status, .pid, .exit.exitCode, .processes, .namespaces, .mounts, .rlimits]')" \
		'["stopped",0,3,[],[],[],[]]'
	ok runtime inspect c
	matches "$output" $'\nExit code +3'
}

in_sleep() { [ "$(inspected '.processes | map(.name) | index("sleep")')" != null ]; }

@test "inspect: text that the container chooses doesn't reach the terminal" {
	script 'printf "\033[2Jname" >/proc/self/comm; read x </fifo'
	mkfifo rootfs/fifo
	ok runtime run --detach c
	until_true renamed
	ok runtime inspect c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
	ok runtime inspect --format json c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
	equal "$(jq -r '.processes[0].name' <<<"$output")" $'\033[2Jname'
}

renamed() { [[ $(inspected '.processes[0].name') == *name* ]]; }

@test "inspect: command line" {
	exits 1 runtime inspect
	sleeping c
	exits 1 runtime inspect --format xml c
	says 'invalid format option'
}
