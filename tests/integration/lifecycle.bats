#!/usr/bin/env bats
# create → start → kill → delete, and which command is refused in which state.

load lib

@test "--config: another file than config.json, which the container keeps" {
	only_ours 'runc has no --config'
	config '.process.args = ["sleep", "1000"] | .process.env += ["FROM=other"]'
	mkdir "$TMP/elsewhere"
	mv config.json "$TMP/elsewhere/box.json"
	cd "$TMP/elsewhere"
	ok runtime run -df box.json --bundle "$BUNDLE" d
	ok runtime delete --force d
	ok runtime create --bundle "$BUNDLE" --config box.json c
	echo broken >box.json
	ok runtime start c
	ok runtime exec c sh -c 'echo $FROM'
	prints other
	ok runtime state c
	equal "$(jq -r '.bundle + " " + .status' <<<"$output")" "$BUNDLE running"
	ok runtime kill c KILL
	ok runtime delete c
}

@test "--config: errors name the file; check, explain and plan read it, too" {
	only_ours 'runc has no --config'
	mv config.json other.json
	exits 1 runtime run c
	says 'config.json not found in '
	exits 1 runtime run --config absent.json c
	says 'open absent.json: no such file or directory$'
	ok runtime check --config other.json
	ok runtime plan -f other.json
	grep -qE '^ *[0-9]+ +exec ' <<<"$output"
	ok runtime explain --config other.json --fail-on never
	jq '.process.args = [1]' other.json >bad.json
	exits 1 runtime create --config bad.json c
	says '^runnel create failed: bad.json:[0-9]+:[0-9]+: process.args\[0\]: expected a string'
	exits 1 runtime explain --config bad.json
	says '^bad.json:[0-9]+:[0-9]+: process.args\[0\]: expected a string'
	exits 1 runtime check "$BUNDLE" --config bad.json
	matches "$output" '^bad.json:[0-9]+:[0-9]+: error: process.args\[0\]: expected a string'
}

@test "spec --file: another name, relative to the bundle" {
	only_ours 'runc has no spec --file'
	ok runtime spec --bundle "$BUNDLE" --file other.json
	jq -e .process.args "$BUNDLE/other.json" >/dev/null
	exits 1 runtime spec -f other.json
	equal "$error" 'File other.json exists. Remove it first'
	(cd / && ok runtime spec -f "$TMP/absolute.json" --bundle "$BUNDLE")
	[ -s "$TMP/absolute.json" ]
}

@test "create, start, kill, delete" {
	args sleep 1000
	ok runtime create c
	has_status c created
	ok runtime start c
	has_status c running
	local pid
	pid=$(pid_of c)
	ok runtime kill c KILL
	gone "$pid"
	has_status c stopped
	ok runtime delete c
	has_status c none
	nothing_left
}

@test "the process runs at start, not at create" {
	script 'echo ran >/tmp/ran'
	ok runtime create c
	[ ! -e rootfs/tmp/ran ]
	local pid
	pid=$(pid_of c)
	ok runtime start c
	gone "$pid"
	[ -e rootfs/tmp/ran ]
}

@test "changes of config.json after create don't affect start" {
	script 'echo before >/tmp/said'
	ok runtime create c
	script 'echo after >/tmp/said'
	local pid
	pid=$(pid_of c)
	ok runtime start c
	gone "$pid"
	equal "$(<rootfs/tmp/said)" before
}

@test "an id in use is refused and its container keeps running" {
	sleeping c
	exits 1 runtime run c
	says 'container with given ID already exists'
	one_sentence
	has_status c running
	exits 1 runtime create c
	has_status c running
}

@test "the id of a deleted container can be used again" {
	run_container c
	run_container c
	nothing_left
}

@test "ids with other characters are refused" {
	local id
	for id in a/b . .. 'a b' 'a:b' "$(printf 'a\nb')" ../c ''; do
		exits 1 runtime create "$id"
		one_sentence
	done
	says 'container id|container ID|id cannot be empty'
	exits 1 runtime create 'a:b'
	says 'invalid container ID format'
	nothing_left
}

@test "ids with all permitted characters" {
	run_container aZ09_+-.x
	nothing_left
}

@test "start of a running, a stopped and an absent container is refused" {
	sleeping c
	exits 1 runtime start c
	says 'cannot start an already running container'
	one_sentence
	has_status c running
	local pid
	pid=$(pid_of c)
	ok runtime kill c KILL
	gone "$pid"
	exits 1 runtime start c
	says 'cannot start a container that has stopped'
	exits 1 runtime start absent
	says 'container does not exist'
	one_sentence
}

@test "start of a container whose init was killed is refused, and it can be deleted" {
	ok runtime create c
	local pid
	pid=$(pid_of c)
	kill -9 "$pid"
	gone "$pid"
	has_status c stopped
	exits 1 runtime start c
	says 'cannot start a container that has stopped'
	ok runtime delete c
	nothing_left
}

@test "delete of a running container is refused" {
	sleeping c
	exits 1 runtime delete c
	says 'cannot delete container c that is not stopped: running'
	one_sentence
	has_status c running
}

@test "delete of a created container ends its init" {
	ok runtime create c
	local pid
	pid=$(pid_of c)
	ok runtime delete c
	gone "$pid"
	nothing_left
}

@test "delete --force of a created, a running, a paused and a stopped container" {
	ok runtime create created
	config '.linux.cgroupsPath += "2"'
	sleeping running
	config '.linux.cgroupsPath += "3"'
	sleeping paused
	ok runtime pause paused
	config '.linux.cgroupsPath += "4"'
	args true
	ok runtime run --keep stopped-already
	ok runtime delete --force created
	ok runtime delete --force running
	ok runtime delete --force paused
	ok runtime delete --force stopped-already
	nothing_left
}

@test "delete of an absent container is refused, with --force it succeeds" {
	exits 1 runtime delete absent
	says 'container does not exist'
	one_sentence
	ok runtime delete --force absent
	ok runtime delete absent --force
}

@test "an absent container is named with the state root, and one of another user is told as such" {
	only_ours 'runc names neither'
	local command
	for command in 'state nobody' 'start nobody' 'kill nobody' 'delete nobody' 'ps nobody' 'pause nobody' 'resume nobody' \
		'events --stats nobody' 'update --pids-limit 9 nobody'; do
		# shellcheck disable=SC2086 # several words
		exits 1 runtime $command
		says "^container does not exist: nobody in the state root $ROOT\$"
	done
	exits 255 runtime exec nobody true
	says "container does not exist: nobody in the state root $ROOT\$"
	needs_root 'create a container of another user'
	chmod 711 "$BATS_RUN_TMPDIR" "$TMP" "$ROOT"
	ok runtime create c
	# The binary itself may be in a directory that only root may enter.
	cp "$RUNTIME" "$TMP/runtime"
	for command in state kill 'delete --force'; do
		# shellcheck disable=SC2086
		exits 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/runtime" --root "$ROOT" $command c
		says "^state of c in $ROOT: permission denied \(the container is another user's\)\$"
		one_sentence
	done
	has_status c created
}

@test "delete twice" {
	args true
	ok runtime run --keep c
	ok runtime delete c
	exits 1 runtime delete c
	says 'does not exist'
}

@test "delete ends processes that outlive the container's init without a pid namespace" {
	without_pid_namespace
	script 'sleep 1000 & echo $! >/tmp/child; exec sleep 1000'
	ok runtime run --detach c
	until_true test -s rootfs/tmp/child
	local child
	child=$(<rootfs/tmp/child)
	kill -0 "$child"
	ok runtime delete --force c
	gone "$child"
	nothing_left
}

@test "delete removes cgroups that the container has created" {
	needs_cgroup_v1
	config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}] |
		.linux.readonlyPaths = []'
	script 'mkdir -p /sys/fs/cgroup/pids/a/b && echo made'
	run_container
	prints made
	nothing_left
}

@test "a state root that doesn't exist is created" {
	ROOT=$ROOT/deeper/still
	run_container
	ROOT=${ROOT%/deeper/still}
	rm -r "$ROOT/deeper"
}

@test "create without a process is allowed, start of it is not" {
	only_ours 'runc requires a process in create'
	config 'del(.process)'
	ok runtime create c
	has_status c created
	exits 1 runtime start c
	says 'process'
	one_sentence
	ok runtime delete --force c
	nothing_left
}

@test "the state directory isn't open to other users" {
	ok runtime create c
	[ $((0$(stat -c %a "$ROOT/c") & 0066)) = 0 ]
}
