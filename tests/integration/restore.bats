#!/usr/bin/env bats
# restore: standard streams, terminals, namespaces, connections, hooks.

load lib
load criu

setup_file() { find_criu; }

# receive starts a console socket whose terminal follows the script on stdin; it sets $receiver to its pid.
receive() { receiver=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" 3>&-); }

@test "a shell on a terminal goes on at another one" {
	needs_criu
	config '.process.terminal = true'
	script 'stty -echo; word=first; while read line; do echo "$word: $line"; word=$line; done'
	receive <<-'END'
		type one
		await first: one
	END
	ok runtime run --detach --console-socket "$TMP/tty" c
	until_true grep -q 'first: one' "$TMP/shown"
	checkpoint c
	gone "$receiver"
	rm "$TMP/tty"
	receive <<-'END'
		type two
		await one: two
		type three
		await two: three
	END
	restore c --console-socket "$TMP/tty"
	until_true grep -q 'two: three' "$TMP/shown"
	ok runtime delete --force c
	gone "$receiver"
}

@test "a shell with job control, in the foreground at a terminal" {
	needs_criu
	config '.process.terminal = true'
	args sh -i
	receive <<-'END'
		type stty -echo; sleep 1000 & n=5; echo now $((n + 1))
		await now 6
	END
	ok runtime run --detach --console-socket "$TMP/tty" c
	until_true grep -q 'now 6' "$TMP/shown"
	checkpoint c
	cat >"$TMP/typed" <<-'END'
		type echo again $((n + 2))
		await again 7
		type jobs; kill %1; wait; echo ended $?
		await ended
		type exit 4
	END
	status=0
	output=$(timeout 30 "$HELPERS/console" run "$RUNTIME" --root "$ROOT" restore --image-path "$TMP/images" c <"$TMP/typed" 3>&-) || status=$?
	equal "$status" 4
	matches "$output" 'sleep 1000'
	has_status c none
}

@test "restore in the foreground: exit status, signals, and streams that are pipes" {
	needs_criu
	script 'trap "echo got TERM; exit 7" TERM; echo ready; while :; do sleep 0.02; done'
	mkfifo "$TMP/out"
	exec 5<>"$TMP/out"
	"$RUNTIME" --root "$ROOT" run --detach c </dev/null >"$TMP/out" 2>&1 3>&- 5>&-
	equal "$(read_line "$TMP/out")" ready
	checkpoint c
	"$RUNTIME" --root "$ROOT" restore --image-path "$TMP/images" c </dev/null >"$TMP/out" 2>&1 3>&- 5>&- &
	local pid=$! code=0
	until_true has_status c running
	kill "$pid"
	equal "$(read_line "$TMP/out")" 'got TERM'
	wait "$pid" || code=$?
	equal "$code" 7
	has_status c none
}

@test "streams: anonymous pipes, and files, are replaced by those of restore" {
	needs_criu
	script 'echo begin; echo error >&2; read x </tmp/fifo; cat; echo "end $x"; echo errors >&2'
	mkfifo rootfs/tmp/fifo
	# A pipe on standard input, a file as standard output, a pipe as standard error.
	sleep 1000 3>&- |
		"$RUNTIME" --root "$ROOT" run --detach c 2>&1 >"$TMP/out1" 3>&- | cat >"$TMP/err1" 3>&- &
	until_true grep -q begin "$TMP/out1"
	checkpoint c
	matches "$(<"$TMP/images/descriptors.json")" '^\["pipe:\[[0-9]+\]","file\[[0-9a-f]+:[0-9a-f]+\]","pipe:\[[0-9]+\]"\]$'
	pkill -f "^sleep 1000$" -P $$
	echo 'new input' >"$TMP/in"
	"$RUNTIME" --root "$ROOT" restore --image-path "$TMP/images" --detach c < <(cat "$TMP/in") >>"$TMP/out1" 2> >(cat >"$TMP/err2") 3>&- || fail "$(cat "$TMP/err2")"
	echo word >rootfs/tmp/fifo
	until_true stopped c
	equal "$(<"$TMP/out1")" $'begin\nnew input\nend word'
	until_true grep -q errors "$TMP/err2"
}

@test "namespaces that are joined by path are joined again: network, ipc, uts" {
	needs_criu
	local kind ns=$TMP/ns
	mkdir "$ns"
	unshare --net --ipc --uts sleep 1000 3>&- &
	local holder=$!
	until_true grep -q sleep "/proc/$holder/comm"
	for kind in net ipc uts; do
		touch "$ns/$kind"
		mount --bind "/proc/$holder/ns/$kind" "$ns/$kind"
	done
	kill "$holder"
	config '.linux.namespaces |= map(. + ({network: {path: ($ns + "/net")}, ipc: {path: ($ns + "/ipc")}, uts: {path: ($ns + "/uts")}}[.type] // {})) |
		del(.hostname)' --arg ns "$ns"
	counting
	local before=() after=()
	for kind in net ipc uts; do before+=("$(readlink "/proc/$(pid_of c)/ns/$kind")"); done
	checkpoint c
	restore c
	for kind in net ipc uts; do after+=("$(readlink "/proc/$(pid_of c)/ns/$kind")"); done
	equal "${after[*]}" "${before[*]}"
	ok runtime delete --force c
	umount "$ns"/*
}

@test "a pid namespace that is joined by path is joined again" {
	needs_criu
	script 'while :; do sleep 0.1; done' # it reaps what is left of others
	ok runtime run --detach pause
	config '.linux.namespaces |= map(if .type == "pid" then . + {path: $path} else . end) | .linux.cgroupsPath += "-c"' \
		--arg path "/proc/$(pid_of pause)/ns/pid"
	script 'i=0; while sleep 0.02; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; done'
	# In the foreground, because its process ID is free only when somebody has reaped it.
	"$RUNTIME" --root "$ROOT" run c </dev/null >"$TMP/out" 2>&1 3>&- &
	until_true counts_beyond 0
	checkpoint c --leave-running
	config '.linux.cgroupsPath += "opy"'
	exits 1 runtime restore --image-path "$TMP/images" copy
	says 'a process ID of the checkpoint is in use'
	one_sentence
	rm -r "$TMP/images"
	checkpoint c
	wait $! || true
	sleep 0.2
	restore c
	equal "$(readlink "/proc/$(pid_of c)/ns/pid")" "$(readlink "/proc/$(pid_of pause)/ns/pid")"
	ok runtime kill c KILL
	until_true stopped c
	has_status pause running
}

@test "a TCP server with an open connection, ten times" {
	needs_criu
	local ns=$TMP/net
	touch "$ns"
	unshare --net="$ns" sh -c 'ip link set lo up' || skip 'no network namespaces'
	config '.linux.namespaces |= map(if .type == "network" then . + {path: $ns} else . end)' --arg ns "$ns"
	script 'exec nc -l -p 7777 -e cat'
	ok runtime run --detach c
	mkfifo "$TMP/to" "$TMP/from"
	exec 6<>"$TMP/to" 7<>"$TMP/from"
	until_true nsenter --net="$ns" sh -c 'grep -q ":1E61 .* 0A " /proc/net/tcp*'
	nsenter --net="$ns" busybox nc 127.0.0.1 7777 <&6 >&7 3>&- &
	local client=$! round
	for round in {1..10}; do
		echo "round $round" >&6
		equal "$(read_line "$TMP/from")" "round $round"
		if [ "$round" = 1 ]; then
			exits 1 runtime checkpoint --image-path "$TMP/images" c
			says 'open TCP connection.*--tcp-established checkpoints it'
			one_sentence
			has_status c running
		fi
		checkpoint c --tcp-established
		echo "during $round" >&6
		restore c --tcp-established
		equal "$(read_line "$TMP/from")" "during $round"
		rm -r "$TMP/images"
	done
	kill "$client"
	ok runtime delete --force c
	umount "$ns"
}

@test "a server in Python or Perl with the host's libraries, ten times" {
	needs_criu
	local interpreter server client
	if [ -x /usr/bin/perl ]; then
		interpreter=/usr/bin/perl
		server='use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("/tmp/socket")); listen(S, 5);
			my $n = 0; my @kept; while (accept(C, S)) { push @kept, "x" x 100000; print C ++$n, "\n"; close C }'
		client='use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un("/tmp/socket")) or die $!; print <S>'
	elif [ -x /usr/bin/python3 ]; then
		interpreter=/usr/bin/python3
		server=$'import socket\ns = socket.socket(socket.AF_UNIX); s.bind("/tmp/socket"); s.listen()\nn = 0\nkept = []
while True:\n c = s.accept()[0]; n += 1; kept.append("x" * 100000); c.sendall(b"%d\\n" % n); c.close()'
		client=$'import socket\ns = socket.socket(socket.AF_UNIX); s.connect("/tmp/socket")\nprint(s.recv(9).decode(), end="")'
	else
		skip 'the host has neither /usr/bin/perl nor /usr/bin/python3'
	fi
	ln -s usr/lib rootfs/lib
	ln -s usr/lib64 rootfs/lib64
	config '.mounts += [{destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "ro"]}]'
	printf '%s\n' "$server" >rootfs/opt/server
	printf '%s\n' "$client" >rootfs/opt/client
	args "$interpreter" /opt/server
	ok runtime run --detach c
	local round
	for round in {1..10}; do
		until_true test -S rootfs/tmp/socket
		ok runtime exec c "$interpreter" /opt/client
		prints "$round"
		checkpoint c
		restore c
		rm -r "$TMP/images"
	done
}

@test "hooks: createRuntime and poststart run again, poststop after each checkpoint" {
	needs_criu
	config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "jq -c [.status,.pid] >>" + $log + "; echo createRuntime >>" + $log]}],
		poststart: [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo poststart >>" + $log]}],
		poststop: [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo poststop >>" + $log]}]}' --arg log "$TMP/log"
	counting
	checkpoint c
	: >"$TMP/log"
	restore c
	equal "$(<"$TMP/log")" "$(printf '["creating",%s]\ncreateRuntime\npoststart' "$(pid_of c)")"
	ok runtime delete --force c
	equal "$(tail -n 1 "$TMP/log")" poststop
}

@test "a cgroup below the container's is there again, with its processes" {
	needs_criu
	needs_cgroup_v1
	script 'sleep 1234 & i=0; while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; sleep 0.02; done'
	ok runtime run --detach c
	until_true counts_beyond 0
	mkdir "$(cgroup_dir pids)/sub"
	until_true pgrep -xf 'sleep 1234' -P "$(pid_of c)"
	pgrep -xf 'sleep 1234' -P "$(pid_of c)" >"$(cgroup_dir pids)/sub/cgroup.procs"
	checkpoint c
	[ ! -d "/sys/fs/cgroup/pids/$CGROUP" ] || fail 'the cgroup still exists'
	restore c
	equal "$(cat "$(cgroup_dir pids)/sub/cgroup.procs")" "$(pgrep -xf 'sleep 1234' -P "$(pid_of c)")"
}

@test "checkpoint warns of processes of exec, which criu leaves out" {
	needs_criu
	counting
	ok runtime exec --detach c sleep 1234
	checkpoint c --leave-running
	says '1 process\(es\) of c aren.t part of the checkpoint: criu writes only .*: [0-9]+ .*sleep'
	has_status c running
}

@test "a seccomp filter is there again" {
	needs_criu
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
	script 'while :; do if mkdir /tmp/made; then echo made; else echo refused; fi >/count.new 2>&1; mv /count.new /count; sleep 0.02; done'
	ok runtime run --detach c
	until_true grep -q refused rootfs/count
	checkpoint c
	rm rootfs/count
	restore c
	until_true grep -q refused rootfs/count
	exits 1 runtime exec c mkdir /tmp/x
}

@test "a user namespace is there again" {
	needs_criu
	config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	cp -a --remove-destination rootfs rootfs.new
	chown -R 100000:100000 rootfs.new
	rm -r rootfs
	mv rootfs.new rootfs
	chmod 711 "$TMP"
	script 'i=0; while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; sleep 0.02; done'
	# A file of the host as standard output can't be opened again by the container's root.
	ok sh -c 'exec "$@" >/dev/null 2>&1' sh "$RUNTIME" --root "$ROOT" run --detach c
	until_true counts_beyond 0
	checkpoint c
	equal "$(stat -c %a "$TMP/images")" 711
	chmod 700 "$TMP/images"
	exits 1 runtime restore --detach --image-path "$TMP/images" c
	says 'the root of the container.s user namespace .*chmod o\+x'
	chmod 711 "$TMP/images"
	restore c
	ok runtime exec c cat /proc/self/uid_map
	matches "$output" '^ *0 +100000 +65536$'
	ok runtime exec c sh -c 'echo x >/dev/null && stat -c %u /proc/1'
	prints 0
}

@test "the I/O priority is that of config.json" {
	needs_criu
	command -v ionice >/dev/null || skip 'needs ionice'
	config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 7}'
	counting
	checkpoint c
	restore c
	equal "$(ionice -p "$(pid_of c)")" 'best-effort: prio 7'
}

@test "a paused container can be checkpointed" {
	needs_criu
	counting
	ok runtime pause c
	checkpoint c --leave-running
	has_status c paused
	ok runtime resume c
	ok runtime pause c
	rm -r "$TMP/images"
	checkpoint c
	has_status c none
	restore c
	until_true counts_beyond 1
}

@test "cgroup mounts, with and without a cgroup namespace, into another cgroup" {
	needs_criu
	needs_cgroup_v1
	config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"]}]'
	local round listed
	for round in 1 2; do
		counting
		ok runtime exec c sh -c 'ls /sys/fs/cgroup; sort /proc/self/cgroup'
		listed=$output
		checkpoint c
		[ "$round" = 2 ] || config '.linux.cgroupsPath += "-2"'
		restore c
		ok runtime exec c sh -c 'ls /sys/fs/cgroup; sort /proc/self/cgroup'
		[ "$round" = 1 ] || equal "$output" "$listed"
		ok runtime exec c cat /sys/fs/cgroup/pids/cgroup.procs
		matches "$output" '^1'
		exits 1 runtime exec c mkdir /sys/fs/cgroup/pids/x
		ok runtime delete --force c
		rm -r "$TMP/images"
		config '.linux.cgroupsPath |= rtrimstr("-2") | .linux.namespaces += [{type: "cgroup"}]'
	done
}

@test "the service manager is told of a restored container, and the process keeps its socket" {
	needs_criu
	cp "$HELPERS/notify" rootfs/bin/notify
	local manager
	manager=$("$HELPERS/notify" -l "$TMP/manager" "$TMP/received" 3>&-)
	script 'notify READY=1; while [ ! -e /go ]; do sleep 0.02; done; notify STATUS=after; exec sleep 1000'
	NOTIFY_SOCKET=$TMP/manager ok runtime run --detach c
	checkpoint c
	: >"$TMP/received"
	NOTIFY_SOCKET=$TMP/manager restore c
	equal "$(<"$TMP/received")" "READY=1|MAINPID=$(pid_of c)
BARRIER=1 +fd"
	ok runtime delete --force c
	# Without a manager the directory of the socket is empty.
	restore c
	has_status c running
	touch rootfs/go
	kill "$manager"
	gone "$manager"
}

@test "criu's configuration file: the one that an annotation names" {
	needs_criu
	echo 'tcp-established' >"$TMP/criu.conf"
	config '.annotations = {"org.criu.config": $path}' --arg path "$TMP/criu.conf"
	counting
	checkpoint c
	grep -q "$TMP/criu.conf" "$TMP/images/dump.log" || fail 'criu has not read it'
	config '.annotations["org.criu.config"] += ".absent"'
	exits 1 runtime restore --image-path "$TMP/images" c
	one_sentence
	says 'annotations.*org.criu.config.*criu.conf.absent: no such file or directory'
	nothing_left
}

@test "the memory goes to a page server" {
	needs_criu
	counting
	mkdir "$TMP/pages"
	criu page-server --images-dir "$TMP/pages" --address 127.0.0.1 --port 27777 >/dev/null 2>&1 3>&- &
	local server=$!
	until_true grep -q ':6C81 .* 0A ' /proc/net/tcp
	checkpoint c --page-server 127.0.0.1:27777 --leave-running
	wait "$server"
	has_status c running
	cp "$TMP"/pages/page* "$TMP/images"
	ok runtime delete --force c
	restore c
	has_status c running
}

@test "iterative checkpoints" {
	needs_criu
	counting
	if ! criu check --feature mem_dirty_track >/dev/null 2>&1; then
		exits 1 runtime checkpoint --pre-dump --image-path "$TMP/one" c
		says "the kernel can't track which pages of memory are written .*: leave out --pre-dump and --parent-path"
		one_sentence
		has_status c running
		return
	fi
	ok runtime checkpoint --pre-dump --image-path "$TMP/one" c
	has_status c running
	ok runtime checkpoint --pre-dump --image-path "$TMP/two" --parent-path ../one c
	ok runtime checkpoint --image-path "$TMP/images" --parent-path ../two c
	has_status c none
	restore c
	until_true counts_beyond 1
}

@test "a rootfs on a mount that is shared, as / is with systemd, and binds with propagation" {
	needs_criu
	mount --bind "$BUNDLE" "$BUNDLE"
	mount --make-shared "$BUNDLE"
	cd / && cd "$BUNDLE"
	mkdir "$TMP/data"
	mount -t tmpfs tmpfs "$TMP/data"
	mount --make-shared "$TMP/data"
	config '.mounts += [{destination: "/data", type: "bind", source: $data, options: ["rbind", "rslave"]}]' --arg data "$TMP/data"
	counting
	checkpoint c
	restore c
	mkdir "$TMP/data/sub"
	mount -t tmpfs tmpfs "$TMP/data/sub"
	ok runtime exec c grep -c ' /data/sub ' /proc/mounts
	ok runtime delete --force c
	equal "$(grep -c "$BUNDLE" /proc/self/mountinfo)" 1
	umount "$TMP/data/sub" "$TMP/data"
	cd /
	umount "$BUNDLE"
}

@test "a network namespace that hooks fill is filled by them again; another one is part of the checkpoint" {
	needs_criu
	cat >"$TMP/hook" <<-'END'
		#!/bin/sh
		pid=$(jq .pid)
		nsenter --net="/proc/$pid/ns/net" ip link add outside type bridge
	END
	chmod +x "$TMP/hook"
	config '.hooks = {createRuntime: [{path: $hook}]}' --arg hook "$TMP/hook"
	local round
	for round in with without; do
		counting
		[ "$round" = with ] || nsenter --net="/proc/$(pid_of c)/ns/net" ip link add inside type bridge
		checkpoint c
		[ ! -e "$TMP/images/netns-10.img" ] || [ "$round" = without ] || fail 'the network is in the checkpoint'
		restore c
		ok runtime exec c sh -c 'echo /sys/class/net/*; cat /sys/class/net/lo/flags'
		if [ "$round" = with ]; then
			prints $'/sys/class/net/lo /sys/class/net/outside\n0x9'
		else
			prints $'/sys/class/net/inside /sys/class/net/lo\n0x9'
		fi
		ok runtime delete --force c
		rm -r "$TMP/images"
		config 'del(.hooks)'
	done
}

@test "--config: another file than config.json" {
	needs_criu
	only_ours 'runc has no --config'
	args sleep 1000
	mv config.json other.json
	ok runtime run --detach --config other.json c
	checkpoint c
	exits 1 runtime restore --detach --image-path "$TMP/images" c
	says 'config.json not found'
	restore c --config other.json
	ok runtime exec c true
	ok runtime delete --force c
}
