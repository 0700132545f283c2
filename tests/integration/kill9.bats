#!/usr/bin/env bats
# After a runtime was killed with SIGKILL at any moment, `delete --force` removes
# everything.

load lib

@test "create killed after increasing times" {
	only_ours 'runc leaves an init process behind'
	local i pid
	args true
	for i in {0..60}; do
		"$RUNTIME" --root "$ROOT" create c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		# A create takes a few milliseconds.
		quarters "$i"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		ok runtime delete --force c
		nothing_left
	done
}

# quarters N waits N quarters of a millisecond, without starting a process, which would
# take longer than that.
quarters() {
	local seconds
	[ -p "$TMP/never" ] || mkfifo "$TMP/never"
	printf -v seconds '0.%06d' $(($1 * 250))
	read -r -t "$seconds" <>"$TMP/never" || true
}

@test "run killed after increasing times" {
	only_ours 'runc leaves an init process behind'
	local i pid
	args sleep 1000
	for i in 0 4 8 12 16 20 24 28 32 40 60 80; do
		"$RUNTIME" --root "$ROOT" run c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		quarters "$i"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		ok runtime delete --force c
		nothing_left
	done
}

@test "start and delete killed" {
	local i pid
	args sleep 1000
	for i in 0 2 4 8 12 16; do
		ok runtime create c
		"$RUNTIME" --root "$ROOT" start c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		quarters "$i"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		"$RUNTIME" --root "$ROOT" delete --force c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		quarters "$i"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		ok runtime delete --force c
		nothing_left
	done
}

@test "a create killed while it waits for a hook" {
	only_ours 'runc leaves an init process behind'
	mkfifo "$TMP/fifo"
	printf '#!/bin/sh\necho $$ >%s\nexec sleep 1000\n' "$TMP/fifo" >"$TMP/hook"
	chmod +x "$TMP/hook"
	config '.hooks.createRuntime = [{"path": $p}]' --arg p "$TMP/hook"
	"$RUNTIME" --root "$ROOT" create c </dev/null >/dev/null 2>&1 3>&- &
	local pid=$! hook
	hook=$(read_line "$TMP/fifo")
	kill -9 $pid
	wait $pid || true
	# A hook is a program of the host, which nobody ends now.
	kill -9 "$hook"
	ok runtime delete --force c
	nothing_left
}

@test "exec killed: the container keeps running and can be deleted" {
	sleeping c
	local i pid
	for i in 0 2 4 8 12 20; do
		"$RUNTIME" --root "$ROOT" exec c sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		quarters "$i"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
	done
	has_status c running
	ok runtime delete --force c
	nothing_left
}
