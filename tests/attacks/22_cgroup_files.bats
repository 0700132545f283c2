#!/usr/bin/env bats
# 22. A writable cgroup hierarchy: release_agent runs a program on the host, or limits are lifted.
# CVE: CVE-2022-0492 (class)
# Verdict: harmless: the container sees its own cgroup only, and by default read-only
# Guests: v2 v1

load lib

# WRITES is a script that prints what it can write to in the mounted hierarchies.
WRITES='for f in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs -o -name notify_on_release -o -name "*.max" -o -name devices.allow | head -n 300); do
		(: >>$f) 2>/dev/null && echo $f; done
	for d in $(find /sys/fs/cgroup -type d | head -n 100); do mkdir $d/evil 2>/dev/null && echo $d; done; true'

@test "the config of spec mounts cgroups read-only" {
	rm config.json
	ok runtime spec
	config '.process.terminal = false | .linux.cgroupsPath = $p | .root.readonly = false' --arg p "$CGROUPS_PATH"
	script "find /sys/fs/cgroup | wc -l; $WRITES"
	ok runtime run c
	[ "$(head -n1 <<<"$output")" -gt 3 ] || fail 'no cgroups are mounted'
	equal "$(tail -n +2 <<<"$output")" ''
	# Nor after an attempt to change the mount, which needs CAP_SYS_ADMIN.
	script "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,rw \$d 2>/dev/null && echo \$d; done; $WRITES"
	ok runtime run c
	prints ''
}

@test "v1: a writable mount shows no release_agent, which only a root cgroup has" {
	needs_cgroup_v1
	local namespaces
	for namespaces in '[]' '[{"type": "cgroup"}]'; do
		config '.mounts = .mounts[:6] + [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]'
		config ".linux.namespaces += $namespaces"
		config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"] | unique)'
		script 'ls -d /sys/fs/cgroup/memory >/dev/null && find /sys/fs/cgroup/ -name release_agent; cat /sys/fs/cgroup/*/cgroup.procs | sort -u | grep -cvE "^[12]?[0-9]$"'
		invoke runtime run c
		equal "$error" ''
		prints 0
	done
}

@test "v2: the own cgroup is the root of what is seen, and no other can be entered" {
	needs_cgroup_v2
	config '.linux.namespaces += [{"type": "cgroup"}] | .mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}] |
		.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	script 'cat /proc/self/cgroup; test -e /sys/fs/cgroup/cgroup.type && echo inner; ls -d /sys/fs/cgroup/*.slice 2>/dev/null
		umount /sys/fs/cgroup; mount -t cgroup2 cgroup /mnt && test -e /mnt/cgroup.type && echo inner'
	ok runtime run c
	prints $'0::/\ninner\ninner'
}
