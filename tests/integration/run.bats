#!/usr/bin/env bats
# run: exit codes, signals, streams, --detach, --keep, --pid-file, --bundle.

load lib

@test "run exits with the exit code of the process" {
	script 'exit 42'
	exits 42 runtime run c
	equal "$error" ''
	nothing_left
}

@test "run exits with 128 + the signal that killed the process" {
	# pid 1 of a pid namespace can't kill itself, so the container has no pid namespace.
	without_pid_namespace
	local signal
	for signal in 9 15; do
		script "kill -$signal \$\$"
		exits $((128 + signal)) runtime run c
	done
	nothing_left
}

@test "standard streams are passed through: stdin, stdout and stderr separately" {
	script 'cat; echo problem >&2'
	printf 'line 1\nline 2' | "$RUNTIME" --root "$ROOT" run c >"$TMP/out" 2>"$TMP/err" 3>&-
	equal "$(<"$TMP/out")" $'line 1\nline 2'
	equal "$(<"$TMP/err")" problem
	nothing_left
}

@test "a megabyte passes unchanged" {
	head -c 1000000 /dev/urandom >"$TMP/data"
	script 'cat'
	"$RUNTIME" --root "$ROOT" run c <"$TMP/data" >"$TMP/out" 3>&-
	cmp "$TMP/data" "$TMP/out"
}

@test "run --detach returns while the container runs" {
	sleeping c
	has_status c running
	kill -0 "$(pid_of c)"
}

@test "a detached container's init doesn't stay a child of the runtime" {
	sleeping c
	local parent
	parent=$(awk '/^PPid/ {print $2}' "/proc/$(pid_of c)/status")
	[[ $(tr '\0' ' ' <"/proc/$parent/cmdline") != *"$ROOT"* ]]
}

@test "no process of the runtime remains with a detached container" {
	sleeping c
	local file
	# shellcheck disable=SC2013 # paths without blanks
	for file in $(grep -lsF "$ROOT" /proc/[0-9]*/cmdline); do
		case $(readlink "${file%cmdline}exe") in
		*/bash | '') ;;
		*) fail "still there: $(tr '\0' ' ' <"$file")" ;;
		esac
	done
}

@test "run --keep leaves the stopped container" {
	args true
	ok runtime run --keep c
	has_status c stopped
	ok runtime delete c
	nothing_left
}

@test "--pid-file contains the pid in digits only, from create, run and run --detach" {
	args sleep 1000
	ok runtime create --pid-file "$TMP/pid" c
	equal "$(<"$TMP/pid")" "$(pid_of c)"
	[[ $(od -An -c "$TMP/pid" | tr -d ' \n') =~ ^[0-9]+$ ]]
	ok runtime delete --force c
	ok runtime run --detach --pid-file "$TMP/pid" c
	equal "$(<"$TMP/pid")" "$(pid_of c)"
	ok runtime delete --force c
	args true
	ok runtime run --pid-file "$TMP/pid" c
	[[ $(<"$TMP/pid") =~ ^[0-9]+$ ]]
}

@test "--pid-file is relative to the caller's working directory, not to the bundle" {
	mkdir "$TMP/elsewhere"
	cd "$TMP/elsewhere"
	ok runtime run --bundle "$BUNDLE" --pid-file here c
	[ -s "$TMP/elsewhere/here" ]
}

@test "a pid file that can't be written is an error and leaves nothing" {
	exits 1 runtime create --pid-file "$TMP/no/such/folder/pid" c
	says 'no such file or directory'
	one_sentence
	nothing_left
}

@test "--bundle, as an absolute and as a relative path" {
	script 'echo here'
	cd /
	ok runtime run --bundle "$BUNDLE" c
	prints here
	cd "$TMP"
	ok runtime run --bundle b c
	prints here
	ok runtime run -b b/ c
	nothing_left
}

@test "flags after the id" {
	args sleep 1000
	cd /
	ok runtime run c --bundle "$BUNDLE" --detach
	has_status c running
}

@test "a signal to a foreground run ends it while the container is set up" {
	only_ours 'runc waits for the hook'
	printf '#!/bin/sh\ntouch %s\nexec sleep 1000\n' "$TMP/in-hook" >"$TMP/hook"
	chmod +x "$TMP/hook"
	local kind pid
	for kind in createRuntime createContainer; do
		config '.hooks = {($k): [{"path": $h}]}' --arg k $kind --arg h "$TMP/hook"
		rm -f "$TMP/in-hook"
		"$RUNTIME" --root "$ROOT" run c 3>&- 2>"$TMP/stderr" &
		pid=$!
		until_true test -e "$TMP/in-hook"
		kill -TERM $pid
		gone $pid
		! wait $pid || fail 'it succeeded'
		grep -q 'interrupted by SIGTERM' "$TMP/stderr" || fail "$(<"$TMP/stderr")"
		nothing_left
	done
}

@test "signals to a foreground run reach the process" {
	mkfifo rootfs/tmp/said
	script 'trap "echo got HUP >/tmp/said" HUP; trap "echo got TERM >/tmp/said; exit 7" TERM
		echo ready >/tmp/said
		while :; do sleep 0.01; done'
	"$RUNTIME" --root "$ROOT" run c </dev/null >/dev/null 2>&1 3>&- &
	local pid=$! status=0
	equal "$(read_line rootfs/tmp/said)" ready
	kill -HUP $pid
	equal "$(read_line rootfs/tmp/said)" 'got HUP'
	kill -TERM $pid
	equal "$(read_line rootfs/tmp/said)" 'got TERM'
	wait $pid || status=$?
	equal $status 7
	nothing_left
}

@test "run reaps orphans of its process, and waits only for the process" {
	without_pid_namespace
	script '(sleep 0.05; exit 3) & exit 5'
	exits 5 runtime run c
	nothing_left
}

@test "run --no-subreaper" {
	args true
	ok runtime run --no-subreaper c
	# go-runc passes the flag in this form.
	ok runtime run -no-subreaper c
}

@test "run --no-pivot: the root is the container's, too" {
	touch rootfs/marker
	script 'ls -d /marker /work /home 2>/dev/null; true'
	ok runtime run --no-pivot c
	prints /marker
}

@test "run --no-new-keyring" {
	args true
	ok runtime run --no-new-keyring c
}

@test "the process has the config's args and environment, and nothing else" {
	config '.process.env = ["PATH=/bin", "A=1", "B=two words", "A=2", "EMPTY="]'
	args env
	LEAK=1 run_container
	local line
	for line in A=2 'B=two words' EMPTY= HOME=/root PATH=/bin; do
		grep -qx "$line" <<<"$output" || fail "$line isn't in: $output"
	done
	[[ $output != *LEAK* && $output != *RUNNEL* && $output != *_LIBCONTAINER* && $output != *A=1* ]]
}

@test "HOME comes from the image's passwd; it is / for a user that isn't in it" {
	config '.process.user = {"uid": 1000, "gid": 1000}'
	run_prints 'echo $HOME' /tmp
	config '.process.user = {"uid": 4711, "gid": 4711}'
	run_prints 'echo $HOME' /
	config '.process.env += ["HOME=/opt"]'
	run_prints 'echo $HOME' /opt
	config '.process.env += ["HOME="]' # set to nothing is looked up, too
	run_prints 'echo $HOME' /
}

@test "arguments with spaces, quotes, newlines, and empty ones" {
	args printf '<%s>' 'a b' "\"q'" $'x\ny' ''
	run_container
	prints "<a b><\"q'><x
y><>"
}

@test "a program without a slash is looked for in the container's PATH" {
	mkdir rootfs/special
	printf '#!/bin/sh\necho found\n' >rootfs/special/tool
	chmod +x rootfs/special/tool
	config '.process.env = ["PATH=/nowhere:/special"]'
	args tool
	run_container
	prints found
}

@test "a relative program is looked for below cwd" {
	mkdir rootfs/special
	printf '#!/bin/sh\necho found\n' >rootfs/special/tool
	chmod +x rootfs/special/tool
	config '.process.cwd = "/special"'
	args ./tool
	run_container
	prints found
}

@test "cwd is created if it doesn't exist" {
	config '.process.cwd = "/new/folder"'
	run_prints pwd /new/folder
}
