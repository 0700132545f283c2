#!/usr/bin/env bats
# 6. /proc or /sys of the image is a symlink.
# CVE: CVE-2023-27561, CVE-2023-28642
# Verdict: refused: both must be directories of the image

load lib

# A file system that is mounted elsewhere is neither masked nor read-only, and a runtime
# that looks for it in /proc finds the image's files. The host sees nothing of the mounts
# in the container, so that only a refusal is certain.
refused() { [ "$status" != 0 ] || fail "it ran: $output"; }

@test "/proc of the image is a symlink (CVE-2023-27561, CVE-2019-19921)" {
	canary
	rmdir rootfs/proc
	local target
	for target in /tmp "../../../../../..$TMP/canary" "$TMP/canary"; do
		ln -sfn "$target" rootfs/proc
		script 'cat /proc/self/comm; true'
		invoke runtime run c
		refused
		canary_intact
		nothing_left
	done
}

@test "/sys of the image is a symlink" {
	canary
	rmdir rootfs/sys
	local target
	for target in /tmp "../../../../../..$TMP/canary" "$TMP/canary"; do
		ln -sfn "$target" rootfs/sys
		invoke runtime run c
		refused
		canary_intact
		nothing_left
	done
}

@test "a symlink of the image to / doesn't mount a volume on the root" {
	only_ours 'runc has another error text'
	mkdir "$TMP/volume"
	ln -s / rootfs/data
	config '.mounts += [{"destination": "/data", "type": "bind", "source": $v, "options": ["rbind"]}]' --arg v "$TMP/volume"
	exits 1 runtime run c
	says 'mounts\[6\]'
	config '.mounts[-1] = {"destination": "/data", "type": "tmpfs", "source": "tmpfs"}'
	exits 1 runtime run c
	nothing_left
}
