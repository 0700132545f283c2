#!/usr/bin/env bats
# exec: further processes in a running container.

load lib

@test "exec runs in the container's namespaces, root and cgroup" {
	sleeping c
	local init
	init=$(pid_of c)
	ok runtime exec c sh -c 'hostname; cat /proc/1/comm; for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup'
	equal "$(sed -n 1,2p <<<"$output")" $'test-host\nsleep'
	equal "$(sed -n 3,7p <<<"$output")" "$(for n in ipc mnt net pid uts; do readlink "/proc/$init/ns/$n"; done)"
	equal "$(sed -n '8,$p' <<<"$output")" "$(cat "/proc/$init/cgroup")"
}

@test "exec exits with the process's exit code, 128 + its signal, 255 for its own failures" {
	sleeping c
	exits 7 runtime exec c sh -c 'exit 7'
	equal "$error" ''
	exits 137 runtime exec c sh -c 'kill -9 $$'
	exits 255 runtime exec c /no/such/program
	says 'no such file or directory'
	one_sentence
	exits 255 runtime exec c no-such-program
	says 'executable file not found in \$PATH'
	one_sentence
	exits 255 runtime exec c /etc/passwd
	says 'permission denied'
	one_sentence
	exits 255 runtime exec absent true
	says 'container does not exist'
	one_sentence
	has_status c running
}

@test "exec without a command" {
	sleeping c
	invoke runtime exec c
	[ "$status" != 0 ]
}

@test "what follows the id belongs to the process" {
	sleeping c
	ok runtime exec c echo --tty -d --cwd /x -- end
	prints '--tty -d --cwd /x -- end'
}

@test "-- between the id and the command" {
	only_ours 'only newer versions of runc drop it'
	sleeping c
	ok runtime exec c -- echo --tty -- x
	prints '--tty -- x'
}

@test "exec --cwd, --env, --user, --additional-gids" {
	sleeping c
	ok runtime exec --cwd /tmp --env A=1 --env B=x,y --user 1000:5 --additional-gids 7 --additional-gids 8 c \
		sh -c 'pwd; echo $A $B; id -u; id -g; id -G'
	prints $'/tmp\n1 x,y\n1000\n5\n5 7 8'
	ok runtime exec --user 1000 c sh -c 'id -u; id -g'
	prints $'1000\n0'
}

@test "exec --user accepts only numbers, and all numbers" {
	sleeping c
	local user
	for user in root -1 1x 1:x 1: :1 4294967296 1:-1 ''; do
		invoke runtime exec --user="$user" c true
		[ -z "$user" ] || [ "$status" != 0 ] || ! is_ours || fail "--user=$user was taken"
	done
}

@test "exec has the environment of the container and of the command line, not of the caller" {
	config '.process.env += ["CONTAINER=yes"]'
	sleeping c
	LEAK=1 ok runtime exec --env OWN=yes --env TERM=dumb c env
	grep -qx CONTAINER=yes <<<"$output"
	grep -qx OWN=yes <<<"$output"
	grep -qx TERM=dumb <<<"$output"
	[[ $output != *LEAK* ]] && [[ $output != *TERM=xterm* ]]
}

@test "exec uses the config's cwd and user" {
	config '.process.cwd = "/tmp" | .process.user = {"uid": 1000, "gid": 1000, "additionalGids": [10]}'
	sleeping c
	ok runtime exec c sh -c 'pwd; id -u; id -G'
	prints $'/tmp\n1000\n1000 10'
}

@test "exec --cap adds to the config's capabilities" {
	sleeping c
	ok runtime exec c grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status
	[[ $output != *200400* ]]
	ok runtime exec --cap CAP_SYS_ADMIN --cap CAP_NET_RAW c awk '/CapEff/ {print $2}' /proc/self/status
	[ $(((16#$output >> 21) & 1)) = 1 ]
	[ $(((16#$output >> 13) & 1)) = 1 ]
	[ $(((16#$output >> 10) & 1)) = 1 ]
}

@test "exec --no-new-privs" {
	config '.process.noNewPrivileges = false'
	sleeping c
	ok runtime exec c awk '/NoNewPrivs/ {print $2}' /proc/self/status
	prints 0
	ok runtime exec --no-new-privs c awk '/NoNewPrivs/ {print $2}' /proc/self/status
	prints 1
}

@test "exec --process reads everything from the file" {
	sleeping c
	cat >"$TMP/process.json" <<-'END'
		{"terminal": false, "user": {"uid": 1000, "gid": 1000, "additionalGids": [9]}, "cwd": "/tmp",
		 "env": ["PATH=/bin", "X=y"], "args": ["sh", "-c", "id -u; pwd; echo $X; id -G; exit 9"]}
	END
	exits 9 runtime exec --process "$TMP/process.json" c
	prints $'1000\n/tmp\ny\n1000 9'
}

@test "exec has the config's umask, and that of --process" {
	only_ours 'runc 1.1 always uses 0022'
	config '.process.user.umask = 23'
	sleeping c
	ok runtime exec c sh -c umask
	prints 0027
	echo '{"user": {"uid": 0, "gid": 0, "umask": 7}, "cwd": "/", "env": ["PATH=/bin"], "args": ["sh", "-c", "umask"]}' >"$TMP/process.json"
	ok runtime exec --process "$TMP/process.json" c
	prints 0007
}

@test "exec --process with a bad or missing file is a clear error" {
	sleeping c
	exits 255 runtime exec --process "$TMP/absent.json" c
	says 'no such file or directory'
	one_sentence
	echo '{"args": ["true"], "cwd": 7}' >"$TMP/process.json"
	exits 255 runtime exec --process "$TMP/process.json" c
	one_sentence
	echo '{"args": ["true"], "cwd": "relative"}' >"$TMP/process.json"
	exits 255 runtime exec --process "$TMP/process.json" c
	says 'must be an absolute path'
	echo '{"args": [], "cwd": "/"}' >"$TMP/process.json"
	exits 255 runtime exec --process "$TMP/process.json" c
	says 'args must not be empty'
}

@test "exec --detach with --pid-file" {
	sleeping c
	ok runtime exec --detach --pid-file "$TMP/pid" c sleep 1000
	local pid
	pid=$(<"$TMP/pid")
	equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'sleep 1000 '
	equal "$(readlink "/proc/$pid/ns/pid")" "$(readlink "/proc/$(pid_of c)/ns/pid")"
	ok runtime ps --format json c
	equal "$(jq -c 'sort' <<<"$output")" "$(jq -nc --args '$ARGS.positional | map(tonumber) | sort' -- "$(pid_of c)" "$pid")"
}

@test "exec in a created container works, in a stopped one it doesn't" {
	args sleep 1000
	ok runtime create c
	ok runtime exec c echo here
	prints here
	local pid
	pid=$(pid_of c)
	ok runtime kill c KILL
	gone "$pid"
	exits 255 runtime exec c true
	says 'cannot exec in a stopped container'
	one_sentence
}

@test "exec in a paused container is refused" {
	sleeping c
	ok runtime pause c
	exits 255 runtime exec c true
	says 'cannot exec in a paused container'
	one_sentence
	ok runtime resume c
	ok runtime exec c true
}

@test "exec passes stdin and keeps stdout and stderr apart" {
	sleeping c
	printf 'in\n' | "$RUNTIME" --root "$ROOT" exec c sh -c 'cat; echo problem >&2' >"$TMP/out" 2>"$TMP/err" 3>&-
	equal "$(<"$TMP/out")" in
	equal "$(<"$TMP/err")" problem
}

@test "exec in a container that shares the host's namespaces" {
	needs_root 'do without a user namespace'
	config '.linux.namespaces = [{"type": "mount"}, {"type": "pid"}] | del(.hostname)'
	sleeping c
	ok runtime exec c readlink /proc/self/ns/net
	prints "$(readlink /proc/self/ns/net)"
}

@test "exec --preserve-fds" {
	sleeping c
	ok runtime exec c /opt/fdlist 5<"$BUNDLE/config.json"
	prints '0 1 2'
	status=0
	"$RUNTIME" --root "$ROOT" exec --preserve-fds 3 c /opt/fdlist >"$TMP/out" 3>/dev/null 4>/dev/null 5</dev/null || status=$?
	equal "$status $(<"$TMP/out")" '0 0 1 2 3 4 5'
}

@test "signals to a foreground exec reach its process" {
	sleeping c
	mkfifo rootfs/tmp/said
	"$RUNTIME" --root "$ROOT" exec c sh -c 'trap "exit 9" TERM; echo ready >/tmp/said; while :; do sleep 0.01; done' </dev/null >/dev/null 2>&1 3>&- &
	local pid=$! status=0
	equal "$(read_line rootfs/tmp/said)" ready
	kill -TERM $pid
	wait $pid || status=$?
	equal $status 9
}

@test "ten execs at once" {
	sleeping c
	local i pids=() pid
	for i in {1..10}; do
		"$RUNTIME" --root "$ROOT" exec c sh -c "exit $i" </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	i=1
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		equal $status $i
		i=$((i + 1))
	done
}

@test "exec --cgroup moves the process into a cgroup below the container's" {
	needs_cgroup_v1
	needs_controller pids
	sleeping c
	local dir
	dir=$(cgroup_dir pids)
	mkdir "$dir/below"
	ok runtime exec --cgroup pids:below c grep pids: /proc/self/cgroup
	matches "$output" "$CGROUP/below$"
	exits 255 runtime exec --cgroup pids:../.. c true
	one_sentence
	rmdir "$dir/below"
}

# ---- some of the namespaces

# joined LIST [OPTION…] runs a program of the host that joins these namespaces and prints which
# of its namespaces are the container's.
joined() {
	local list=$1 ns init
	shift
	init=$(pid_of c)
	ok runtime exec --ns "$list" "$@" c bash -c 'cd /proc/self/ns && for n in *; do echo $n $(readlink $n); done'
	for ns in cgroup ipc mnt net pid time user uts; do
		! grep -qxF "$ns $(readlink "/proc/$init/ns/$ns")" <<<"$output" ||
			[ "$(readlink "/proc/$init/ns/$ns")" = "$(readlink "/proc/self/ns/$ns")" ] || printf '%s ' "$ns"
	done
}

# user_too prints what --ns needs beside other namespaces.
user_too() { ! rootless || printf ',user'; }

@test "exec --ns joins only these namespaces, with the host's files, in the container's cgroup" {
	only_ours 'the option --ns'
	sleeping c
	if rootless; then
		equal "$(joined net,user)" 'net user '
		equal "$(joined uts,ipc,user)" 'ipc user uts '
	else
		equal "$(joined net)" 'net '
		equal "$(joined network,uts,ipc)" 'ipc net uts '
	fi
	[ -e "$TMP" ] && ! runtime exec c test -e "$TMP"
	ok runtime exec --ns "net$(user_too)" c cat "$BUNDLE/config.json" /proc/self/cgroup
	equal "$(grep '^[0-9]*:.*:/' <<<"$output")" "$(cat "/proc/$(pid_of c)/cgroup")"
	exits 7 runtime exec --ns "net$(user_too)" c sh -c 'exit 7'
}

@test "exec --ns without mnt has the caller's environment, directory and privileges" {
	only_ours 'the option --ns'
	config '.process.env += ["LD_PRELOAD=/lib/evil.so", "CONTAINER=yes"] | .process.user = {"uid": 1000, "gid": 1000} |
		.process.cwd = "/tmp" | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
	rootless && config '.process.user = {"uid": 0, "gid": 0}'
	sleeping c
	OWN=yes ok runtime exec --ns "net$(user_too)" --env MORE=1 c sh -c 'pwd; id -u; echo $OWN $MORE $LD_PRELOAD $CONTAINER; grep Seccomp: /proc/self/status'
	prints "$PWD"$'\n0\nyes 1\nSeccomp:\t'"$(awk '/^Seccomp:/ {print $2}' /proc/self/status)"
	rootless || equal "$(runtime exec --ns net c grep CapEff /proc/self/status)" "$(grep CapEff /proc/self/status)"
	ok runtime exec --ns "net$(user_too)" --cwd /usr --no-new-privs c sh -c 'pwd; grep NoNewPrivs /proc/self/status'
	prints $'/usr\nNoNewPrivs:\t1'
	exits 255 runtime exec --ns "net$(user_too)" c no-such-program
	says 'executable file not found in \$PATH'
	jq .process config.json >"$TMP/process.json"
	exits 255 runtime exec --ns "net$(user_too)" --process "$TMP/process.json" c
	says 'the program is one of the host, and --process describes one of the container'
}

@test "exec --ns with a terminal" {
	only_ours 'the option --ns'
	needs_root 'open the ptmx of the host'
	sleeping c
	ok runtime exec --ns net --tty c tty
	matches "$output" '^/dev/pts/[0-9]'
}

@test "exec --ns with all that confine a program of the container" {
	only_ours 'the option --ns'
	sleeping c
	ok runtime exec --ns mount,user,pid,net,ipc c sh -c 'hostname; ls /opt; cat /proc/1/comm'
	[ "$(head -n 1 <<<"$output")" = "$(hostname)" ]
	[ "$(tail -n 1 <<<"$output")" = sleep ]
	exits 255 runtime exec --ns "mnt,pid$(user_too)" c true
	says "with the mount namespace, a program of the container would run in the host's namespaces ipc,net: add them"
}

@test "exec --ns refuses what the container could misuse, and unknown names" {
	only_ours 'the option --ns'
	sleeping c
	exits 255 runtime exec --ns "net,pid$(user_too)" c true
	says 'processes of the container could trace one that has the host.s root directory.*leave out pid'
	one_sentence
	local list
	for list in '' nets net,,pid; do
		exits 255 runtime exec --ns "$list" c true
		says '--ns: unknown namespace "'
		one_sentence
	done
	if rootless; then
		exits 255 runtime exec --ns net c true
		says "an ordinary user can't join namespaces of the container without its user namespace: add user"
	fi
}

@test "exec --ns with a user namespace" {
	only_ours 'the option --ns'
	needs_namespace user
	if ! rootless; then
		config '.linux.namespaces += [{"type": "user"}] |
			.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
		chmod 755 "$TMP"
		sleeping c
		# Out of reach for the container, so that the pid namespace may be joined, too.
		equal "$(joined net,pid)" 'net pid '
		equal "$(joined net,user --cwd /)" 'net user '
		ok runtime exec --ns net,user --cwd / c cat /proc/self/uid_map
		matches "$output" '^ *0 +100000 +65536$'
		exits 255 runtime exec --ns mnt,pid,net,ipc c true
		says "in the host's namespaces user: add them"
		exits 255 runtime exec --ns pid,user c true
		says 'could trace'
		ok runtime delete --force c
	fi
	# With the host's processes in sight it is within reach.
	mkdir -p rootfs/host
	config '.mounts += [{"destination": "/host", "type": "bind", "source": "/proc", "options": ["rbind"]}]'
	sleeping c
	exits 255 runtime exec --ns net,user c true
	says 'the container sees the processes of the host'
	ok runtime delete --force c
}

@test "exec --ns into a container in any other state" {
	only_ours 'the option --ns'
	ok runtime create c
	ok runtime exec --ns "net$(user_too)" c true
	ok runtime delete --force c
	exits 255 runtime exec --ns net c true
	says 'container does not exist'
	script true
	ok runtime run --detach c
	until_true stopped c
	exits 255 runtime exec --ns net c true
	says 'cannot exec in a stopped container'
}
