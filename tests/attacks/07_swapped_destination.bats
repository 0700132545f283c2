#!/usr/bin/env bats
# 7. A destination is replaced by a symlink between lookup and mount.
# CVE: CVE-2021-30465
# Verdict: harmless: destinations are looked up once, inside of the root, and mounted on by descriptor

load lib

@test "a destination is replaced by a symlink while it is mounted (CVE-2021-30465)" {
	canary
	mkdir "$TMP/volume" "$TMP/volume/dir"
	ln -s "/../../../../../../../..$TMP/canary" "$TMP/volume/link"
	"$HELPERS/swap" "$TMP/volume/dir" "$TMP/volume/link" 3>&- &
	local swapper=$!
	config '.mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["rbind"]}] +
		[range(8) | {"destination": "/volume/dir/\(.)", "type": "tmpfs", "source": "tmpfs"}] +
		[{"destination": "/volume/dir", "type": "tmpfs", "source": "tmpfs"}]' --arg v "$TMP/volume"
	args true
	for _ in {1..20}; do
		invoke runtime run c
		canary_intact
	done
	kill $swapper
	nothing_left
}
