#!/usr/bin/env bats
# top shows what the processes of a container use.

load lib

setup_file() {
	load lib
	only_ours 'the command top'
}

# measured FILTER prints what jq makes of one sample of c.
measured() {
	ok runtime top --no-stream --interval 300ms --format json c
	jq -c "$1" <<<"$output"
}

@test "top: the process that uses most of the CPU is the first" {
	needs_cgroup
	sleeping c
	ok runtime exec --detach c sh -c 'while :; do :; done'
	equal "$(measured '.processes | map([.pid, .init, .state, .threads, .cpu > 5, .command[0], .rss > 0])')" \
		'[[2,false,"R",1,true,"sh",true],[1,true,"S",1,false,"sleep",true]]'
	equal "$(measured '.processes[0] | [.cpu < 130, .cpuTime > 0.1]')" '[true,true]'
	equal "$(measured '[.id, .interval >= 0.3, .processes[1].hostPid]')" "[\"c\",true,$(pid_of c)]"
	equal "$(measured '.processes[0] | keys_unsorted | join(" ")')" \
		'"pid hostPid init name command state uid gid cpu cpuTime rss threads"'
}

@test "top: a table" {
	sleeping c
	ok runtime top -n --interval 10ms c
	matches "$output" '^PID +HOST PID +UID +STATE +CPU % +RSS +THREADS +TIME +COMMAND'
	matches "$output" $'\n'"1 +$(pid_of c) +0 +S +0.0 +[0-9.]+[KM]iB +1 +0:00.[0-9]+ +sleep 1000"
}

@test "top in each state" {
	exits 1 runtime top -n absent
	says 'container does not exist'
	ok runtime create c
	equal "$(measured '.processes | map([.pid, .init])')" '[[1,true]]'
	ok runtime delete --force c
	args true
	ok runtime run --keep c
	exits 1 runtime top -n c
	says 'container with id c is not running'
	one_sentence
	ok runtime delete c
	mkdir "$ROOT/creating"
	exits 1 runtime top -n creating
	says 'container with id creating is not running'
	ok runtime delete --force creating
	if rootless && cgroup_v1; then return; fi
	sleeping c
	ok runtime pause c
	equal "$(measured '.processes | map(.pid)')" '[1]'
	ok runtime resume c
}

@test "top goes on until the container ends" {
	mkfifo rootfs/go
	script 'read x </go'
	ok runtime run --detach c
	"$RUNTIME" --root "$ROOT" top --interval 20ms c >"$TMP/top" 2>"$TMP/toperr" </dev/null 3>&- &
	local top=$! code=0
	until_true has_tables
	echo >rootfs/go
	wait "$top" || code=$?
	equal "$code $(<"$TMP/toperr")" '0 '
}

has_tables() { [ "$(grep -c '^PID' "$TMP/top")" -ge 3 ]; }

@test "top: names that the container chooses don't reach the terminal" {
	mkfifo rootfs/fifo
	script 'printf "\033[2Jname" >/proc/self/comm; read x </fifo'
	ok runtime run --detach c
	ok runtime top -n --interval 10ms c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
	ok runtime exec --detach c sh -c 'sleep 1000 # '$'\033''[2J'
	ok runtime top -n --interval 10ms c
	[[ $output != *$'\033'* ]] || fail "an escape sequence: $output"
}

@test "top: command line" {
	exits 1 runtime top
	exits 1 runtime top --interval -1s c
	says 'interval must be greater than 0'
	exits 1 runtime top --format openmetrics c
	says 'invalid format option'
}
