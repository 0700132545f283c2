#!/usr/bin/env bats
# wait ends with the container, whoever its parent is, and knows how it has ended.

load lib

setup_file() {
	load lib
	only_ours 'the command wait'
}

# waiting [OPTION…] starts a wait for c in the background, and returns when it waits.
waiting() {
	"$RUNTIME" --root "$ROOT" wait "$@" c </dev/null >"$TMP/waited" 2>"$TMP/waiterr" 3>&- &
	waiter=$!
	until_true sleeps_in_poll "$waiter"
}

sleeps_in_poll() { grep -qE 'pidfd' <(ls -l "/proc/$1/fd"); }

# waited CODE fails unless the wait in the background exits with this code.
waited() {
	local code=0
	wait "$waiter" || code=$?
	equal "$code $(<"$TMP/waiterr")" "$1 "
	output=$(<"$TMP/waited")
}

@test "wait for a detached container: its exit code, and a record" {
	local waiter
	mkfifo rootfs/go
	script 'read x </go; exit 7'
	ok runtime run --detach c
	waiting --format json
	echo >rootfs/go
	waited 7
	equal "$(jq -c 'del(.finished, .oomKilled, .oomKills)' <<<"$output")" '{"id":"c","exitCode":7,"signal":0}'
	matches "$(jq -r .finished <<<"$output")" '^20[0-9-]{8}T[0-9:.]*Z$'
	# The record outlives the process, for state and for another wait.
	has_status c stopped
	equal "$(runtime state c | jq -c '.exit | [.exitCode, .signal]')" '[7,0]'
	exits 7 runtime wait c
	prints ''
	exits 7 runtime wait --format json c
	equal "$output" "$(<"$TMP/waited")"
	ok runtime delete c
	nothing_left
}

@test "wait for a container that is killed: 128 and the signal" {
	local waiter
	sleeping c
	waiting --format json
	ok runtime kill c KILL
	waited 137
	equal "$(jq -c '[.exitCode, .signal]' <<<"$output")" '[137,9]'
}

@test "several waits, also for a created container" {
	local waiter first
	script 'exit 5'
	ok runtime create c
	waiting
	first=$waiter
	waiting --format json
	ok runtime start c
	waited 5
	local code=0
	wait "$first" || code=$?
	equal "$code" 5
	equal "$(jq .exitCode "$TMP/waited")" 5
}

@test "wait while the container is run in the foreground, and deleted at its end" {
	local waiter runner code=0
	mkfifo rootfs/go
	script 'read x </go; exit 6'
	"$RUNTIME" --root "$ROOT" run c </dev/null >/dev/null 2>&1 3>&- &
	runner=$!
	until_true has_status c running
	waiting
	echo >rootfs/go
	wait $runner || code=$?
	equal "$code" 6
	waited 6
	nothing_left
}

@test "run --keep records how the container has ended" {
	script 'exit 3'
	exits 3 runtime run --keep c
	exits 3 runtime wait c
	equal "$(runtime state c | jq .exit.exitCode)" 3
}

@test "wait says when nobody knows the exit code" {
	args true
	ok runtime run --detach --pid-file "$TMP/pid" c
	until_true stopped c
	# Its parent has reaped it.
	until_true test ! -e "/proc/$(<"$TMP/pid")"
	exits 254 runtime wait c
	says '^container c has ended, and its exit status is unknown: '
	one_sentence
	exits 254 runtime wait --format json c
	prints '{"id":"c"}'
	equal "$(runtime state c | jq 'has("exit")')" false
}

@test "wait for a container whose parent doesn't reap it" {
	local parent
	mkfifo rootfs/go
	script 'read x </go; exit 4'
	# sleep doesn't know that it has a child.
	"$HELPERS/subreaper" sh -c '"$@"; exec sleep 1000' - "$RUNTIME" --root "$ROOT" run --detach c </dev/null >/dev/null 2>&1 3>&- &
	parent=$!
	until_true grep -q sleep "/proc/$parent/comm"
	echo >rootfs/go
	until_true stopped c
	exits 4 runtime wait c
	exits 4 runtime wait c
	kill -9 $parent
	wait $parent || true
}

@test "wait reports an OOM kill" {
	needs_controller memory
	needs_root 'set a limit'
	local waiter
	mkfifo rootfs/go
	config '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	script 'read x </go; x=0123456789; while :; do x=$x$x; done'
	ok runtime run --detach c
	waiting --format json
	echo >rootfs/go
	waited 137
	equal "$(jq -c '[.exitCode, .signal, .oomKilled, .oomKills > 0]' <<<"$output")" '[137,9,true,true]'
	equal "$(runtime state c | jq .exit.oomKilled)" true
}

@test "wait for a program that can't be executed: 255, and why" {
	local waiter
	echo nothing >rootfs/bin/none
	chmod +x rootfs/bin/none
	args /bin/none
	ok runtime create c
	waiting
	ok runtime start c
	local code=0
	wait "$waiter" || code=$?
	equal "$code" 255
	exits 255 runtime wait --format json c
	says 'exec.*/bin/none.*exec format error'
	equal "$(jq -c '[.id, .exitCode, .failure]' <<<"$output")" "$(runtime state c | jq -c '[.id, .exit.exitCode, .failure]')"
	# The same without a record.
	rm "$ROOT/c/exit.json"
	exits 255 runtime wait c
	says 'exec format error'
	equal "$(runtime state c | jq .exit.exitCode)" 255
}

@test "wait for what can't be waited for" {
	exits 255 runtime wait absent
	says 'container does not exist'
	mkdir "$ROOT/reserved"
	exits 255 runtime wait reserved
	says 'cannot wait for a container in the creating state'
	exits 255 runtime wait --format xml absent
	says 'invalid format option'
}
