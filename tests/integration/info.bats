#!/usr/bin/env bats
# info says of this host what containers then find.

load lib

setup_file() {
	load lib
	only_ours 'the command info'
}

# fact AREA NAME [KEY] prints what info says, by default whether it works.
fact() {
	runtime info --format json | jq -r --arg a "$1" --arg n "$2" --arg k "${3:-works}" \
		'.facts[] | select(.area == $a and .name == $n) | .[$k]'
}

@test "info: a table, and JSON with all keys" {
	ok runtime info
	matches "$output" '^AREA +NAME +WORKS +VALUE'
	matches "$output" "kernel +release +yes +$(uname -r)"
	ok runtime info --format json
	equal "$(jq -c 'keys, (.facts | map(keys) | unique[])' <<<"$output")" \
		'["commit","facts","root","spec","version"]'$'\n''["area","hint","name","value","works"]'
	equal "$(jq -r .root <<<"$output")" "$ROOT"
	# What doesn't work has a remedy or a consequence.
	equal "$(jq -r '[.facts[] | select((.works | not) and .hint == "") | .name] | join(" ")' <<<"$output")" ''
	exits 1 runtime info --format xml
}

@test "info: what works is what a container gets" {
	local name
	if cgroup_v1; then
		matches "$(fact cgroups version value)" '^(v1|hybrid)$'
	else
		equal "$(fact cgroups version value)" v2
	fi
	for name in pid ipc uts mount network; do
		equal "$name $(fact namespaces $name)" "$name true"
	done
	equal "$(fact namespaces user)" true
	if [ "$(fact cgroups create)" = true ]; then
		config 'del(.linux.cgroupsPath)'
		args true
		run_container c
	fi
	nothing_left
}

@test "info: an ordinary user's ids and cgroups" {
	rootless || skip 'root has all ids'
	matches "$(fact user /etc/subuid value)" '^[1-9][0-9]* ids$'
	equal "$(fact user newuidmap)" true
	equal "$(fact cgroups create)" true
	equal "$(fact cgroups systemd)" true
	matches "$(fact cgroups controllers value)" 'memory'
}
