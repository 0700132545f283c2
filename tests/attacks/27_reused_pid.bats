#!/usr/bin/env bats
# 27. A process of the host has the pid that the container's had, and is killed in its place.
# Verdict: harmless: the start time is compared after a pidfd was opened; signals go through the pidfd

load lib

@test "kill, exec, pause, update, inspect and delete leave the process that has the pid now" {
	needs_root 'choose a pid'
	sleeping c
	local pid victim
	pid=$(pid_of c)
	kill -KILL "$pid"
	gone "$pid"
	until_true test ! -e "/proc/$pid"
	"$HELPERS/attack" reuse "$pid" >"$TMP/reused" 3>&- &
	victim=$!
	until_true grep -q reused "$TMP/reused"
	has_status c stopped
	invoke runtime kill c KILL
	invoke runtime kill --all c KILL
	invoke runtime exec c true
	[ "$status" != 0 ] || fail "entered a process of the host"
	invoke runtime ps c
	[[ $output != *attack* ]] || fail "$output"
	if is_ours; then
		ok runtime inspect c
		[[ $output != *attack* ]] || fail "$output"
		invoke runtime top --no-stream --interval 10ms c
		[[ $output != *attack* && $status != 0 ]] || fail "$output"
		invoke runtime stats --no-stream --interval 10ms c
		[ "$status" != 0 ] || fail "$output"
	fi
	invoke runtime delete c
	invoke runtime delete --force c
	kill -0 "$pid" || fail 'the innocent process has been killed'
	matches "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'attack reuse'
	kill "$victim" "$pid"
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
