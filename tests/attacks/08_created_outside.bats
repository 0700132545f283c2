#!/usr/bin/env bats
# 8. Mount points, files or copies are created outside of the root.
# CVE: CVE-2024-45310
# Succeeds: runc 1.1.5
# Verdict: harmless: each component is created at the descriptor of its directory

load lib

@test "another container replaces the parents of devices, files, masks and the cwd (CVE-2024-45310)" {
	mkdir -p "$TMP/volume/dir/sub" "$TMP/canary/sub"
	echo intact >"$TMP/canary/file"
	ln -s "/../../../../../../../..$TMP/canary" "$TMP/volume/link"
	"$HELPERS/swap" "$TMP/volume/dir" "$TMP/volume/link" 3>&- &
	local swapper=$! i
	config '.process.args = ["true"] | .process.cwd = "/volume/dir/cwd" | .linux.maskedPaths += ["/volume/dir/file", "/volume/dir/sub"] |
		.linux.readonlyPaths += ["/volume/dir/file"] |
		.linux.devices = [{"path": "/volume/dir/device", "type": "c", "major": 1, "minor": 3, "uid": 77}] |
		.mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["rbind"]},
			{"destination": "/volume/dir/made", "type": "bind", "source": "/etc/hostname", "options": ["bind"]},
			{"destination": "/volume/dir/a/b/c", "type": "tmpfs", "source": "tmpfs"},
			{"destination": "/volume/dir", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]' --arg v "$TMP/volume"
	for i in {1..25}; do
		invoke runtime run c
		equal "$(find "$TMP/canary" -printf '%P %y %U %m\n' | sort)" $' d 0 755\nfile f 0 644\nsub d 0 755'
		equal "$(<"$TMP/canary/file")" intact
	done
	kill $swapper
	nothing_left
}

@test "destinations that lead out of the root: .., absolute and dangling symlinks" {
	canary
	ln -s "$TMP/canary" rootfs/absolute
	ln -s "../../../../../../../../../..$TMP/canary" rootfs/relative
	ln -s "$TMP/canary/new" rootfs/dangling
	local destination
	for destination in /absolute /relative /dangling "/../../../../../../..$TMP/canary" /absolute/new /relative/deep/er /dangling/x; do
		config '.mounts = .mounts[:6] + [{"destination": $d, "type": "tmpfs", "source": "tmpfs"}]' --arg d "$destination"
		invoke runtime run c
		canary_intact
		config '.mounts = .mounts[:6] + [{"destination": $d, "type": "bind", "source": "/etc/hostname", "options": ["bind"]}]' --arg d "$destination"
		invoke runtime run c
		canary_intact
	done
	nothing_left
}

@test "another container replaces the parents of mount points only (CVE-2024-45310)" {
	mkdir -p "$TMP/volume/dir/sub"
	canary
	ln -s "/$UP$TMP/canary" "$TMP/volume/link"
	swapping "$TMP/volume/dir" "$TMP/volume/link"
	config '.process.args = ["true"] | .mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["rbind"]},
		{"destination": "/volume/dir/made", "type": "bind", "source": "/etc/hostname", "options": ["bind"]},
		{"destination": "/volume/dir/a/b/c", "type": "tmpfs", "source": "tmpfs"}]' --arg v "$TMP/volume"
	for _ in {1..60}; do
		invoke runtime run c
		canary_intact
	done
	unswap
	nothing_left
}
