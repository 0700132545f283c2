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
	equal "$(keys .)" 'ociVersion id pid status bundle rootfs created owner processes namespaces mounts mountsTruncated rlimits cgroup differences uncompared'
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
	needs_cgroup
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
	until_true is_named '*name'
	ok runtime inspect c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
	ok runtime inspect --format json c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
	equal "$(jq -r '.processes[0].name' <<<"$output")" $'\033[2Jname'
}

# is_named PATTERN succeeds if that is the name of init.
# shellcheck disable=SC2053 # it is a pattern
is_named() { [[ $(inspected '.processes[0].name') == '"'$1'"' ]]; }

# no_differences [ID] fails if there is one.
no_differences() {
	equal "$(inspected .differences "${1:-c}")" '[]'
}

# differs fails unless there are exactly these differences, POINTER=CONFIG=ACTUAL, in this order.
differs() {
	equal "$(inspected '.differences[] | "\(.pointer)=\(.config)=\(.actual)"' | jq -r .)" "$(printf '%s\n' "$@")"
}

@test "inspect: no difference in a container of spec's config" {
	local own=$CGROUPS_PATH
	rm config.json
	if rootless; then ok runtime spec --rootless; else ok runtime spec; fi
	config '.process.terminal = false | .linux.cgroupsPath = $path' --arg path "$own"
	ok runtime create c
	no_differences
	# An ordinary user can't join the namespaces to read the name.
	equal "$(inspected '[.uncompared[].pointer] - ["/hostname"]')" '["/process"]'
	ok runtime delete --force c
	args sleep 1000
	ok runtime run --detach c
	no_differences
	rootless || equal "$(inspected .uncompared)" '[]'
	ok runtime inspect c
	[[ $output != *Differences* ]] || fail "$output"
}

# like_docker makes the config one that Docker's would be.
like_docker() {
	local caps='["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]'
	mkdir -p rootfs/etc rootfs/run rootfs/var
	touch rootfs/etc/hosts "$BUNDLE/hosts"
	ln -sfn ../run rootfs/var/run
	mkdir -p "$BUNDLE/data"
	config '.process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps} | .process.noNewPrivileges = false |
		.process.oomScoreAdj = 10 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 512, hard: 1000}] | .root.readonly = true |
		.linux.maskedPaths += ["/proc/asound", "/proc/interrupts", "/proc/sched_debug", "/proc/scsi", "/proc/latency_stats", "/proc/timer_stats",
			"/sys/devices/virtual/powercap"] |
		.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0  0", "kernel.msgmax": "9000"} |
		.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"]},
			{destination: "/etc/hosts", type: "bind", source: ($dir + "/hosts"), options: ["rbind", "rprivate"]},
			{destination: "/var/run/data", type: "bind", source: ($dir + "/data"), options: ["rbind", "ro", "rprivate"]},
			{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"]},
			{destination: "/tmp", options: ["remount", "noexec"]}]' \
		--argjson caps "$caps" --arg dir "$BUNDLE"
}

@test "inspect: no difference in a container like those of Docker" {
	needs_root 'have all of these'
	like_docker
	config '.linux.resources += {memory: {limit: 100000001, reservation: 50000000}, cpu: {shares: 512, quota: 50000, period: 100000}, pids: {limit: 100}} |
		.linux.namespaces += [{type: "cgroup"}]'
	ok runtime spec --seccomp --bundle "$TMP"
	config '.linux.seccomp = $profile[0].linux.seccomp' --slurpfile profile "$TMP/config.json"
	mkdir -p rootfs/run/data rootfs/tmp
	sleeping c
	no_differences
	equal "$(inspected '.processes[0].seccompFilters')" 1
	# The same as another user: execve(2) takes the capabilities away.
	config '.process.user = {uid: 1000, gid: 1000} | .linux.cgroupsPath += "2"'
	sleeping d
	no_differences d
	equal "$(inspected '.processes[0] | [.uid, .gid, (.capabilities.effective | length), (.capabilities.bounding | length)]' d)" '[1000,1000,0,14]'
	# With ambient capabilities, and privileges that no exec adds.
	config '.process.capabilities += {inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} | .process.noNewPrivileges = true | .linux.cgroupsPath += "3"'
	sleeping e
	no_differences e
	equal "$(inspected '.processes[0].capabilities.effective' e)" '["CAP_CHOWN"]'
}

@test "inspect: no difference in a container with a user namespace" {
	needs_root 'map all ids'
	like_docker
	mkdir -p rootfs/run/data rootfs/tmp
	config '.linux.namespaces += [{type: "user"}, {type: "cgroup"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chmod 755 "$TMP" "$BUNDLE"
	sleeping c
	no_differences
	equal "$(inspected '[.uncompared[].pointer]')" '["/linux/sysctl/net.ipv4.ping_group_range"]'
	equal "$(inspected '.processes[0] | [.uid, .gid]')" '[0,0]'
}

@test "inspect: what the process has changed" {
	mkdir -p rootfs/mnt rootfs/data rootfs/go
	mkfifo rootfs/go/fifo
	local all='["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN"]'
	config '.process.capabilities = {bounding: $all, effective: $all, permitted: $all} | .process.noNewPrivileges = false |
		.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro"]}]' --argjson all "$all"
	# A blank in a path is one in the result, too.
	script 'mkdir "/mnt/a b"; mount -t tmpfs evil "/mnt/a b"; umount /dev/shm; umount /sys/firmware; mount -o remount,rw /data
		mount -o remount,rw /proc/sys; hostname other; echo 500 >/proc/self/oom_score_adj
		echo done >/go/fifo; while :; do sleep 1000; done'
	config '.process.oomScoreAdj = 400'
	ok runtime run --detach c
	equal "$(read_line rootfs/go/fifo)" "done"
	local hostname=/hostname=test-host=other
	! rootless || hostname= # he can't join the namespace to read it
	differs /process/oomScoreAdj=400=500 $hostname '/mounts/3=tmpfs on /dev/shm=' \
		'/mounts/6/options=ro=rw,relatime' '/linux/readonlyPaths/3=read-only=writable' \
		'/linux/maskedPaths/4=masked=visible' '/mounts==tmpfs on /mnt/a b'
	ok runtime inspect c
	matches "$output" $'\nDifferences from config.json\n  PLACE +CONFIG.JSON +ACTUAL\n'
	matches "$output" 'mounts\[3\] /dev/shm +tmpfs on /dev/shm +-'
}

@test "inspect: privileges that the process has changed" {
	config '.process.noNewPrivileges = false'
	script 'exec setpriv --nnp --inh-caps=+chown --ambient-caps=+chown sleep 1000'
	ok runtime run --detach c
	until_true is_named sleep
	differs '/process/capabilities/inheritable==CAP_CHOWN' '/process/capabilities/ambient==CAP_CHOWN' '/process/noNewPrivileges=false=true'
}

@test "inspect: a mount that was added later" {
	needs_root 'add mounts'
	sleeping c
	ok runtime mounts add --type tmpfs --target /late c
	differs '/mounts==tmpfs on /late'
	ok runtime mounts remove c /late
	no_differences
}

@test "inspect: what others have changed" {
	needs_controller pids
	needs_cgroup
	config '.linux.resources.pids.limit = 33 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]'
	sleeping c
	ok runtime update --pids-limit 44 c
	prlimit --pid "$(pid_of c)" --nofile=90:200
	differs '/process/rlimits/0/soft=100=90' '/linux/resources/pids/limit=33=44'
	ok runtime update --pids-limit 33 c
	differs '/process/rlimits/0/soft=100=90'
	if cgroup_v1 && ! rootless; then
		echo 'c 5:1 rwm' >"$(cgroup_dir devices)/devices.allow"
		differs '/process/rlimits/0/soft=100=90' '/linux/resources/devices=the rules of config.json=others'
	fi
}

@test "inspect: a limit that was lowered to the last page, and a cgroup that was left" {
	needs_controller memory
	needs_root 'move processes'
	config '.linux.resources.memory.limit = 100000000'
	sleeping c
	no_differences
	local top
	top=$(dirname "$(cgroup_dir memory)")
	pid_of c >"$top/cgroup.procs" 2>/dev/null || skip 'the cgroup above takes no process'
	matches "$(inspected '.differences[] | select(.pointer == "/linux/cgroupsPath").actual')" /
}

@test "inspect: command line" {
	exits 1 runtime inspect
	sleeping c
	exits 1 runtime inspect --format xml c
	says 'invalid format option'
}
