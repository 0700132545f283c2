#!/usr/bin/env bats
# 9. /dev/null of the image is another file, so that a masked path shows or opens it.
# CVE: CVE-2025-31133
# Succeeds: runc 1.1.5
# Verdict: harmless: the null device is verified by descriptor, otherwise the host's is used

load lib

@test "/dev/null of the image is a symlink, and paths are masked (CVE-2025-31133)" {
	canary
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths += ["/secret"]'
	echo secret >rootfs/secret
	ln -s /tmp/file rootfs/dev/null
	echo fake >rootfs/tmp/file
	script 'cat /secret; echo over >/dev/null; true'
	invoke runtime run c
	[[ $output != *secret* ]] && [[ $output != *fake* ]] || [ "$status" != 0 ] || fail "$output"
	host_dev_intact
	nothing_left
}

# PROBE writes what the streams are, and what is behind the masked file, to a file of the
# image, and nothing to the streams: one of them could be a file of the host.
PROBE='exec 3>&1 4>&2 >/tmp/said 2>&1; for n in 0 3 4; do readlink /proc/self/fd/$n; done; : >>/secret; grep -E " /secret .* - proc " /proc/self/mountinfo; cat /secret'

@test "/dev/null of the image is a symlink to a file of procfs that may not be written" {
	chmod 1777 rootfs/tmp
	echo hidden >rootfs/secret
	mkdir "$TMP/dev"
	local target mounts
	for mounts in '[]' '[{"destination": "/dev", "type": "bind", "source": $d, "options": ["rbind"]}]'; do
		pristine
		without_dev
		config '.linux.maskedPaths = ["/secret"]'
		config ".mounts += $mounts" --arg d "$TMP/dev"
		script "$PROBE"
		for target in /proc/sys/kernel/core_pattern /proc/sysrq-trigger "$UP/proc/sys/kernel/core_pattern" /secret /nowhere; do
			ln -sfn "$target" rootfs/dev/null
			ln -sfn "$target" "$TMP/dev/null"
			rm -f rootfs/tmp/said
			invoke runtime run c
			[ ! -e rootfs/tmp/said ] || ! grep -E 'core_pattern|sysrq|hidden|proc' rootfs/tmp/said || fail "/dev/null is $target"
		done
	done
	nothing_left
}
