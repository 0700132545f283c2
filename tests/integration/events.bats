#!/usr/bin/env bats
# Statistics, and OOM events.

load lib

# event FILTER applies jq to the last line of the last command's output.
event() { tail -n 1 <<<"$output" | jq -c "$1"; }

# has_line FILE FILTER succeeds if a line of the file matches the filter of jq.
has_line() { [ -n "$(jq -c "select($2)" "$1" 2>/dev/null)" ]; }

@test "events --stats: one line with the resource usage" {
	config '.linux.resources += {"memory": {"limit": 67108864}, "pids": {"limit": 77}}'
	script 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; touch /tmp/done; exec sleep 1000'
	config '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
	ok runtime run --detach c
	until_true "$RUNTIME" --root "$ROOT" exec c ls /tmp/done
	ok runtime events --stats c
	equal "$(wc -l <<<"$output")" 1
	equal "$(event '[.type, .id, .data.pids.current, .data.pids.limit, .data.memory.usage.limit]')" '["stats","c",1,77,67108864]'
	equal "$(event '[.data.cpu.usage.total, .data.memory.usage.usage, (.data.memory.raw | length)] | map(. > 0) | all')" true
	equal "$(event '.data | has("cpuset") and has("blkio") and has("hugetlb") and has("intel_rdt") and has("network_interfaces")')" true
}

@test "events --stats: pressure" {
	needs_cgroup_v2
	[ -e /proc/pressure/cpu ] || skip 'the kernel has no PSI'
	sleeping c
	ok runtime events --stats c
	equal "$(event '.data | [.cpu.psi, .memory.psi, .blkio.psi] | map(.some.avg10 >= 0 and .full.total >= 0) | all')" true
}

@test "events: statistics after each interval, until the end" {
	sleeping c
	runtime events --interval 50ms c >seen 3>&- &
	local pid=$!
	until_true sh -c '[ "$(wc -l <seen)" -ge 3 ]'
	ok runtime delete --force c
	wait "$pid" || fail "events exits with $?"
	equal "$(jq -c '[.type, .id]' seen | sort -u)" '["stats","c"]'
}

@test "events: a process that is killed because of a lack of memory" {
	needs_controller memory
	[ ! -e /proc/swaps ] || [ "$(wc -l </proc/swaps)" = 1 ] || skip 'the host has swap'
	config '.linux.resources.memory = {"limit": 33554432}'
	script 'trap : TERM; sleep 1000 & wait; head -c 200m /dev/zero | tail | wc -c; exec sleep 1000'
	ok runtime run --detach c
	runtime events --interval 50ms c >seen 3>&- &
	local pid=$!
	until_true has_line seen '.type == "stats"' # then the watch has begun
	ok runtime kill c TERM
	until_true has_line seen '.type == "oom" and .id == "c" and (has("data") | not)'
	ok runtime delete --force c
	wait "$pid" || fail "events exits with $?"
}

@test "events: init is killed because of a lack of memory" {
	needs_controller memory
	only_ours 'the last event is lost when init has ended'
	[ ! -e /proc/swaps ] || [ "$(wc -l </proc/swaps)" = 1 ] || skip 'the host has swap'
	config '.linux.resources.memory = {"limit": 33554432}'
	args tail /dev/zero
	ok runtime create c
	runtime events --interval 50ms c >seen 3>&- &
	local pid=$!
	until_true has_line seen '.type == "stats"'
	ok runtime start c
	wait "$pid" || fail "events exits with $?"
	equal "$(jq -r .type seen | sort | uniq -c | awk '$2 == "oom" {print $1}')" 1
}

@test "events: in the wrong state, and with invalid arguments" {
	exits 1 runtime events c
	says 'does not exist'
	script true
	ok runtime run --keep c
	exits 1 runtime events --stats c
	says 'is not running'
	exits 1 runtime events --interval 0s c
	says 'must be greater than 0'
	exits 1 runtime events --interval five c
	! is_ours || says 'invalid value "five" for --interval'
	one_sentence
}

# listening ARG… runs events with more arguments in the background, into the file seen, and
# returns when it listens. Its pid is in $listener.
listening() {
	"$RUNTIME" --root "$ROOT" events "$@" >seen 2>errors 3>&- &
	listener=$!
	until_true sh -c "[ -n \"\$(ls '$ROOT/.events' 2>/dev/null)\" ]"
	until_true grep -q '^State:.S' "/proc/$listener/status"
}

# unified prints the mount point of the cgroup2 hierarchy, and fails if there is none.
unified() {
	local at=/sys/fs/cgroup
	! cgroup_v1 || at=/sys/fs/cgroup/unified
	[ -e "$at/cgroup.procs" ] && echo "$at"
}

# lifecycle prints the events of a container that were seen.
lifecycle() { jq -r "select(.type == \"lifecycle\" and .id == \"$1\") | .event" seen | tr '\n' ' '; }

@test "events --lifecycle: what commands do, and the end" {
	only_ours 'the option --lifecycle'
	args sleep 1000
	ok runtime create c
	listening --lifecycle c
	ok runtime start c
	ok runtime exec c true
	ok runtime update --pids-limit 50 c
	ok runtime pause c
	ok runtime resume c
	ok runtime kill c KILL
	until_true has_line seen '.event == "exit"'
	ok runtime delete --force c
	wait "$listener" || fail "events exits with $? $(<errors)"
	equal "$(lifecycle c)" 'start exec update pause resume exit delete '
	equal "$(jq -c 'select(.event == "exit") | [.exitCode // 137, .signal // 9, (.pid > 0)]' seen)" '[137,9,true]'
	equal "$(jq -r '.time | test("^20.*T.*Z$")' seen | sort -u)" true
	[ ! -e "$ROOT/.events" ]
}

@test "events --lifecycle: of all containers" {
	only_ours 'the option --lifecycle'
	needs_controller freezer
	sleeping c
	listening --lifecycle
	ok runtime pause c
	ok runtime resume c
	config ".linux.cgroupsPath += \"-2\""
	ok runtime run --detach d
	ok runtime delete --force d
	ok runtime delete --force c
	until_true has_line seen '.event == "delete" and .id == "c"'
	kill "$listener"
	wait "$listener" || fail "events exits with $? $(<errors)"
	equal "$(lifecycle c)" 'pause resume exit delete '
	equal "$(lifecycle d)" 'create start exit delete '
	[ ! -e "$ROOT/.events" ]
	exits 1 runtime events
	says '"events" requires exactly 1 argument'
	exits 1 runtime events --lifecycle --memory
	says '"events" requires exactly 1 argument'
}

@test "events --lifecycle: a listener that doesn't read or was killed stops nobody" {
	only_ours 'the option --lifecycle'
	sleeping c
	listening --lifecycle
	kill -STOP "$listener"
	local i
	for i in {1..15}; do
		ok runtime pause c
		ok runtime resume c
	done
	kill -KILL "$listener"
	wait "$listener" 2>/dev/null || true
	[ -n "$(ls "$ROOT/.events")" ]
	ok runtime pause c
	[ -z "$(ls "$ROOT/.events")" ]
	ok runtime resume c
	ok runtime list --quiet
	prints c
}

@test "events: nothing wakes a listener while nothing happens" {
	only_ours 'the option --lifecycle'
	command -v strace >/dev/null || skip 'there is no strace'
	needs_controller memory
	sleeping c
	strace -f -qq -o trace -e trace='!futex,nanosleep,epoll_pwait,restart_syscall' \
		"$RUNTIME" --root "$ROOT" events --lifecycle --memory c >seen 2>errors 3>&- &
	local pid=$! calls
	until_true sh -c "[ -n \"\$(ls '$ROOT/.events' 2>/dev/null)\" ]"
	# It has begun to wait when it makes no more calls.
	rests() { calls=$(wc -l <trace) && sleep 0.5 && [ "$(wc -l <trace)" = "$calls" ]; }
	until_true rests
	sleep 2
	equal "$(wc -l <trace)" "$calls"
	ok runtime delete --force c
	wait "$pid" || fail "events exits with $? $(<errors)"
	equal "$(lifecycle c)" 'exit delete '
}

@test "events: what a command costs if nobody listens" {
	only_ours 'the option --lifecycle'
	command -v strace >/dev/null || skip 'there is no strace'
	sleeping c
	strace -f -qq -o trace "$RUNTIME" --root "$ROOT" pause c
	equal "$(grep -c 'openat.*/\.events"' trace)" 1
	[ ! -e "$ROOT/.events" ]
	equal "$(grep -c 'sendto\|socket(AF_UNIX, SOCK_DGRAM' trace)" 0
	ok runtime resume c
}

@test "events --memory" {
	only_ours 'the option --memory'
	needs_controller memory
	[ ! -e /proc/swaps ] || [ "$(wc -l </proc/swaps)" = 1 ] || skip 'the host has swap'
	config '.linux.resources.memory = {"limit": 33554432}'
	script 'trap : TERM; sleep 1000 & wait; head -c 200m /dev/zero | tail | wc -c; exec sleep 1000'
	ok runtime run --detach c
	"$RUNTIME" --root "$ROOT" events --memory c >seen 2>errors 3>&- &
	local pid=$!
	until_true grep -q '^State:.S' "/proc/$pid/status"
	sleep 0.2
	ok runtime kill c TERM
	until_true has_line seen '.type == "memory" and .id == "c" and .event == "oom_kill" and .count == 1'
	cgroup_v1 || has_line seen '.event == "max" and .count > 0'
	ok runtime delete --force c
	wait "$pid" || fail "events exits with $? $(<errors)"
	# Nothing else is printed.
	equal "$(jq -r .type seen | sort -u)" memory
}

@test "events --psi" {
	only_ours 'the option --psi'
	unified >/dev/null || skip 'the host has no cgroup2 hierarchy'
	[ -e /proc/pressure/cpu ] || skip 'the kernel has no PSI'
	config '.linux.resources += {"cpu": {"quota": 5000, "period": 100000}}'
	script 'trap : TERM; sleep 1000 & wait; while :; do :; done'
	ok runtime run --detach c
	"$RUNTIME" --root "$ROOT" events --psi cpu:some:100ms/2s --psi memory:full:1s/2s c >seen 2>errors 3>&- &
	local pid=$!
	until_true grep -q '^State:.S' "/proc/$pid/status"
	sleep 0.2
	ok runtime kill c TERM
	# More than one process wants the CPU.
	"$RUNTIME" --root "$ROOT" exec c sh -c 'while :; do :; done' 3>&- </dev/null >/dev/null 2>&1 &
	local other=$!
	until_true has_line seen '.type == "pressure" and .id == "c" and .event == "cpu:some:100ms/2s"'
	ok runtime delete --force c
	wait "$pid" || fail "events exits with $? $(<errors)"
	wait "$other" || true
	equal "$(jq -r .event seen | sort -u)" cpu:some:100ms/2s
}

@test "events --psi: what isn't a trigger, and where there are none" {
	only_ours 'the option --psi'
	sleeping c
	local pair
	for pair in 'memory=.*must be RESOURCE' 'disk:some:1s/2s=.*"disk" is not memory, cpu or io' 'io:most:1s/2s=.*"most" is neither some nor full' \
		'io:full:1s=.*"1s" is not two durations' 'io:full:1s/20s=.*a window of 20s: the kernel has windows from 500ms to 10s' \
		'io:full:3s/2s=.*a stall of 3s: it must be more than 0'; do
		exits 1 runtime events --psi "${pair%%=*}" c
		says "${pair#*=}"
	done
	if ! unified >/dev/null; then
		exits 1 runtime events --psi cpu:some:100ms/1s c
		says 'cpu.pressure: pressure is measured by cgroup v2, which this host doesn.t have'
	fi
	ok runtime kill c KILL
	until_true stopped c
	exits 1 runtime events --psi cpu:some:100ms/1s c
	says 'is not running'
}

@test "events: statistics beside the others only with --interval" {
	only_ours 'the option --lifecycle'
	sleeping c
	listening --lifecycle --interval 50ms c
	until_true sh -c '[ "$(wc -l <seen)" -ge 2 ]'
	ok runtime delete --force c
	wait "$listener" || fail "events exits with $? $(<errors)"
	equal "$(jq -r .type seen | sort -u)" $'lifecycle\nstats'
	equal "$(jq -c 'select(.type == "stats") | keys' seen | sort -u)" '["data","id","type"]'
}

@test "events --lifecycle: a directory of another user is neither used nor told anything" {
	only_ours 'the option --lifecycle'
	needs_root 'give files away'
	command -v python3 >/dev/null || skip 'there is no python3'
	sleeping c
	chmod 1777 "$ROOT"
	mkdir "$ROOT/.events"
	(cd "$ROOT/.events" && python3 -c 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind("stale")')
	chown 1000 "$ROOT/.events"
	ok runtime pause c
	[ -S "$ROOT/.events/stale" ]
	exits 1 runtime events --lifecycle c
	says 'listen in .*/\.events: it belongs to uid 1000'
	chown 0 "$ROOT/.events"
	ok runtime resume c
	[ ! -e "$ROOT/.events/stale" ]
	rmdir "$ROOT/.events"
}
