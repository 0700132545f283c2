#!/usr/bin/env bats
# explain says what a bundle isolates, and fails where CI wants it to. What it says of a
# container is compared with a real one.

load lib

setup_file() {
	load lib
	only_ours 'the command explain'
}

# finds LEVEL POINTER TEXT runs explain, and fails unless it has such a finding.
finds() {
	invoke runtime explain --format json
	jq -e --arg l "$1" --arg p "$2" --arg t "$3" \
		'any(.findings[]; .level == $l and .pointer == $p and (.text | startswith($t)))' <<<"$output" >/dev/null ||
		fail "no finding $1 $2 $3 in: $output $error"
}

@test "explain: levels decide about the exit code" {
	ok runtime explain --fail-on never
	matches "$output" '^LEVEL +ASPECT +PLACE +FINDING'
	# Of an ordinary user's container it is one level less.
	config 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings) | .mounts += [{"destination": "/host", "type": "bind", "source": "/", "options": ["rbind"]}]'
	exits 2 runtime explain
	exits 2 runtime explain "$BUNDLE"
	matches "$output" 'high +mounts +mounts\[[0-9]+\] /host +/ of the host, writable: it changes any file of the host'
	exits 2 runtime explain --fail-on low
	ok runtime explain --fail-on never
	finds high "/mounts/$(jq '.mounts | length - 1' config.json)/source" '/ of the host, writable'
	equal "$(jq '.high >= 1 and (.high + .medium + .low) == ([.findings[] | select(.level != "isolated")] | length)' <<<"$output")" true
	exits 1 runtime explain --fail-on sometimes
	says 'not low, medium, high or never'
	config 'del(.ociVersion)'
	exits 1 runtime explain
	says ociVersion
	exits 1 runtime explain "$TMP/absent"
	says "$TMP/absent"
}

@test "what is said to be isolated and shared is so" {
	config 'del(.linux.namespaces[] | select(.type == "uts")) | del(.hostname)'
	finds low /linux/namespaces "shares the host's uts namespace"
	finds isolated "/linux/namespaces/$(jq '.linux.namespaces | map(.type) | index("pid")' config.json)" 'its own pid namespace'
	script 'readlink /proc/self/ns/uts; echo $$'
	run_container c
	prints "$(readlink /proc/self/ns/uts)"$'\n1'
}

@test "what is said to be writable is so" {
	needs_root 'write to files of the host'
	config 'del(.linux.readonlyPaths) | del(.linux.namespaces[] | select(.type == "user"))'
	finds high /linux/readonlyPaths '/proc/sys is writable'
	script 'cat /proc/sys/kernel/core_pattern >/tmp/pattern && cat /tmp/pattern >/proc/sys/kernel/core_pattern && echo written'
	run_container c
	prints written
	config '.linux.readonlyPaths = ["/proc/sys"]'
	equal "$(runtime explain --fail-on never --format json | jq '[.findings[] | select(.text == "/proc/sys is writable")]')" '[]'
	exits 1 runtime run c
	prints ''
}
