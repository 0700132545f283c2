#!/usr/bin/env bats
# After a runtime was killed with SIGKILL at any moment, `delete --force` removes
# everything; so it does while a create runs, or is stopped.

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
	# The kernel kills a hook whose runtime is killed, but perhaps not at once.
	gone "$hook"
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

# create_in_background [ID] starts a create and sets $creator.
create_in_background() {
	"$RUNTIME" --root "$ROOT" create "${1:-c}" </dev/null >"$TMP/creator" 2>&1 3>&- &
	creator=$!
}

@test "delete --force of a create that was stopped after increasing times" {
	only_ours 'runc leaves an init process behind'
	# Containers of other tests are called c.
	local i creator id=$CGROUP
	args true
	for i in {0..40..4}; do
		create_in_background "$id"
		quarters "$i"
		kill -STOP $creator 2>/dev/null || true
		ok runtime delete --force "$id"
		equal "$error" ''
		# The stopped create is a process of this test, too.
		equal "$i: $(leftovers | grep -E '^(state|mount|cgroup|process in cgroup)')" "$i: "
		equal "$i: $(grep -lszE "^$id@" /proc/[0-9]*/cmdline)" "$i: "
		# Another container of that name isn't affected when the first create "$id"ontinues.
		ok runtime create "$id"
		kill -CONT $creator 2>/dev/null || true
		wait $creator || true
		has_status "$id" created
		ok runtime start "$id"
		ok runtime delete --force "$id"
		nothing_left
	done
}

@test "delete --force while create runs" {
	only_ours 'runc leaves an init process behind'
	local i creator
	args true
	for i in {0..60..2}; do
		create_in_background
		quarters "$i"
		ok runtime delete --force c
		equal "$error" ''
		# It may have come before the create had begun.
		! wait $creator || ok runtime delete --force c
		nothing_left
	done
}

@test "delete --force while create waits for a hook: poststop runs once" {
	only_ours 'runc leaves an init process behind'
	mkfifo "$TMP/fifo"
	printf '#!/bin/sh\necho $$ >%s\nexec sleep 1000\n' "$TMP/fifo" >"$TMP/hook"
	printf '#!/bin/sh\necho ran >>%s\n' "$TMP/poststop" >"$TMP/after"
	chmod +x "$TMP/hook" "$TMP/after"
	config '.hooks = {"createRuntime": [{"path": ($p + "/hook")}], "poststop": [{"path": ($p + "/after")}]}' --arg p "$TMP"
	local creator hook
	create_in_background
	hook=$(read_line "$TMP/fifo")
	ok runtime delete --force c
	has_status c none
	kill -9 "$hook"
	! wait $creator || fail 'create succeeded'
	equal "$(<"$TMP/poststop")" ran
	nothing_left
}
