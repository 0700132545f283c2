#!/usr/bin/env bats
# The six kinds of hooks: when and where they run, their input, and the effect of failures.

load lib

# hook KIND SCRIPT [TIMEOUT] adds a hook that is a shell script of the host.
hook() {
	local path=$TMP/hook-$1-$RANDOM
	printf '#!/bin/sh\n%s\n' "$2" >"$path"
	chmod +x "$path"
	config '.hooks[$kind] += [{"path": $path} + if $timeout == "" then {} else {"timeout": ($timeout | tonumber)} end]' \
		--arg kind "$1" --arg path "$path" --arg timeout "${3:-}"
}

@test "the five kinds of hooks of the host run at the right time, in order" {
	local kind
	for kind in poststop poststart createContainer createRuntime prestart; do
		hook $kind "echo $kind 1 >>$TMP/order"
		hook $kind "echo $kind 2 >>$TMP/order"
	done
	args sleep 1000
	ok runtime create c
	# runc 1.1 runs poststart here.
	is_ours || sed -i /poststart/d "$TMP/order"
	equal "$(<"$TMP/order")" 'prestart 1
prestart 2
createRuntime 1
createRuntime 2
createContainer 1
createContainer 2'
	: >"$TMP/order"
	ok runtime start c
	! is_ours || equal "$(<"$TMP/order")" $'poststart 1\npoststart 2'
	: >"$TMP/order"
	ok runtime delete --force c
	equal "$(<"$TMP/order")" $'poststop 1\npoststop 2'
}

@test "startContainer runs in the container, at start, before the process" {
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "hostname >/tmp/order; cat >/tmp/state"]}]'
	script 'echo process >>/tmp/order'
	ok runtime create c
	[ ! -e rootfs/tmp/order ]
	local pid
	pid=$(pid_of c)
	ok runtime start c
	gone "$pid"
	equal "$(<rootfs/tmp/order)" $'test-host\nprocess'
	equal "$(jq -r '.id + " " + .status' rootfs/tmp/state)" 'c created'
}

@test "the state that each hook reads" {
	config '.annotations = {"k": "v"}'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "cat >$TMP/state-$kind"
	done
	args sleep 1000
	ok runtime run --detach c
	local pid
	pid=$(pid_of c)
	ok runtime delete --force c
	for kind in prestart createRuntime createContainer poststart poststop; do
		equal "$(jq -r '"\(.id) \(.bundle) \(.annotations.k) \(.ociVersion != null)"' "$TMP/state-$kind")" "c $BUNDLE v true"
	done
	equal "$(jq -r .status "$TMP/state-prestart")" creating
	equal "$(jq -r .status "$TMP/state-createRuntime")" creating
	equal "$(jq -r .status "$TMP/state-createContainer")" creating
	! is_ours || equal "$(jq -r .status "$TMP/state-poststart")" running
	equal "$(jq -r .status "$TMP/state-poststop")" stopped
	for kind in prestart createRuntime poststart; do
		equal "$(jq .pid "$TMP/state-$kind")" "$pid"
	done
}

@test "namespaces: the runtime's for createRuntime, the container's for createContainer" {
	needs_root 'read the namespaces of a container before its start'
	hook prestart "readlink /proc/self/ns/mnt >$TMP/ns-prestart"
	hook createRuntime "readlink /proc/self/ns/mnt >$TMP/ns-createRuntime; readlink /proc/\$(jq .pid)/ns/net >$TMP/net"
	hook createContainer "readlink /proc/self/ns/net >$TMP/ns-createContainer"
	sleeping c
	equal "$(<"$TMP/ns-prestart")" "$(readlink /proc/self/ns/mnt)"
	equal "$(<"$TMP/ns-createRuntime")" "$(readlink /proc/self/ns/mnt)"
	equal "$(<"$TMP/net")" "$(readlink "/proc/$(pid_of c)/ns/net")"
	equal "$(<"$TMP/ns-createContainer")" "$(readlink "/proc/$(pid_of c)/ns/net")"
}

@test "mounts of createContainer hooks are visible in the container" {
	hook createContainer "mount -t tmpfs tmpfs $BUNDLE/rootfs/mnt && touch $BUNDLE/rootfs/mnt/by-the-hook"
	run_prints 'ls /mnt' by-the-hook
	[ ! -e rootfs/mnt/by-the-hook ]
}

@test "createRuntime hooks run when the config's mounts exist" {
	hook createRuntime "grep -c $BUNDLE/rootfs/dev/shm /proc/\$(jq .pid)/mountinfo >$TMP/seen"
	run_container
	equal "$(<"$TMP/seen")" 1
}

@test "args and env of a hook; without env it has the environment of the runtime" {
	config '.hooks.createRuntime = [
		{"path": "/bin/sh", "args": ["name", "-c", ("echo $0 $1 $A >" + $t + "/one"), "zero", "first"], "env": ["A=b"]},
		{"path": "/usr/bin/env", "args": ["env"]}]' --arg t "$TMP"
	LEAK=1 run_container
	equal "$(<"$TMP/one")" 'zero first b'
	config 'del(.hooks)'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "/usr/bin/env >$TMP/env-$kind"
	done
	# A file of the host must not be run with what the image says about LD_PRELOAD.
	config '.process.env += ["OF_THE_PROCESS=1"]'
	OURS=1 run_container
	for kind in prestart createRuntime poststop; do
		grep -qx OURS=1 "$TMP/env-$kind" || fail "$kind: $(<"$TMP/env-$kind")"
	done
	only_ours 'runc 1.1 has the environment of the process in createContainer, and no poststart here'
	for kind in createContainer poststart; do
		grep -qx OURS=1 "$TMP/env-$kind" || fail "$kind: $(<"$TMP/env-$kind")"
	done
	! grep -q OF_THE_PROCESS "$TMP"/env-* || fail "the environment of the process: $(grep -l OF_THE_PROCESS "$TMP"/env-*)"
}

@test "the working directory of hooks: the bundle, in createContainer the rootfs" {
	local kind
	for kind in prestart createRuntime createContainer; do
		hook $kind "pwd >$TMP/pwd-$kind"
	done
	cd /
	ok runtime run --bundle "$BUNDLE" c
	equal "$(<"$TMP/pwd-prestart")" "$BUNDLE"
	equal "$(<"$TMP/pwd-createRuntime")" "$BUNDLE"
	equal "$(<"$TMP/pwd-createContainer")" "$BUNDLE/rootfs"
	# One that the container covers with a mount of its own is the container's.
	cd "$BUNDLE"
	config '.hooks.createContainer[0] |= (.path = "/bin/sh" | .args = ["sh", "-c", ("ls >" + $t + "/ls")])' --arg t "$TMP"
	run_container
	equal "$(<"$TMP/ls")" "$(ls rootfs)"
}

@test "HOME of a startContainer hook that has no env" {
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "echo $HOME >/tmp/home"]}] |
		del(.process.env[] | select(startswith("HOME")))'
	args true
	run_container
	equal "$(<rootfs/tmp/home)" /root
	config '.process.env += ["HOME="]'
	run_container
	equal "$(<rootfs/tmp/home)" /root
	config '.process.env += ["HOME=/of/the/process"]'
	run_container
	equal "$(<rootfs/tmp/home)" /of/the/process
	only_ours 'runc adds HOME'
	config '.process.env -= ["HOME=/of/the/process"] | .hooks.startContainer[0].env = ["PATH=/bin", "HOME="]'
	run_container
	equal "$(<rootfs/tmp/home)" ''
}

@test "a failing hook ends the container: nothing is left, poststop runs" {
	local kind
	for kind in prestart createRuntime createContainer; do
		config 'del(.hooks)'
		hook $kind 'echo first >/dev/null'
		hook $kind 'echo the reason >&2; exit 5'
		exits 1 runtime create c
		says 'exit status 5'
		one_sentence
		if is_ours; then
			says "error running $kind hook #1:"
			says 'the reason'
		fi
		nothing_left
	done
}

@test "a failing startContainer hook, and a failing poststart hook" {
	config '.hooks.startContainer = [{"path": "/bin/false"}]'
	invoke runtime run c
	[ "$status" != 0 ]
	nothing_left
	config 'del(.hooks)'
	hook poststart 'exit 3'
	args sleep 1000
	exits 1 runtime run c
	says 'exit status 3'
	nothing_left
}

@test "after a failed startContainer or poststart hook the container is destroyed, and poststop runs" {
	only_ours 'runc runs poststart at create, and leaves the container'
	args sleep 1000
	hook poststop "echo ran >>$TMP/ran"
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "exit 3"]}]'
	ok runtime create c
	exits 1 runtime start c
	says 'startContainer hook #0: .*exit status 3'
	one_sentence
	nothing_left
	equal "$(<"$TMP/ran")" ran
	config 'del(.hooks.startContainer)'
	hook poststart 'exit 3'
	ok runtime create c
	exits 1 runtime start c
	says 'poststart hook #0: .*exit status 3'
	one_sentence
	nothing_left
	equal "$(<"$TMP/ran")" $'ran\nran'
	exits 1 runtime run --detach c
	nothing_left
	equal "$(<"$TMP/ran")" $'ran\nran\nran'
}

@test "a process that is killed in a startContainer hook hasn't started, also when its parent has reaped it" {
	only_ours 'runc waits for ever, or takes it for started'
	without_pid_namespace
	# It stops `start`, which then sees nothing of the process when it continues.
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c",
		"until [ -s /tmp/start ]; do sleep 0.01; done; kill -STOP $(cat /tmp/start); sleep 0.2; kill -9 $PPID"]}]'
	args true
	ok runtime create c
	local starter init status=0
	init=$(pid_of c)
	"$RUNTIME" --root "$ROOT" start c </dev/null >/dev/null 2>"$TMP/stderr" 3>&- &
	starter=$!
	echo $starter >rootfs/tmp/start
	until_true test ! -e "/proc/$init"
	kill -CONT $starter
	wait $starter || status=$?
	equal $status 1
	grep -q 'it ended before the program was executed' "$TMP/stderr" || fail "$(<"$TMP/stderr")"
	ok runtime delete c
	nothing_left
}

@test "poststop runs after a create that failed" {
	only_ours 'runc 1.1 does so only for some failures'
	hook poststop "echo ran >$TMP/ran"
	args /no/such/program
	exits 1 runtime create c
	equal "$(<"$TMP/ran")" ran
}

@test "a failing poststop hook is a warning, and the next ones run" {
	only_ours 'runc stops at the first and returns an error'
	hook poststop 'exit 1'
	hook poststop "echo ran >$TMP/ran"
	run_container
	equal "$(<"$TMP/ran")" ran
	says 'poststop'
	nothing_left
}

@test "a hook that doesn't exist, and one with a relative path" {
	config '.hooks.createRuntime = [{"path": "/no/such/hook"}]'
	exits 1 runtime create c
	says '/no/such/hook'
	one_sentence
	nothing_left
	only_ours 'runc does not look'
	config '.hooks.createRuntime = [{"path": "relative"}]'
	exits 1 runtime create c
	says 'absolute'
	one_sentence
	nothing_left
}

@test "a hook that takes longer than its timeout" {
	hook createRuntime 'exec sleep 1000' 1
	exits 1 runtime create c
	says 'hook ran past specified timeout of 1(\.0)?s'
	one_sentence
	nothing_left
}

@test "a timeout kills all processes that the hook has started" {
	only_ours 'runc kills only the hook itself'
	hook createRuntime "sleep 1000 & echo \$! >$TMP/child; wait" 1
	exits 1 runtime create c
	gone "$(<"$TMP/child")"
	nothing_left
}

@test "a timeout that isn't positive" {
	only_ours 'runc does not look'
	hook createRuntime 'true' 0
	exits 1 runtime create c
	says 'timeout'
	nothing_left
}

@test "a hook may leave a process in the background" {
	hook createRuntime 'sleep 0.3 >/dev/null 2>&1 </dev/null &'
	run_container
	sleep 0.3
}

@test "a hook doesn't inherit the runtime's descriptors" {
	config '.hooks.createRuntime = [{"path": $fdlist}] | .hooks.createRuntime[0].path = "/bin/sh" |
		.hooks.createRuntime[0].args = ["sh", "-c", ($fdlist + " >" + $t + "/fds")]' --arg fdlist "$HELPERS/fdlist" --arg t "$TMP"
	only_ours "runc's hooks inherit descriptors of the caller"
	exec 7</dev/null 17</dev/null
	run_container
	exec 7<&- 17<&-
	equal "$(<"$TMP/fds")" '0 1 2'
}

# logged KIND prints the logged output of the hooks of this kind.
logged() { jq -r "select(.msg | startswith(\"hooks.$1\")) | .level + \" \" + .msg" "$TMP/log"; }

@test "the output of hooks is logged, line by line, with the name of the hook" {
	only_ours 'runc discards the output'
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind 'echo one; echo two >&2'
	done
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "echo one; echo two >&2"]}]'
	args sleep 1000
	ok runtime --log "$TMP/log" --log-format json create c
	equal "$error" ''
	ok runtime --log "$TMP/log" --log-format json start c
	ok runtime --log "$TMP/log" --log-format json delete --force c
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		local path
		path=$(jq -r ".hooks.${kind}[0].path" config.json)
		equal "$(logged $kind)" "info hooks.${kind}[0] $path: one
info hooks.${kind}[0] $path: two"
	done
	# run logs them as well
	rm "$TMP/log"
	args true
	ok runtime --log "$TMP/log" --log-format json run c
	equal "$(logged startContainer)" $'info hooks.startContainer[0] /bin/sh: one\ninfo hooks.startContainer[0] /bin/sh: two'
}

@test "without --log, the output of hooks is shown only with --debug" {
	only_ours 'runc discards the output'
	hook createRuntime 'echo chatter'
	hook createContainer 'echo chatter'
	run_prints 'echo container' container
	equal "$error" ''
	ok runtime --debug run c
	says 'level=info msg="hooks.createRuntime\[0\] .*: chatter"'
	says 'level=info msg="hooks.createContainer\[0\] .*: chatter"'
}

@test "a hook that prints a lot isn't blocked, and its output is truncated" {
	only_ours 'runc keeps all'
	# Three megabytes; head(1) must not get SIGPIPE.
	local kind text='echo first; head -c 3000000 /dev/zero | tr "\0" x && echo && echo last'
	for kind in createRuntime createContainer; do
		hook $kind "set -e; $text"
	done
	config '.hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-ec", $text]}]' --arg text "$text"
	ok runtime --log "$TMP/log" --log-format json run c
	[ "$(stat -c %s "$TMP/log")" -lt 30000 ] || fail "the log has $(stat -c %s "$TMP/log") bytes"
	for kind in createRuntime createContainer startContainer; do
		matches "$(logged $kind)" '^[^:]*: first.*\[\.\.\.\].*: last$'
	done
	# The same with many short lines.
	config 'del(.hooks)'
	hook createRuntime 'seq 100000'
	hook createContainer 'seq 100000'
	rm "$TMP/log"
	ok runtime --log "$TMP/log" --log-format json run c
	for kind in createRuntime createContainer; do
		[ "$(logged $kind | wc -l)" -le 60 ] || fail "$(logged $kind | wc -l) lines"
		matches "$(logged $kind)" ': 1
.*: 100000$'
	done
}

@test "the output in an error is bounded and printable" {
	only_ours 'runc prints it unescaped'
	local kind
	for kind in createRuntime createContainer; do
		config 'del(.hooks)'
		hook $kind 'printf "\033[2J\377 first "; head -c 3000000 /dev/zero | tr "\0" x; printf last; exit 3'
		exits 1 runtime create c
		says 'exit status 3'
		says '\?\[2J\? first x'
		says 'xlast'
		[ ${#error} -lt 20000 ] || fail "an error of ${#error} bytes"
		nothing_left
	done
}

@test "a process that a hook leaves behind may keep its output open, and print for ever" {
	only_ours 'runc waits for the process'
	local kind begin=$SECONDS
	for kind in createRuntime createContainer; do
		hook $kind "sleep 1000 & echo \$! >>$TMP/left-$kind; echo up"
		hook $kind "yes & echo \$! >>$TMP/left-$kind; sleep 0.1"
	done
	ok runtime --log "$TMP/log" --log-format json run c
	[ $((SECONDS - begin)) -lt 30 ]
	matches "$(logged createRuntime)" '^info hooks.createRuntime\[0\] [^ ]*: up'
	matches "$(logged createContainer)" '^info hooks.createContainer\[0\] [^ ]*: up'
	local pid
	# Processes in the container's pid namespace have ended with it.
	for pid in $(<"$TMP/left-createRuntime"); do
		kill -9 "$pid" 2>/dev/null || true
		gone "$pid"
	done
}

@test "the error of a timeout contains the hook's output" {
	only_ours 'runc kills only the hook itself'
	local kind
	for kind in createRuntime createContainer; do
		config 'del(.hooks)'
		hook $kind "echo before; sleep 1000 & wait" 1
		exits 1 runtime create c
		says 'hook ran past specified timeout of 1(\.0)?s.*before'
		one_sentence
		nothing_left
	done
	config 'del(.hooks) | .hooks.startContainer = [{"path": "/bin/sh", "args": ["sh", "-c", "echo before; sleep 1000"], "timeout": 1}]'
	exits 1 runtime run c
	says 'error running startContainer hook #0: .*timeout of 1.0s, output: before'
	nothing_left
}

@test "args and env of hooks in the container's namespaces, exactly as given" {
	config '.process.env += ["OF_THE_PROCESS=1"] | .hooks.createContainer = [
		{"path": "/bin/sh", "args": ["name", "-c", ("echo $0 $1 $A >" + $t + "/one"), "zero", "first"], "env": ["A=b"]}] |
		.hooks.startContainer = [
		{"path": "/bin/sh", "args": ["sh", "-c", "echo \"$0|$1|$A\" >/tmp/one", "", "a b"], "env": ["A=x=y"]},
		{"path": "/bin/busybox", "args": ["sh", "-c", "env >/tmp/env"], "env": ["ONLY=1"]}]' --arg t "$TMP"
	LEAK=1 run_container
	equal "$(<"$TMP/one")" 'zero first b'
	equal "$(<rootfs/tmp/one)" '|a b|x=y'
	equal "$(grep -c -e LEAK -e OF_THE_PROCESS rootfs/tmp/env)" 0
	only_ours 'runc treats an empty env as unset'
	config '.hooks = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "busybox env >/tmp/env"], "env": []}],
		"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", ("/usr/bin/env >" + $t + "/env")], "env": []}]}' --arg t "$TMP"
	LEAK=1 run_container
	! grep -e LEAK -e OF_THE_PROCESS rootfs/tmp/env "$TMP/env" || fail 'env isn'"'"'t empty'
	# Without env, a hook in the container has the environment of the process.
	config 'del(.hooks.createContainer) | del(.hooks.startContainer[0].env)'
	run_container
	grep -qx OF_THE_PROCESS=1 rootfs/tmp/env
}
