#!/usr/bin/env bats
# 27. A process of the host has the pid that the container's had, and is killed in its place.
# Verdict: harmless: the start time is compared after a pidfd was opened; signals go through the pidfd

load lib

@test "kill, exec, pause, update and delete leave the process that has the pid now" {
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
	invoke runtime delete c
	invoke runtime delete --force c
	kill -0 "$pid" || fail 'the innocent process has been killed'
	matches "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'attack reuse'
	kill "$victim" "$pid"
}
