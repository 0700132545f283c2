#!/usr/bin/env bats
# stats shows what containers use, again and again.

load lib

setup_file() {
	load lib
	only_ours 'the command stats'
}

# busy makes the container's process use a processor.
busy() { script 'while :; do :; done'; }

@test "stats: a table, once" {
	needs_cgroup
	needs_controller pids
	config '.linux.resources.pids.limit = 33'
	sleeping c
	ok runtime stats --no-stream --interval 50ms c
	equal "$(head -1 <<<"$output" | awk '{print $1, $2, $3}')" 'ID STATUS CPU'
	matches "$output" $'\nc +running +[0-9.]+ +- .* 1 +33( |$)'
	equal "$(wc -l <"$TMP/stdout")" 2
}

@test "stats: JSON with rates" {
	needs_cgroup
	busy
	ok runtime run --detach c
	ok runtime stats -n --interval 300ms --format json c
	equal "$(jq -r 'keys_unsorted | join(" ")' <<<"$output")" 'id status time interval cpu memory io pids pressure'
	equal "$(jq -r '.cpu | keys_unsorted | join(" ")' <<<"$output")" 'percent limit usage throttled periods throttledPeriods throttledTime'
	equal "$(jq -r '.memory | keys_unsorted | join(" ")' <<<"$output")" 'usage workingSet limit percent oomKills'
	equal "$(jq -r '.io | keys_unsorted | join(" ")' <<<"$output")" 'readBytes writeBytes reads writes readRate writeRate'
	equal "$(jq -c '[.id, .status, .interval >= 0.3, .cpu.percent > 5 and .cpu.percent < 130, .cpu.usage > 0]' <<<"$output")" \
		'["c","running",true,true,true]'
	cgroup_v1 || equal "$(jq -c '.pressure.cpu | keys_unsorted' <<<"$output")" '["some","full","someTotal","fullTotal"]'
}

@test "stats: limits and throttling" {
	needs_cgroup
	needs_controller cpu
	needs_controller memory
	config '.linux.resources = {cpu: {quota: 20000, period: 100000}, memory: {limit: 104857600}}'
	busy
	ok runtime run --detach c
	ok runtime stats -n --interval 500ms -f json c
	equal "$(jq -c '[.cpu.limit, .cpu.percent < 60, .cpu.throttled > 0, .memory.limit, .memory.percent < 50]' <<<"$output")" \
		'[20,true,true,104857600,true]'
}

@test "stats: all containers that have not stopped" {
	needs_cgroup
	ok runtime stats -n --interval 10ms
	matches "$output" '^ID +STATUS'
	equal "$(wc -l <"$TMP/stdout")" 1
	sleeping c
	config '.linux.cgroupsPath += "2"'
	ok runtime create d
	config '.linux.cgroupsPath += "3"'
	args true
	ok runtime run --keep e
	ok runtime stats -n --interval 10ms -f json
	equal "$(jq -c '[.id, .status]' <<<"$output")" $'["c","running"]\n["d","created"]'
	ok runtime pause c
	ok runtime stats -n --interval 10ms -f json c
	equal "$(jq -c '[.id, .status]' <<<"$output")" '["c","paused"]'
	ok runtime resume c
	exits 1 runtime stats -n e
	says 'container with id e is not running'
	exits 1 runtime stats -n absent
	says 'container does not exist'
	exits 1 runtime stats -f openmetrics absent
	one_sentence
}

@test "stats: an id that is given twice, and a container that can't be read" {
	needs_cgroup
	sleeping c
	ok runtime stats -n --interval 10ms -f json c c
	equal "$(jq -c '[.id, .interval > 0.005]' <<<"$output")" '["c",true]'
	mkdir "$ROOT/broken"
	echo nonsense >"$ROOT/broken/state.json"
	ok runtime stats -n --interval 10ms -f json
	equal "$(jq -r .id <<<"$output")" c
	says 'broken'
	one_sentence
	exits 1 runtime stats -f openmetrics
	matches "$output" 'runnel_container_pids'
	exits 1 runtime stats -n broken
	rm -r "$ROOT/broken"
}

@test "stats goes on until the container ends" {
	needs_cgroup
	mkfifo rootfs/go
	script 'read x </go'
	ok runtime run --detach c
	"$RUNTIME" --root "$ROOT" stats --interval 20ms c >"$TMP/stats" 2>"$TMP/statserr" </dev/null 3>&- &
	local stats=$! code=0
	until_true has_tables
	echo >rootfs/go
	wait "$stats" || code=$?
	equal "$code $(<"$TMP/statserr")" '0 '
}

has_tables() { [ "$(grep -c '^ID' "$TMP/stats")" -ge 3 ]; }

@test "stats on a terminal: drawn in place, and restored at SIGINT" {
	needs_cgroup
	sleeping c
	"$HELPERS/console" run sh -c 'echo $$; exec "$@"' sh "$RUNTIME" --root "$ROOT" stats --interval 20ms >"$TMP/shown" 2>/dev/null </dev/null 3>&- &
	local console=$! code=0
	until_true has_frames
	kill -INT "$(head -1 "$TMP/shown" | tr -dc 0-9)"
	wait "$console" || code=$?
	equal "$code" 0
	matches "$(<"$TMP/shown")" $'\033\\[\\?1049h\033\\[\\?25l'
	matches "$(<"$TMP/shown")" $'\033\\[\\?7h\033\\[\\?25h\033\\[\\?1049l\r?$'
}

has_frames() { [ "$(grep -c $'\033\\[H' "$TMP/shown")" -ge 3 ]; }

@test "stats: OpenMetrics" {
	needs_cgroup
	needs_controller pids
	config '.linux.resources.pids.limit = 33'
	sleeping c
	ok runtime stats --format openmetrics
	equal "$(tail -1 <<<"$output")" '# EOF'
	matches "$output" $'\n# TYPE runnel_container_pids_limit gauge\n# HELP [^\n]*\nrunnel_container_pids_limit\\{id="c"\\} 33\n'
	matches "$output" $'\nrunnel_container_memory_usage_bytes\\{id="c"\\} [1-9]|# TYPE runnel_container_memory_usage_bytes'
	ok runtime delete --force c
	ok runtime stats --format openmetrics
	prints '# EOF'
}

@test "stats: command line" {
	exits 1 runtime stats --interval 0s c
	says 'interval must be greater than 0'
	exits 1 runtime stats --interval x c
	says 'not a duration'
	exits 1 runtime stats --format xml
	says 'invalid format option'
}
