#!/usr/bin/env bats
# 15. A user that isn't a number is taken for root.
# CVE: CVE-2026-30892
# Succeeds: crun 1.8.1
# Verdict: refused: a user is one decimal number within range

load lib

@test "exec --user accepts numbers only (CVE-2026-30892)" {
	sleeping c
	local user
	for user in root 1x -1 +1 ' 1' 0x0 1_0 1: :1 1:2:3 4294967295 4294967296; do
		invoke runtime exec --user "$user" c id -u
		[ "$status" != 0 ] || fail "--user '$user' ran as $output"
	done
	ok runtime exec --user 1 c id -u
	prints 1
}

@test "the id 4294967295, which setresuid(2) takes for no change, isn't root" {
	local filter
	for filter in '.user.uid' '.user.gid' '.user.additionalGids[0]'; do
		config ".process$filter = 4294967295 | .process.args = [\"id\"]"
		exits 1 runtime run c
		one_sentence
		config ".process$filter = 0"
	done
	config 'del(.process.user.additionalGids)'
	sleeping c
	for filter in '.user.uid' '.user.gid' '.user.additionalGids[0]'; do
		jq ".process * {args: [\"id\"]} | $filter = 4294967295" config.json >"$TMP/process.json"
		exits 255 runtime exec --process "$TMP/process.json" c
	done
	exits 255 runtime exec --additional-gids 4294967295 c id
	exits 255 runtime exec --user 0:4294967295 c id
	ok runtime delete --force c
	! rootless || return 0
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 4294967295, "size": 1}] |
		.linux.gidMappings = [{"containerID": 0, "hostID": 1, "size": 10}]'
	exits 1 runtime run d
	says '4294967294'
}
