#!/usr/bin/env bats
# An update takes effect as a whole or not at all, and shows what it would do.

load lib

# limits prints the number of processes, the limit of memory and the weight of the CPU.
limits() {
	if cgroup_v1; then
		cat "$(cgroup_dir pids)/pids.max" "$(cgroup_dir memory)/memory.limit_in_bytes" "$(cgroup_dir cpu)/cpu.shares"
	else
		(cd "$(cgroup_dir)" && cat pids.max memory.max cpu.weight)
	fi
}

limited() {
	needs_controller pids
	needs_controller memory
	needs_controller cpu
	config '.linux.resources += {"memory": {"limit": 67108864}, "cpu": {"shares": 1024}, "pids": {"limit": 77}}'
	sleeping
}

@test "update: what was written before a failure is restored" {
	only_ours 'what it has written stays'
	needs_controller "$(cgroup_v1 && echo blkio || echo io)"
	limited
	local before
	before=$(limits)
	# Nothing has this device number, which the kernel finds out after the other limits.
	echo '{"memory": {"limit": 33554432}, "cpu": {"shares": 500},
		"blockIO": {"throttleReadBpsDevice": [{"major": 4000, "minor": 1, "rate": 1048576}]}}' >r
	exits 1 runtime update --resources r c
	says 'update c: .*throttleReadBpsDevice\[0\]: write "4000:1 .*1048576" to .*: no such device \(what was written before is restored\)'
	one_sentence
	equal "$(limits)" "$before"
	has_status c running
}

@test "update: a value that the kernel rounds is told" {
	only_ours 'it is silent'
	needs_controller memory
	sleeping
	ok runtime update --memory 33554433 c
	says 'linux.resources.memory.limit: asked for .*33554433.*, and the kernel has set .* to .*33554432'
	ok runtime update --memory 64m --pids-limit 44 c
	prints ''
	ok runtime update --memory -1 c
	prints ''
}

@test "update --dry-run: a table and JSON, and nothing changes" {
	only_ours 'the option --dry-run'
	limited
	local before memory=memory.max
	! cgroup_v1 || memory=memory.limit_in_bytes
	before=$(limits)
	ok runtime update --dry-run --format json --memory 32m --pids-limit 50 c
	equal "$(jq -c 'sort_by(.field) | map([.kind, (.target | split("/") | last), .field, .old, .new])' <<<"$output")" \
		"[[\"file\",\"$memory\",\"/linux/resources/memory/limit\",\"67108864\",\"33554432\"],[\"file\",\"pids.max\",\"/linux/resources/pids/limit\",\"77\",\"50\"]]"
	ok runtime update -n --pids-limit 50 c
	matches "$output" $'^KIND +TARGET +OLD +NEW\nfile +/sys/fs/cgroup/.*/pids.max +77 +50$'
	ok runtime update --dry-run c
	prints 'KIND   TARGET   OLD   NEW'
	ok runtime update --dry-run --format json c
	prints '[]'
	equal "$(limits)" "$before"
	# The same problems are found.
	exits 1 runtime update --dry-run --cpu-quota 5 c
	says 'linux.resources.cpu.quota: invalid value 5'
	exits 1 runtime update --format json --pids-limit 50 c
	says '\-\-format is for what --dry-run prints'
	exits 1 runtime update --dry-run absent
	says 'container does not exist'
}

@test "update --dry-run: device rules" {
	only_ours 'the option --dry-run'
	needs_root 'set device rules'
	sleeping
	echo '{"devices": [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}' >r
	ok runtime update --dry-run --format json --resources r c
	equal "$(jq -c 'map([.kind, .field, .new])' <<<"$output")" \
		'[["devices","/linux/resources/devices","allow=true type=c 10:229 access=rw"]]'
	ok runtime update --resources r c
	ok runtime update --dry-run --format json --resources r c
	prints '[]'
}

@test "update: in each status" {
	args sleep 1000
	ok runtime create c
	ok runtime update --pids-limit 40 c
	ok runtime start c
	ok runtime update --pids-limit 41 c
	ok runtime pause c
	ok runtime update --pids-limit 42 c
	equal "$(cat "$(cgroup_dir pids)/pids.max")" 42
	ok runtime resume c
	ok runtime kill c KILL
	until_true stopped c
	exits 1 runtime update --pids-limit 43 c
	! is_ours || exits 1 runtime update --dry-run --pids-limit 43 c
	one_sentence
}
