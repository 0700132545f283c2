#!/usr/bin/env bats
# checkpoint and restore: what comes back is the same container.

load lib
load criu

setup_file() { find_criu; }

@test "a container that counts is checkpointed and restored ten times" {
	needs_criu
	counting
	local round before
	for round in {1..10}; do
		checkpoint c
		has_status c none
		equal "$(leftovers)" ''
		before=$(count)
		restore c
		has_status c running
		until_true counts_beyond "$before"
		# It hasn't begun again.
		counts_beyond "$((round * 2))"
		rm -r "$TMP/images"
	done
}

@test "checkpoint --leave-running: the container goes on, and its copy can be restored later" {
	needs_criu
	counting
	local pid before
	pid=$(pid_of c)
	checkpoint c --leave-running
	has_status c running
	equal "$(pid_of c)" "$pid"
	before=$(count)
	until_true counts_beyond "$before"
	ok runtime delete --force c
	restore c
	until_true counts_beyond "$before"
}

@test "restore: exec, pause, resume, events, update, kill and delete work on it" {
	needs_criu
	needs_cgroupfs 'criu puts processes into cgroups itself'
	counting
	checkpoint c
	restore c --pid-file "$TMP/pid"
	equal "$(<"$TMP/pid")" "$(pid_of c)"
	ok runtime exec c hostname
	prints test-host
	ok runtime pause c
	has_status c paused
	ok runtime resume c
	has_status c running
	ok runtime events --stats c
	matches "$output" '"type":"stats"'
	ok runtime update --pids-limit 50 c
	equal "$(cat "$(cgroup_dir pids)/pids.max")" 50
	ok runtime ps --format json c
	matches "$output" "$(pid_of c)"
	ok runtime kill c KILL
	until_true stopped c
	ok runtime delete c
}

@test "restore: the limits and the devices are those of config.json" {
	needs_criu
	needs_cgroup_v1
	config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 20}}'
	counting
	checkpoint c
	config '.linux.resources.memory.limit = 33554432'
	restore c
	equal "$(cat "$(cgroup_dir memory)/memory.limit_in_bytes")" 33554432
	equal "$(cat "$(cgroup_dir pids)/pids.max")" 20
	! grep -q '^a' "$(cgroup_dir devices)/devices.list" || fail 'all devices are allowed'
}

@test "restore into another cgroup" {
	needs_criu
	needs_cgroup_v1
	counting
	checkpoint c
	config '.linux.cgroupsPath += "-2"'
	restore c
	grep -q "pids:.*$CGROUP-2$" "/proc/$(pid_of c)/cgroup" || fail "$(cat "/proc/$(pid_of c)/cgroup")"
	[ ! -d "/sys/fs/cgroup/pids/$CGROUP" ] || fail 'the old cgroup is there again'
}

@test "restore: bind mounts, also at a symbolic link, nested, read-only, recursive, and of a file" {
	needs_criu
	mkdir -p "$TMP"/{one,two,three/sub} rootfs/real
	ln -s real rootfs/link
	echo 1 >"$TMP/one/file"
	echo 2 >"$TMP/two/file"
	mkdir "$TMP/one/nested"
	mount -t tmpfs tmpfs "$TMP/three/sub"
	echo 3 >"$TMP/three/sub/file"
	config '.mounts += [
		{destination: "/link", type: "bind", source: ($tmp + "/one"), options: ["bind", "ro", "nosuid"]},
		{destination: "/link/nested", type: "bind", source: ($tmp + "/two"), options: ["bind"]},
		{destination: "/new", type: "bind", source: ($tmp + "/three"), options: ["rbind"]},
		{destination: "/etc/one", type: "bind", source: ($tmp + "/one/file"), options: ["bind", "ro"]}]' --arg tmp "$TMP"
	counting
	checkpoint c
	rm rootfs/etc/one
	rmdir rootfs/new
	restore c
	ok runtime exec c cat /real/file /real/nested/file /new/sub/file /etc/one
	prints $'1\n2\n3\n1'
	exits 1 runtime exec c touch /real/x /etc/one
	ok runtime exec c touch /real/nested/x /new/sub/x
	[ -e "$TMP/two/x" ] && [ -e "$TMP/three/sub/x" ] || fail 'these are other directories'
	ok runtime exec c grep ' /real ' /proc/mounts
	matches "$output" 'ro,nosuid'
	ok runtime delete --force c
	umount "$TMP/three/sub"
}

@test "restore: what is in a tmpfs, masked and read-only paths, sysctls, hostname" {
	needs_criu
	config '.mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["size=1m"]}] |
		.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "7"}'
	counting
	ok runtime exec c sh -c 'mkdir /run/a; echo kept >/run/a/file; chmod 640 /run/a/file; mkfifo /dev/shm/fifo'
	ok runtime exec c sh -c 'cat /proc/mounts; stat -c "%A %n" /dev/* /run/a/file /dev/shm/fifo; cat /proc/keys' 
	local before=$output
	checkpoint c
	restore c
	ok runtime exec c sh -c 'cat /proc/mounts; stat -c "%A %n" /dev/* /run/a/file /dev/shm/fifo; cat /proc/keys' 
	equal "$(sort <<<"$output")" "$(sort <<<"$before")"
	ok runtime exec c cat /run/a/file /proc/sys/net/ipv4/ip_unprivileged_port_start
	prints $'kept\n7'
	exits 1 runtime exec c sh -c 'echo 1 >/proc/sys/kernel/panic'
	ok runtime exec c hostname
	prints test-host
}

@test "restore: the mounts of the config.json of spec, with a read-only root and cgroups" {
	needs_criu
	rm config.json
	ok runtime spec
	config '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.cgroupsPath = $path' --arg path "$CGROUPS_PATH"
	# criu makes its own directories where there is none.
	rmdir rootfs/tmp
	ok runtime run --detach c
	ok runtime exec c sort /proc/mounts
	local before=$output
	matches "$before" ' / [a-z0-9]+ ro,'
	matches "$before" ' /sys/fs/cgroup'
	checkpoint c
	restore c
	ok runtime exec c sort /proc/mounts
	prints "$before"
	exits 1 runtime exec c touch /file
	says 'Read-only file system'
	[ ! -e rootfs/tmp ] || fail 'there is a directory more in the rootfs'
}

# details_of COMMAND… runs a command that fails, with a log in JSON, and sets $line to the line
# of the error.
details_of() {
	rm -f "$TMP/log"
	exits 1 runtime --log "$TMP/log" --log-format json "$@"
	line=$(jq -c 'select(.level == "error")' "$TMP/log")
}

# has_details CODE STEP FIELD HINT compares the keys of $line; - is for a missing key.
has_details() {
	equal "$(jq -r '[.code, .step, .field, .hint] | map(. // "-") | join(" ")' <<<"$line")" "$*"
}

@test "checkpoint: a failure names the cause, the flag and the log, and the container goes on" {
	needs_criu
	counting
	ok runtime exec c sh -c 'echo text >/tmp/one; ln /tmp/one /tmp/two'
	ok runtime delete --force c
	script 'exec 5</tmp/one; rm /tmp/one; while :; do echo $((i += 1)) >/count.new; mv /count.new /count; sleep 0.02; done'
	ok runtime run --detach c
	until_true test ! -e rootfs/tmp/one
	details_of checkpoint --image-path "$TMP/images" c
	has_details checkpoint_failed checkpoint - '--link-remap gives it a temporary name'
	one_sentence
	says "a process has a file open that has been deleted under that name: .*; the log is $TMP/images/dump.log$"
	has_status c running
	local before
	before=$(count)
	until_true counts_beyond "$before"
	checkpoint c --link-remap
	restore c
	until_true counts_beyond "$before"
	ok runtime exec c cat /proc/1/fd/5
	prints text
}

@test "checkpoint and restore: no criu, one that is too old, and one that others may write to" {
	only_ours 'their texts'
	needs_root 'run criu'
	args sleep 1000
	ok runtime run --detach c
	mkdir "$TMP/bin"
	details_of_path() { PATH=$TMP/bin:$1 details_of checkpoint --image-path "$TMP/images" c; }
	local tools=$TMP/tools
	mkdir "$tools"
	ln -s "$(command -v timeout)" "$(command -v jq)" "$(command -v rm)" "$tools"
	details_of_path "$tools"
	says "criu isn't installed: there is no criu in PATH"
	printf '#!/bin/sh\nexit 3\n' >"$TMP/bin/criu"
	chmod 755 "$TMP/bin/criu"
	details_of_path "$tools:/bin"
	says 'criu has ended: exit status 3'
	chmod 777 "$TMP/bin/criu"
	details_of_path "$tools:/bin"
	says "$TMP/bin/criu: every user may write to it .*: a program for root must be root's"
	has_status c running
	equal "$(ls "$TMP/images" 2>/dev/null)" ''
}

@test "checkpoint: only of a container that runs" {
	needs_criu
	ok runtime create c
	details_of checkpoint --image-path "$TMP/images" c
	says 'Container cannot be checkpointed in created state'
	ok runtime delete --force c
	args true
	ok runtime run --detach c
	until_true stopped c
	details_of checkpoint --image-path "$TMP/images" c
	says 'Container cannot be checkpointed in stopped state'
	[ ! -e "$TMP/images" ] || fail 'the directory has been created'
}

@test "restore: the config.json is checked as by create, and nothing is left of a failure" {
	needs_criu
	counting
	checkpoint c
	local config
	config=$(<config.json)
	config '.mounts += [{destination: "/x", type: "bind", source: "/does/not/exist", options: ["bind"]}]'
	details_of restore --image-path "$TMP/images" c
	says 'mounts\[6\] /x: bind source /does/not/exist: no such file or directory'
	config '.process.args = []'
	details_of restore --image-path "$TMP/images" c
	says 'args must not be empty'
	echo "$config" >config.json
	details_of restore --image-path "$TMP/none" c
	says "open $TMP/none: no such file or directory"
	mkdir "$TMP/empty"
	details_of restore --image-path "$TMP/empty" c
	says "criu restore failed: .*the log is $TMP/empty/restore.log"
	nothing_left
	mv rootfs/bin/busybox rootfs/bin/other
	echo changed >rootfs/bin/busybox
	details_of restore --image-path "$TMP/images" c
	says 'a file has changed since the checkpoint'
	nothing_left
	mv rootfs/bin/other rootfs/bin/busybox
	restore c
	details_of restore --image-path "$TMP/images" c
	says 'container with given ID already exists'
	has_status c running
}

@test "restore: images that other users could have written are refused" {
	needs_criu
	counting
	checkpoint c
	chmod 777 "$TMP/images"
	details_of restore --image-path "$TMP/images" c
	says "images $TMP/images: every user may write to it .*--trust-images"
	chmod 755 "$TMP/images"
	chown 1000 "$TMP/images/pages-1.img"
	details_of restore --image-path "$TMP/images" c
	says "images $TMP/images/pages-1.img: it belongs to uid 1000"
	nothing_left
	restore c --trust-images
	has_status c running
}

@test "restore: a descriptors.json that isn't one is refused" {
	needs_criu
	counting
	checkpoint c
	echo '["extRootNetNS"]' >"$TMP/images/descriptors.json"
	details_of restore --image-path "$TMP/images" c
	says "descriptors.json: descriptor 0: \"extRootNetNS\" isn't the name of a pipe, a terminal or a file"
	nothing_left
}

@test "checkpoint: what criu can't restore is refused before" {
	needs_criu
	args sleep 1000
	config 'del(.linux.namespaces[] | select(.type == "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths) | .mounts = []'
	ok runtime run --detach c
	details_of checkpoint --image-path "$TMP/images" c
	says 'linux.namespaces: a container without a mount namespace of its own'
	has_status c running
}

# killed_at POINT COMMAND… runs the runtime in the background with its debug log, and kills it
# with SIGKILL when criu has reached a point.
killed_at() {
	local point=$1 line pid
	shift
	mkfifo "$TMP/debug"
	"$RUNTIME" --root "$ROOT" --debug "$@" </dev/null >/dev/null 2>"$TMP/debug" 3>&- &
	pid=$!
	while IFS= read -r line && [[ $line != *"criu: $point"* ]]; do :; done <"$TMP/debug"
	kill -9 "$pid" 2>/dev/null || true # or it has done its work
	wait "$pid" 2>/dev/null || true
	rm "$TMP/debug"
}

no_criu() { [[ $(leftovers) != *criu* ]]; }

@test "checkpoint: kill -9 at each point" {
	needs_criu
	local point
	for point in pre-dump network-lock post-dump; do
		counting
		killed_at "$point" checkpoint --image-path "$TMP/images" c
		until_true no_criu
		case $(status_of c) in
		running | stopped | paused) ;;
		creating | none) [ "$point" = post-dump ] || fail "$point: it is being deleted" ;;
		*) fail "$point: status $(status_of c)" ;;
		esac
		ok runtime delete --force c
		nothing_left
		rm -rf "$TMP/images" rootfs/count
	done
}

@test "restore: kill -9 at each point, and delete --force" {
	needs_criu
	local point
	counting
	checkpoint c
	for point in pre-restore setup-namespaces post-setup-namespaces post-restore network-unlock post-resume; do
		killed_at "$point" restore --detach --image-path "$TMP/images" c
		ok runtime delete --force c
		until_true no_criu
		nothing_left
	done
	restore c
	has_status c running
}

@test "restore: criu is killed" {
	needs_criu
	counting
	checkpoint c
	cat >"$TMP/hook" <<-'END'
		#!/bin/sh
		for pid in $(pgrep -P $PPID); do [ "$pid" = $$ ] || kill -9 "$pid"; done
	END
	chmod +x "$TMP/hook"
	config '.hooks = {createRuntime: [{path: $hook}]}' --arg hook "$TMP/hook"
	exits 1 runtime restore --image-path "$TMP/images" c
	one_sentence
	says 'criu restore failed: criu has ended: signal 9'
	nothing_left
}

@test "check --host: criu, for a container that is meant to be checkpointed" {
	only_ours 'it has no such command'
	needs_root 'run criu'
	args true
	mkdir "$TMP/bin"
	ok env PATH="$TMP/bin" "$RUNTIME" check --host
	prints 'no problems'
	config '.annotations = {"org.criu.config": $path}' --arg path "$TMP/criu.conf"
	ok env PATH="$TMP/bin" "$RUNTIME" check --host
	matches "$output" 'warning: annotations.*org.criu.config.*: criu isn.t installed: there is no criu in PATH .checkpoint and restore need it.'
	matches "$output" "warning: .*$TMP/criu.conf: no such file or directory"
	touch "$TMP/criu.conf"
	[ -n "${HAS_CRIU-}" ] || return 0
	ok runtime check --host
	prints 'no problems'
}

@test "checkpoint: directories to which all may write are refused" {
	needs_criu
	counting
	mkdir -m 1777 "$TMP/open"
	exits 1 runtime checkpoint --image-path "$TMP/open" c
	says "images $TMP/open: every user may write to it .*: choose a directory of your own"
	exits 1 runtime checkpoint --image-path "$TMP/images" --work-path "$TMP/open" c
	says "work directory $TMP/open: every user may write to it"
	has_status c running
	equal "$(ls "$TMP/open")" ''
}

@test "restore: missing mount points are created in the rootfs, wherever symbolic links lead" {
	needs_criu
	canary
	mkdir "$TMP/data"
	ln -s "$TMP/canary" rootfs/evil
	config '.mounts += [{destination: "/evil/new", type: "bind", source: $data, options: ["bind"]}]' --arg data "$TMP/data"
	counting
	checkpoint c
	rmdir "rootfs$TMP/canary/new"
	restore c
	ok runtime exec c touch "$TMP/canary/new/file"
	[ -e "$TMP/data/file" ] || fail 'it is not mounted there'
	ok runtime delete --force c
	canary_intact
}

@test "criu inherits no descriptor of the caller, and a clean environment" {
	only_ours 'it is about its criu'
	needs_root 'run criu'
	args sleep 1000
	ok runtime run --detach c
	mkdir "$TMP/bin"
	cat >"$TMP/bin/criu" <<-END
		#!/bin/sh
		ls -l /proc/\$\$/fd >"$TMP/descriptors"
		env >"$TMP/environment"
		exit 3
	END
	chmod 755 "$TMP/bin/criu"
	echo secret >"$TMP/secret"
	exec 7<"$TMP/secret"
	SECRET=1 LD_PRELOAD='' CRIU_CONFIG_FILE=/x PATH=$TMP/bin:$PATH exits 1 runtime checkpoint --image-path "$TMP/images" c
	exec 7<&-
	! grep -E "secret|$ROOT|/proc/|/sys/fs" "$TMP/descriptors" || fail 'it inherits more than its own'
	equal "$(grep -c 'socket:' "$TMP/descriptors")" 1
	! grep -E '^(SECRET|CRIU|LD_)' "$TMP/environment" || fail 'it has the environment of the caller'
}
