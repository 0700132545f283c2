#!/usr/bin/env bats
# What killed commands leave behind is found and removed, and nothing else is touched.

load lib

setup_file() {
	load lib
	only_ours 'the command gc'
}

# garbage FILTER runs `gc --format json` with more options, and prints what jq makes of it.
garbage() {
	local filter=$1
	shift
	ok runtime gc --format json "$@"
	jq -c "$filter" <<<"$output"
}

@test "gc without a container" {
	equal "$(garbage .)" '[]'
	ok runtime gc
	prints 'ID   KIND   PATH   REASON   RESULT'
	exits 1 "$RUNTIME" --root "$TMP/absent" gc
	says "$TMP/absent"
}

@test "gc removes ids that a killed create has reserved, in any state of it" {
	mkdir "$ROOT/empty" "$ROOT/reserved" "$ROOT/recorded"
	cp config.json "$ROOT/reserved"
	cp config.json "$ROOT/recorded"
	jq -n --arg d "$PWD" '{version: 1, id: "recorded", pid: 0, created: "2026-01-02T03:04:05Z", bundle: $d, rootfs: ($d + "/rootfs")}' \
		>"$ROOT/recorded/state.json"
	local each='sort_by(.id) | map([.id, .kind, .reason, .removed])'
	equal "$(garbage "$each" --dry-run)" \
		'[["empty","state","create-killed",false],["recorded","state","create-killed",false],["reserved","state","create-killed",false]]'
	ok runtime gc --dry-run
	matches "$output" "recorded   state   $ROOT/recorded   its create was killed   would be removed"
	[ -d "$ROOT/empty" ] && [ -d "$ROOT/reserved" ] && [ -d "$ROOT/recorded" ]
	equal "$(garbage "$each")" \
		'[["empty","state","create-killed",true],["recorded","state","create-killed",true],["reserved","state","create-killed",true]]'
	nothing_left
}

@test "gc after create was killed at any time" {
	local i pid
	args true
	for i in {0..60..2}; do
		"$RUNTIME" --root "$ROOT" create c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(printf '0.%05d' $((i * 25)))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		# The child of a create may hold its lock for a moment.
		until_true collected c
		# If the init exists a client may know of the container, and deletes it.
		[ "$(status_of c)" = none ] || ok runtime delete --force c
		nothing_left
	done
}

# collected ID calls gc, and succeeds unless the container is still said to be created.
collected() {
	runtime gc && [ "$(status_of "$1")" != creating ]
}

@test "gc leaves a cgroup that was there before a killed create" {
	needs_root 'create a cgroup there'
	needs_cgroupfs 'systemd owns the cgroup'
	needs_cgroup_v2
	local i pid known dir=/sys/fs/cgroup/$CGROUP
	args true
	mkdir "$dir"
	for i in {0..40..2}; do
		"$RUNTIME" --root "$ROOT" create c </dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$(printf '0.%05d' $((i * 25)))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		# Killed before it could record what it has found, it doesn't know.
		known=$(jq -r '.cgroup.existing // [] | length' "$ROOT/c/state.json" 2>/dev/null) || known=0
		ok runtime gc --stopped
		ok runtime delete --force c
		if [ "${known:-0}" = 0 ]; then
			mkdir -p "$dir"
		else
			[ -d "$dir" ] || fail "after $((i * 250)) µs, $dir is gone"
		fi
	done
	rmdir "$dir"
}

@test "gc leaves containers alone, and one that is being created" {
	mkfifo "$TMP/fifo" "$TMP/go"
	printf '#!/bin/sh\necho $$ >%s\nread x <%s\n' "$TMP/fifo" "$TMP/go" >"$TMP/hook"
	chmod +x "$TMP/hook"
	sleeping running
	config '.linux.cgroupsPath += "-2"'
	ok runtime create created
	config '.linux.cgroupsPath += "-3" | .process.args = ["true"]'
	ok runtime run --detach stopped
	until_true stopped stopped
	config '.linux.cgroupsPath += "-4" | .hooks.createRuntime = [{"path": $p}]' --arg p "$TMP/hook"
	"$RUNTIME" --root "$ROOT" create creating </dev/null >"$TMP/creator" 2>&1 3>&- &
	local creator=$!
	read_line "$TMP/fifo"
	equal "$(garbage .)" '[]'
	equal "$(garbage 'map(.id) | unique' --stopped --dry-run)" '["stopped"]'
	has_status stopped stopped
	echo >"$TMP/go"
	wait $creator || fail "$(<"$TMP/creator")"
	has_status running running
	has_status created created
	has_status creating created
	equal "$(garbage 'map(select(.id != "stopped" or .removed == false))' --stopped)" '[]'
	has_status stopped none
	has_status running running
	has_status created created
	has_status creating created
}

@test "gc removes the socket of a start that was killed, and old temporary files" {
	sleeping c
	config '.linux.cgroupsPath += "-2"'
	ok runtime create other
	cp -a "$ROOT/other/start" "$ROOT/c/start"
	has_status c created
	touch "$ROOT/c/.state.json.1.1"
	touch -d '2 minutes ago' "$ROOT/c/.state.json.1.2"
	equal "$(garbage 'map([.kind, .reason, (.path | split("/") | last), .removed]) | sort')" \
		'[["file","save-killed",".state.json.1.2",true],["socket","start-killed","start",true]]'
	has_status c running
	has_status other created
	[ -e "$ROOT/c/.state.json.1.1" ]
}

@test "gc says which container it can't read, and goes on" {
	mkdir "$ROOT/broken" "$ROOT/reserved"
	echo '{' >"$ROOT/broken/state.json"
	exits 1 runtime gc
	says '^state of broken in '
	matches "$output" 'reserved   state   .* removed'
	[ -e "$ROOT/broken/state.json" ] && [ ! -e "$ROOT/reserved" ]
}

@test "delete --all --stopped deletes what has stopped, and nothing else" {
	args true
	ok runtime run --detach one
	config '.linux.cgroupsPath += "-2"'
	ok runtime run --detach two
	until_true stopped one
	until_true stopped two
	config '.linux.cgroupsPath += "-3"'
	ok runtime create created
	exits 1 runtime delete --all
	says 'all requires --stopped'
	exits 1 runtime delete --stopped
	says 'requires exactly 1 argument'
	exits 1 runtime delete --all --stopped one
	says 'exclude each other'
	exits 1 runtime delete --stopped --force one
	says 'exclude each other'
	exits 1 runtime delete --stopped created
	says 'cannot delete container created that is not stopped: created'
	ok runtime delete --stopped one
	has_status one none
	ok runtime delete --all --stopped
	has_status two none
	has_status created created
	ok runtime delete --stopped --regex '.*'
	has_status created created
	exits 1 runtime delete --stopped absent
	says 'container does not exist'
}
