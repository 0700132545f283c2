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
