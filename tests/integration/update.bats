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

# reads DEVICE… prints which of the devices the container may open for reading. The host may
# lack the driver, which is another error.
reads() {
	ok runtime exec c sh -c 'for f; do (: <$f) 2>&1 | grep -q "not permitted\|nonexistent\|No such" || echo $f; done' sh "$@"
}

# with_devices runs a container with a file system for devices.
with_devices() {
	only_ours 'the option --device-add'
	needs_root 'set device rules'
	[ -e /dev/fuse ] || skip 'the host has no /dev/fuse'
	config '.mounts += [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]'
	sleeping
}

@test "update --device-add and --device-remove: the rule and the node, which later updates keep" {
	with_devices
	exits 1 runtime exec c ls /dev/fuse
	ok runtime update --dry-run --format json --device-add /dev/fuse c
	equal "$(jq -c 'map([.kind, .target == "/dev/fuse", (.new | test("type=c 10:229 access=rwm$|^c 10:229 mode"))])' <<<"$output")" \
		'[["devices",false,true],["node",true,true]]'
	exits 1 runtime exec c ls /dev/fuse
	ok runtime update --device-add /dev/fuse c
	reads /dev/fuse /dev/null
	prints $'/dev/fuse\n/dev/null'
	ok runtime exec c stat -c '%F %t:%T %a' /dev/fuse
	prints "character special file a:e5 $(stat -c %a /dev/fuse)"
	# Adding it again changes nothing, and neither does an update with other rules.
	ok runtime update --device-add /dev/fuse c
	jq .linux.resources config.json >same.json
	ok runtime update --resources same.json --pids-limit 44 c
	echo '{"devices": [{"allow": false, "access": "rwm"}]}' >none.json
	ok runtime update --resources none.json c
	reads /dev/fuse /dev/null
	prints $'/dev/fuse\n/dev/null'
	ok runtime update --device-remove /dev/fuse c
	exits 1 runtime exec c ls /dev/fuse
	ok runtime exec c sh -c 'mknod /dev/mine c 10 229'
	reads /dev/mine /dev/null
	prints /dev/null
}

@test "update --device-add: at another path, with some of the access" {
	with_devices
	ok runtime update --device-add /dev/fuse:/dev/new/one:r --pids-limit 40 c
	equal "$(cat "$(cgroup_dir pids)/pids.max")" 40
	reads /dev/new/one
	prints /dev/new/one
	exits 1 runtime exec c sh -c ': >>/dev/new/one'
	says 'not permitted'
	# It can be removed by its path there only.
	exits 1 runtime update --device-remove /dev/fuse c
	says 'update c: .*device /dev/fuse: neither config.json nor an update has given the container a device at this path'
	ok runtime update --device-remove /dev/new/one c
	exits 1 runtime exec c ls /dev/new/one
}

@test "update --device-add: what can't be" {
	with_devices
	local before
	before=$(cat "$(cgroup_dir pids)/pids.max")
	exits 1 runtime update --device-add /dev/none c
	says 'device /dev/none: no such file or directory'
	exits 1 runtime update --device-add /etc/passwd c
	says 'device /etc/passwd: it is neither a character device nor a block device'
	exits 1 runtime update --device-add fuse c
	says '\-\-device-add: device "fuse": a path must be absolute'
	exits 1 runtime update --device-add /dev/fuse:rx c
	says '\-\-device-add: device "/dev/fuse:rx": must be PATH\[:PATH\]\[:ACCESS\]'
	exits 1 runtime update --device-remove /dev/null c
	says 'device /dev/null: every container has it'
	# What is at the path stays, and the limits and rules too.
	ok runtime exec c touch /dev/taken
	exits 1 runtime update --pids-limit 41 --device-add /dev/fuse:/dev/taken c
	says 'device /dev/taken: file exists .what is there is not the device that is asked for'
	equal "$(cat "$(cgroup_dir pids)/pids.max")" "$before"
	ok runtime exec c sh -c 'mknod /dev/mine c 10 229'
	reads /dev/mine
	prints ''
}

@test "update --device-add: all devices or none" {
	with_devices
	local before
	before=$(cat "$(cgroup_dir pids)/pids.max")
	ok runtime exec c touch /dev/taken
	exits 1 runtime update --device-add /dev/fuse --device-add /dev/zero:/dev/taken c
	says 'device /dev/taken: file exists'
	exits 1 runtime exec c ls /dev/fuse
	# A device that the container has stays, even if its update fails.
	exits 1 runtime update --device-add /dev/null --device-add /dev/zero:/dev/taken c
	ok runtime exec c ls /dev/null
	# Nothing is changed that can't be recorded.
	exits 1 unshare --mount sh -c 'mount --bind "$2/c" "$2/c" && mount -o remount,bind,ro "$2/c" && exec "$1" --root "$2" update --pids-limit 41 --device-add /dev/fuse c' sh "$RUNTIME" "$ROOT"
	says 'state file .*read-only file system'
	equal "$(cat "$(cgroup_dir pids)/pids.max")" "$before"
	exits 1 runtime exec c ls /dev/fuse
	ok runtime exec c sh -c 'mknod /dev/mine c 10 229'
	reads /dev/mine
	prints ''
	ok runtime update --device-add /dev/fuse c
	reads /dev/fuse
	prints /dev/fuse
}

@test "update --device-add: a hostile container leads it nowhere" {
	with_devices
	mkdir "$TMP/outside"
	ok runtime exec c sh -c 'mkdir -p /dev/d && rmdir /dev/d && ln -s ../../../../../../../../../../tmp /dev/d'
	ok runtime update --device-add "/dev/fuse:/dev/d/$(basename "$TMP")-node" c
	[ ! -e "/tmp/$(basename "$TMP")-node" ]
	ok runtime update --device-remove "/dev/d/$(basename "$TMP")-node" c
	# A link in place of the node isn't followed, and nothing else is removed.
	ok runtime update --device-add /dev/fuse c
	ok runtime exec c sh -c "rm /dev/fuse; ln -s $TMP/outside /dev/fuse"
	ok runtime update --device-remove /dev/fuse c
	[ -d "$TMP/outside" ]
	ok runtime exec c readlink /dev/fuse
}

@test "update --device-add: in a user namespace" {
	only_ours 'the option --device-add'
	needs_root 'set device rules'
	[ -e /dev/fuse ] || skip 'the host has no /dev/fuse'
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
		.linux.gidMappings = .linux.uidMappings |
		.mounts += [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}]'
	sleeping
	ok runtime update --device-add /dev/fuse c
	ok runtime exec c stat -c '%F %t:%T' /dev/fuse
	prints 'character special file a:e5'
	ok runtime update --device-remove /dev/fuse c
	exits 1 runtime exec c ls /dev/fuse
}

@test "update --device-add: in each status" {
	only_ours 'the option --device-add'
	needs_root 'set device rules'
	[ -e /dev/fuse ] || skip 'the host has no /dev/fuse'
	args sleep 1000
	ok runtime create c
	ok runtime update --device-add /dev/fuse c
	ok runtime start c
	reads /dev/fuse
	prints /dev/fuse
	ok runtime pause c
	ok runtime update --device-remove /dev/fuse c
	ok runtime resume c
	exits 1 runtime exec c ls /dev/fuse
	ok runtime kill c KILL
	until_true stopped c
	exits 1 runtime update --device-add /dev/fuse c
	one_sentence
	# The node of a container without a file system of its own for devices is in its rootfs.
	[ ! -e rootfs/dev/fuse ]
}

@test "update --device-add: one device at two paths" {
	with_devices
	ok runtime update --device-add /dev/fuse --device-add /dev/fuse:/dev/two c
	reads /dev/fuse /dev/two
	prints $'/dev/fuse\n/dev/two'
	ok runtime update --device-remove /dev/fuse c
	exits 1 runtime exec c ls /dev/fuse
	reads /dev/two
	prints /dev/two
	ok runtime update --device-remove /dev/two c
	ok runtime exec c mknod /dev/mine c 10 229
	reads /dev/mine
	prints ''
}

@test "update --device-add: several at the same time" {
	with_devices
	local i pids=()
	for i in {1..8}; do
		mknod "$TMP/d$i" c 10 $((100 + i))
		"$RUNTIME" --root "$ROOT" update --device-add "$TMP/d$i:/dev/d$i" c 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "an update exits with $?"
	done
	ok runtime exec c sh -c 'ls /dev | grep -c "^d[1-8]"'
	prints 8
	for i in {1..8}; do
		ok runtime update --device-remove "/dev/d$i" c
	done
	ok runtime exec c sh -c 'ls /dev | grep -c "^d[1-8]" || true'
	prints 0
}

@test "update --device-add: another device may be at the path after the first was removed" {
	with_devices
	[ -e /dev/loop0 ] || [ -e /dev/vda ] || skip 'the host has no block device'
	local block=/dev/loop0
	[ -e $block ] || block=/dev/vda
	ok runtime update --device-add /dev/fuse:/dev/x c
	exits 1 runtime update --device-add $block:/dev/x c
	says 'device /dev/x: the container has another device there: c 10:229'
	ok runtime update --device-remove /dev/x --device-add $block:/dev/x:r c
	ok runtime exec c stat -c %F /dev/x
	prints 'block special file'
}
