#!/usr/bin/env bats
# 10. The terminal or /dev/console is redirected, so that a file of procfs is bound there.
# CVE: CVE-2025-52565
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: harmless: the terminal comes from a verified devpts by TIOCGPTPEER, and is mounted by descriptor

load lib

# volume_as_dev gives the container a terminal, and a /dev that the attacker controls; its
# devpts is mounted on the path $1.
volume_as_dev() {
	mkdir -p "$TMP/dev/pts"
	ln -s pts/ptmx "$TMP/dev/ptmx"
	mknod -m 666 "$TMP/dev/null" c 1 3
	config '.process.terminal = true | .process.args = ["sleep", "1000"] | .mounts |= map(select(.destination | startswith("/dev") | not)) |
		.mounts += [{"destination": "/dev", "type": "bind", "source": $d, "options": ["bind", "rw"]},
		{"destination": $p, "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}]' \
		--arg d "$TMP/dev" --arg p "$1"
}

# mounted_well runs container c, and fails if its terminal is mounted on a file of procfs,
# or such a file on its console.
mounted_well() {
	in_terminal run --detach c
	[ "$status" = 0 ] || return 0
	! grep -E ' /proc/[^ ]* .* - devpts | /dev/console .* - proc ' "/proc/$(pid_of c)/mountinfo" || fail 'procfs is redirected'
	ok runtime delete --force c
	hang_up
}

@test "nothing is wrong with a volume as /dev" {
	volume_as_dev /dev/pts
	touch "$TMP/dev/console"
	mounted_well
	equal "$status" 0
}

@test "the terminal's name in /dev/pts is a symlink to a file of procfs" {
	mkdir -p rootfs/mnt/pts
	volume_as_dev /mnt/pts
	local n
	ln -s /mnt/pts/ptmx "$TMP/dev/pts/ptmx"
	for n in 0 1 2 3; do ln -s /proc/sys/kernel/core_pattern "$TMP/dev/pts/$n"; done
	mounted_well
}

@test "/dev/console is a symlink to a file of procfs, or out of the root" {
	canary
	volume_as_dev /dev/pts
	local target
	for target in /proc/sys/kernel/core_pattern /proc/sysrq-trigger "$UP$TMP/canary/file"; do
		ln -sfn "$target" "$TMP/dev/console"
		mounted_well
		canary_intact
	done
}

@test "/dev/console is replaced while the terminal is set up" {
	volume_as_dev /dev/pts
	ln -s /proc/sys/kernel/core_pattern "$TMP/dev/link"
	touch "$TMP/dev/console"
	swapping "$TMP/dev/console" "$TMP/dev/link"
	for _ in {1..25}; do
		mounted_well
	done
	unswap
}
