#!/usr/bin/env bats
# 21. A path leads out of the container's cgroup, and with it out of its limits.
# Succeeds: crun 1.8.1
# Verdict: refused: the path must stay below the container's cgroup

load lib

@test "exec --cgroup can't lead out of the container's cgroup" {
	sleeping c
	local path
	for path in .. ../.. /../.. a/../../b ./..; do
		exits 255 runtime exec --cgroup "$path" c true
		says 'is not a sub cgroup path'
	done
}

@test "a cgroups path that leads out of the hierarchy" {
	needs_cgroup_v1
	config '.linux.cgroupsPath = "/../../../../" + $c + "/../" + $c' --arg c "$CGROUP"
	sleeping c
	# Other tests create and remove cgroups while find runs.
	find /sys/fs/cgroup -maxdepth 3 -name "$CGROUP" >"$TMP/found" 2>/dev/null || true
	[ -s "$TMP/found" ] || fail 'no group below /sys/fs/cgroup'
	! find /sys/fs /sys/kernel -maxdepth 1 -name "$CGROUP" | grep . || fail 'a group outside'
}

@test "annotations that delegate a cgroup lead nowhere" {
	local path before
	before=$(find /sys/fs/cgroup -maxdepth 2 -type d | sort)
	for path in ../evil-$CGROUP ../../evil-$CGROUP /evil-$CGROUP evil/../../evil-$CGROUP; do
		config '.annotations = {"run.oci.delegate-cgroup": $p, "run.oci.systemd.subgroup": $p}' --arg p "$path"
		invoke runtime run c
		! find /sys/fs/cgroup -maxdepth 3 -name "evil*$CGROUP" 2>/dev/null | grep . || fail 'a cgroup outside'
	done
}
