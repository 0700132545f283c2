#!/usr/bin/env bats
# 12. /dev of the image is a symlink: devices and links are created on the host.
# CVE: CVE-2026-41579, CVE-2026-47766
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: harmless: devices and links are created at the descriptor of a directory in the root

load lib

@test "/dev of the image is a symlink to the host (CVE-2026-41579)" {
	canary
	rmdir rootfs/dev
	ln -sfn "../../../../../../../../..$TMP/canary" rootfs/dev
	local filter
	for filter in . '.mounts |= map(select(.destination | startswith("/dev") | not))'; do
		config "$filter"
		invoke runtime run c
		canary_intact
		nothing_left
	done
}
