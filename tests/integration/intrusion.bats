#!/usr/bin/env bats
# Attacks by running containers, by configs and by other containers on the commands
# of the runtime. attack.bats is about images.

load lib

# caught_nothing fails unless the container's intrude reports that it found nothing.
caught_nothing() {
	until_true grep -q caught rootfs/tmp/said
	equal "$(<rootfs/tmp/said)" $'waiting\nnobody got caught'
}

# intrusion SECONDS makes the container look for processes that enter it.
intrusion() {
	chmod 1777 rootfs/tmp
	rm -f rootfs/tmp/said
	args sh -c "/opt/intrude $1 >/tmp/said; exec sleep 1000"
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
	local i
	for i in {1..12}; do
		ok runtime exec c true
	done
	caught_nothing
}

@test "exec: root of the container can't access the entering process (CVE-2016-9962)" {
	intrusion 1
}

@test "exec: nor with all capabilities in a user namespace" {
	needs_root 'map what ids it likes'
	needs_namespace user
	only_ours 'it depends on the speed of the runtime'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"]) |
		.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	intrusion 1
}

# tracing FILTER [PROCESS] makes a container with CAP_SYS_PTRACE look for what it could
# gain from the processes that enter it. The filter changes the config, the other one the
# process of exec.
tracing() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	config "$1"
	jq ".process * {args: [\"true\"]} | ${2:-.}" config.json >"$TMP/process.json"
	args sh -c '/opt/intrude 3 gains >/tmp/said 2>/tmp/seen; exec sleep 1000'
	chmod 1777 rootfs/tmp
	rm -f rootfs/tmp/said
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
	local i
	for i in {1..150}; do
		ok runtime exec --process "$TMP/process.json" c
		grep -q caught rootfs/tmp/said && break
	done
	caught_nothing
	# The result is meaningful only if it has found some processes.
	[ "$(<rootfs/tmp/seen)" -gt 0 ] || fail 'it saw nobody'
	ok runtime exec c sh -c 'echo >/tmp/over'
	ok runtime delete --force c
}

@test "exec: with CAP_SYS_PTRACE and no user namespace, tracing it gains nothing" {
	only_ours 'it depends on the speed of the runtime'
	tracing .
}

@test "exec: nor with a filter, and without noNewPrivileges" {
	only_ours 'it depends on the speed of the runtime'
	tracing '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
}

@test "exec: nor with a limit of processes for another user" {
	only_ours 'it depends on the speed of the runtime'
	tracing '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' \
		'.user = {uid: 1000, gid: 1000} | .rlimits = [{type: "RLIMIT_NPROC", soft: 7, hard: 9}]'
	ok runtime run --detach c
	jq '.args = ["sh", "-c", "ulimit -u; ulimit -Hu"]' "$TMP/process.json" >"$TMP/limits.json"
	ok runtime exec --process "$TMP/limits.json" c
	prints $'7\n9'
}

@test "exec: a filter that allows less than the runtime needs is still loaded" {
	only_ours 'it depends on the speed of the runtime'
	config '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["setsid", "capset"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	sleeping c
	ok runtime exec c awk '/^(Seccomp|CapEff):/ {print $2}' /proc/self/status
	equal "$(wc -l <<<"$output")$(tail -n1 <<<"$output")" 22
}

# neighbour runs a container whose pid namespace the bundle's next ones join. Its
# processes have CAP_SYS_PTRACE, and the same filter.
neighbour() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	sleeping neighbour
	config '(.linux.namespaces[] | select(.type == "pid")).path = $p | .linux.cgroupsPath += "-next"' \
		--arg p "/proc/$(pid_of neighbour)/ns/pid"
}

# worthless ID fails if a process of container ID gains anything from tracing one that waits
# for start.
worthless() {
	ok runtime exec "$1" /opt/intrude 1 gains
	prints $'waiting\nnobody got caught'
	[ "$error" -gt 0 ] || fail 'it saw nobody'
}

@test "create: who traces a container that waits for start gains nothing" {
	needs_root 'join a pid namespace without its user namespace'
	only_ours 'the container that waits is identified by its executable'
	local nnp
	for nnp in true false; do
		config '.process.noNewPrivileges = $n | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' --argjson n $nnp
		cp config.json "$TMP/config.json"
		neighbour
		args sh -c 'mkdir /tmp/made; grep -E "^(CapEff|Seccomp):" /proc/self/status'
		ok runtime create c
		worthless neighbour
		worthless c
		ok runtime start c
		ok runtime delete --force c
		ok runtime delete --force neighbour
		cp "$TMP/config.json" config.json
	done
}

@test "create: who traces a container while it is set up gains nothing" {
	needs_root 'join a pid namespace without its user namespace'
	only_ours 'the container is identified by its executable'
	needs_kernel 6 18
	neighbour
	local i
	script 'mkdir /tmp/made; echo $$'
	"$RUNTIME" --root "$ROOT" exec neighbour /opt/intrude 4 gains >"$TMP/said" 2>"$TMP/seen" </dev/null 3>&- &
	until_true grep -q waiting "$TMP/said"
	for i in {1..100}; do
		ok runtime run c
		grep -q caught "$TMP/said" && break
	done
	wait $! || true
	equal "$(<"$TMP/said")" $'waiting\nnobody got caught'
	[ "$(<"$TMP/seen")" -gt 0 ] || fail 'it saw nobody'
}

@test "exec: the container's /dev/null and terminals have been replaced" {
	echo intact >rootfs/etc/canary
	script 'rm -f /dev/null /dev/ptmx; ln -s /etc/canary /dev/null; ln -s /etc/canary /dev/ptmx; echo over; exec sleep 1000'
	runtime run --detach c >"$TMP/said" 2>&1 </dev/null 3>&-
	until_true grep -q over "$TMP/said"
	status=0
	timeout 10 "$RUNTIME" --root "$ROOT" exec --user 1000 c true </dev/null >/dev/null 2>&1 3>&- || status=$?
	equal "$status $(<rootfs/etc/canary) $(stat -c %u rootfs/etc/canary /dev/null)" "0 intact $(id -u)"$'\n0'
	only_ours 'runc uses /dev/ptmx'
	ok runtime exec --tty c true
	equal "$(<rootfs/etc/canary)" intact
}

@test "exec --cgroup can't lead out of the container's cgroup" {
	sleeping c
	local path
	for path in .. ../.. /../.. a/../../b ./..; do
		exits 255 runtime exec --cgroup "$path" c true
		says 'is not a sub cgroup path'
	done
}

@test "exec --user accepts numbers only (CVE-2026-30892)" {
	sleeping c
	local user
	for user in root 1x -1 +1 ' 1' 0x0 1_0 1: :1 1:2:3 4294967295 4294967296; do
		invoke runtime exec --user "$user" c id -u
		[ "$status" != 0 ] || fail "--user '$user' ran as $output"
	done
	ok runtime exec --user 1 c id -u
	prints 1
}

@test "the id 4294967295, which setresuid(2) takes for no change, isn't root" {
	local filter
	for filter in '.user.uid' '.user.gid' '.user.additionalGids[0]'; do
		config ".process$filter = 4294967295 | .process.args = [\"id\"]"
		exits 1 runtime run c
		one_sentence
		config ".process$filter = 0"
	done
	config 'del(.process.user.additionalGids)'
	sleeping c
	for filter in '.user.uid' '.user.gid' '.user.additionalGids[0]'; do
		jq ".process * {args: [\"id\"]} | $filter = 4294967295" config.json >"$TMP/process.json"
		exits 255 runtime exec --process "$TMP/process.json" c
	done
	exits 255 runtime exec --additional-gids 4294967295 c id
	exits 255 runtime exec --user 0:4294967295 c id
	ok runtime delete --force c
	! rootless || return 0
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 4294967295, "size": 1}] |
		.linux.gidMappings = [{"containerID": 0, "hostID": 1, "size": 10}]'
	exits 1 runtime run d
	says '4294967294'
}

@test "exec --cap adds nothing inheritable (CVE-2022-29162)" {
	sleeping c
	ok runtime exec --cap CAP_NET_RAW c awk '/^Cap(Inh|Amb)/ {print $2}' /proc/self/status
	prints $'0000000000000000\n0000000000000000'
}

@test "a create whose cgroup is in use doesn't affect its processes" {
	needs_cgroupfs 'units have names, systemd.bats has that'
	sleeping c
	exits 1 runtime create d
	says 'not empty'
	has_status c running
	ok runtime delete --force d
	has_status c running
}

@test "delete of a stopped container doesn't affect another one in its cgroup" {
	needs_cgroupfs 'units have names, systemd.bats has that'
	only_ours 'runc behaves differently'
	sleeping c
	ok runtime kill c KILL
	until_true stopped c
	ok runtime run --detach d
	invoke runtime delete c
	[ "$status" != 0 ]
	has_status d running
	ok runtime delete --force d
	ok runtime delete c
}

@test "delete removes cgroups nested deeper than a path is long" {
	only_ours 'runc removes cgroups by path'
	sleeping c
	local top
	for top in /sys/fs/cgroup/"$CGROUP" /sys/fs/cgroup/{freezer,unified}/"$CGROUP"; do
		[ -d "$top" ] || continue
		(
			cd "$top" || exit
			name=$(printf 'x%.0s' {1..200})
			for _ in {1..25}; do
				mkdir "$name" && cd -P "./$name" || exit
			done
		)
	done
	ok runtime ps --format json c
	ok runtime delete --force c
	nothing_left
}

@test "kill, exec and delete don't affect a process that has reused the pid" {
	is_ours || skip 'the state file is of another form'
	sleeping c
	ok runtime kill c KILL
	until_true stopped c
	"$HELPERS/pidwait" $$ 20000 3>&- &
	local victim=$!
	config . # nothing of the bundle counts
	jq --argjson pid "$victim" '.pid = $pid' "$ROOT/c/state.json" >"$TMP/state.json"
	cp "$TMP/state.json" "$ROOT/c/state.json"
	exits 1 runtime kill c KILL
	exits 255 runtime exec c true
	has_status c stopped
	ok runtime delete --force c
	kill -0 "$victim" || fail 'the innocent process has been killed'
	kill "$victim"
}

@test "ids are file names, not paths" {
	local id
	for id in .. . ../x a/b /tmp/x '' $'a\nb' 'a b' 'a;b'; do
		invoke runtime create -- "$id"
		[ "$status" != 0 ] || fail "created '$id'"
		invoke runtime delete --force -- "$id"
	done
	nothing_left
	only_ours 'the seccomp cache'
	exits 1 runtime create .seccomp
	says 'invalid container ID'
}

@test "other users can't access the state directory" {
	ROOT=$TMP/made
	sleeping c
	equal "$(stat -c %a "$ROOT/c")" "$(is_ours && echo 700 || echo 711)"
	equal "$(find "$ROOT/c" -type f -perm /022)" ''
	ok runtime delete --force c
	rmdir "$ROOT"
	mkdir "$TMP/state" 2>/dev/null || true
}

@test "strings with a NUL byte, and of 70 KB (CVE-2021-43784)" {
	local filter long
	long=$(printf 'a%.0s' {1..70000})
	cp config.json "$TMP/config.json"
	for filter in '.hostname = "a\u0000b"' '.process.cwd = "/\u0000x"' '.process.args = ["tr\u0000ue"]' '.process.env += ["A=\u0000"]' \
		'.mounts[0].destination = "/pr\u0000oc"' '.mounts[1].options += ["mode=7\u000055"]' '.linux.cgroupsPath += "\u0000b"' \
		'.linux.namespaces[0].path = "/proc/self/ns/p\u0000id"' '.root.path += "\u0000"' '.linux.maskedPaths = ["/x\u0000"]' \
		'.linux.sysctl = {"net.ipv4.ip_forward": "1\u0000"}' '.hooks = {"createContainer": [{"path": "/bin/true", "args": ["a\u0000"]}]}' \
		'.process.args = [$long]' '.process.cwd = "/" + $long' '.mounts[1].destination = "/" + $long' '.linux.maskedPaths = ["/" + $long]' \
		'.linux.namespaces[0].path = "/" + $long' '.root.path = "/" + $long' '.linux.cgroupsPath = "/" + $long' \
		'.linux.devices = [{"path": ("/" + ("a/" * 30000) + "x"), "type": "c", "major": 1, "minor": 3}]'; do
		jq --arg long "$long" "$filter" "$TMP/config.json" >config.json
		invoke runtime run c
		[ "$status" != 0 ] || fail "took $filter"
		nothing_left
	done
	jq --arg long "$long" '.process.env += ["LONG=" + $long] | .annotations = {($long): $long} |
		.process.args = ["sh", "-c", "echo ${#LONG}"]' "$TMP/config.json" >config.json
	run_container
	prints 70000
}

@test "a symlink of the image to / doesn't mount a volume on the root" {
	only_ours 'runc has another error text'
	mkdir "$TMP/volume"
	ln -s / rootfs/data
	config '.mounts += [{"destination": "/data", "type": "bind", "source": $v, "options": ["rbind"]}]' --arg v "$TMP/volume"
	exits 1 runtime run c
	says 'mounts\[6\]'
	config '.mounts[-1] = {"destination": "/data", "type": "tmpfs", "source": "tmpfs"}'
	exits 1 runtime run c
	nothing_left
}

@test "hooks see nothing of the runtime's environment and descriptors" {
	printf '#!/bin/sh\nenv | grep -c HOST_SECRET >>%s\nls /proc/self/fd | wc -l >>%s\n' "$TMP/seen" "$TMP/seen" >"$TMP/hook"
	chmod +x "$TMP/hook"
	local kind
	for kind in createRuntime createContainer poststart poststop; do
		rm -f "$TMP/seen"
		config '.hooks = {($k): [{"path": $p, "env": ["PATH=/bin:/usr/bin"]}]}' --arg k $kind --arg p "$TMP/hook"
		args true
		HOST_SECRET=x ok runtime run c 7<"$BUNDLE" 8</dev/null
		# 0, 1, 2 and the directory that ls reads
		equal "$(<"$TMP/seen")" $'0\n4'
	done
}

@test "tmpcopyup of a tree with hostile file types" {
	needs_root 'create devices'
	only_ours 'the expected tree is specific to runnel'
	mkdir rootfs/full
	(
		cd rootfs/full || exit
		mkfifo fifo
		mknod null c 1 3
		ln -s /etc/passwd link
		ln -s ../../../../../../../../etc/passwd out
		ln -s loop loop
		touch $'a\nb' 'suid'
		chmod 4755 suid
		truncate -s 1M sparse
		mkdir -p "$(printf 'd/%.0s' {1..50})"
	)
	config '.mounts += [{"destination": "/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=8m"]}]'
	run_prints 'cd /full; stat -c "%F %a" fifo null suid; for l in link out loop; do readlink $l; done; find d | wc -l; stat -c %s sparse; mount | grep -c " /full "' \
		$'fifo 644\ncharacter special file 644\nregular empty file 4755\n/etc/passwd\n../../../../../../../../etc/passwd\nloop\n50\n1048576\n1'
	# More than fits, and an infinite tree: an error, and nothing remains.
	truncate -s 1T rootfs/full/huge
	exits 1 runtime run c
	says 'no space left'
	rm rootfs/full/huge
	mkdir -p "rootfs/full/$(printf 'd/%.0s' {1..500})"
	exits 1 runtime run c
	one_sentence
	nothing_left
}

@test "another container replaces the parents of devices, files, masks and the cwd (CVE-2024-45310)" {
	only_ours 'runc 1.1 is vulnerable'
	mkdir -p "$TMP/volume/dir/sub" "$TMP/canary/sub"
	echo intact >"$TMP/canary/file"
	ln -s "/../../../../../../../..$TMP/canary" "$TMP/volume/link"
	"$HELPERS/swap" "$TMP/volume/dir" "$TMP/volume/link" 3>&- &
	local swapper=$! i
	config '.process.args = ["true"] | .process.cwd = "/volume/dir/cwd" | .linux.maskedPaths += ["/volume/dir/file", "/volume/dir/sub"] |
		.linux.readonlyPaths += ["/volume/dir/file"] |
		.linux.devices = [{"path": "/volume/dir/device", "type": "c", "major": 1, "minor": 3, "uid": 77}] |
		.mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["rbind"]},
			{"destination": "/volume/dir/made", "type": "bind", "source": "/etc/hostname", "options": ["bind"]},
			{"destination": "/volume/dir/a/b/c", "type": "tmpfs", "source": "tmpfs"},
			{"destination": "/volume/dir", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]' --arg v "$TMP/volume"
	for i in {1..25}; do
		invoke runtime run c
		equal "$(find "$TMP/canary" -printf '%P %y %U %m\n' | sort)" $' d 0 755\nfile f 0 644\nsub d 0 755'
		equal "$(<"$TMP/canary/file")" intact
	done
	kill $swapper
	nothing_left
}

@test "no system call is made between the filter and the program" {
	only_ours 'runc needs other system calls'
	local nnp
	for nnp in true false; do
		config '.process.noNewPrivileges = $n | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
			{"names": ["close_range", "sendmsg", "sendto", "recvfrom", "capget", "capset", "setresuid", "setgroups", "clone", "openat2"],
			"action": "SCMP_ACT_KILL_PROCESS"}]}' --argjson n $nnp
		args echo over
		run_container
		prints over
		sleeping d
		ok runtime exec d echo over
		prints over
		ok runtime delete --force d
	done
}

@test "names that a container chooses can't control the terminal" {
	only_ours 'runc prints it unescaped'
	args sh -c 'sleep 1000; true' $'\n\033[31mroot 1 forged'
	ok runtime run --detach c
	ok runtime ps c
	[[ $output != *$'\033'* && $(wc -l <<<"$output") -le 3 ]] || fail "$output"
	printf '#!/no\033[31m/such\007\n' >rootfs/bin/entry
	chmod +x rootfs/bin/entry
	invoke runtime exec c /bin/entry
	[ "$status" != 0 ]
	[[ $error != *$'\033'* && $error != *$'\007'* ]] || fail "$error"
}

@test "the session keyring is the container's own, whatever keyrings of others are called" {
	[ -r /proc/keys ] || skip 'the kernel has no keyrings'
	only_ours 'runc joins by name'
	local name pids=() pid
	# Another process has keyrings with the likely names, which everybody may search.
	for name in _ses _ses.c c; do
		setpriv --reuid 1000 --regid 1000 --clear-groups "$HELPERS/facts" plant "$name" 3>&- >"$TMP/$name.planted" &
		pids+=($!)
	done
	for name in _ses _ses.c c; do
		until_true grep -q planted "$TMP/$name.planted"
	done
	args sh -c '/opt/facts keyring; exec sleep 1000'
	ok runtime run --detach c
	until_true grep -q keyring "$TMP/stdout"
	matches "$(<"$TMP/stdout")" '^keyring;0;0;'
	ok runtime exec c /opt/facts keyring
	matches "$output" '^keyring;0;0;'
	for pid in "${pids[@]}"; do kill "$pid"; done
}
