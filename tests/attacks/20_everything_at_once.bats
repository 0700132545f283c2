#!/usr/bin/env bats
# 20. The attacks on /proc, /sys, /dev/null and procfs together, as against youki.
# CVE: CVE-2025-54867, CVE-2025-62161, CVE-2025-62596
# Succeeds: runc 1.1.5
# Verdict: refused: /proc and /sys must be directories; a null device is verified by descriptor

load lib

@test "/proc, /sys and /dev are symlinks to each other" {
	canary
	rmdir rootfs/proc rootfs/sys rootfs/dev
	local pairs pair
	for pairs in 'proc:/sys sys:/dev dev:/tmp' 'proc:sys sys:proc dev:proc' 'proc:/proc sys:/sys dev:/dev' \
		"proc:/tmp sys:$UP$TMP/canary dev:sys" "proc:$UP/proc sys:$UP/sys dev:$UP/dev"; do
		for pair in $pairs; do
			ln -sfn "${pair#*:}" "rootfs/${pair%%:*}"
		done
		script 'echo over >/proc/sys/kernel/domainname; echo over >/dev/null; true'
		config '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
		invoke runtime run c
		canary_intact
		host_dev_intact
		nothing_left
	done
}

@test "another container replaces /dev/null while paths are masked" {
	mkdir "$TMP/dev"
	mknod -m 666 "$TMP/dev/null" c 1 3
	ln -s /proc/sys/kernel/core_pattern "$TMP/dev/link"
	echo secret >rootfs/secret
	without_dev
	config '.mounts += [{"destination": "/dev", "type": "bind", "source": $d, "options": ["rbind"]}] |
		.linux.maskedPaths = ["/secret"] + [range(40) | "/m/\(.)"]' --arg d "$TMP/dev"
	mkdir rootfs/m
	touch rootfs/m/{0..39}
	script 'cat /secret; grep -E " (/secret|/m/[0-9]+) .* - proc " /proc/self/mountinfo; true'
	swapping "$TMP/dev/null" "$TMP/dev/link"
	local refused=0
	for _ in {1..40}; do
		invoke runtime run c
		equal "$output" ''
		[ "$status" = 0 ] || refused=$((refused + 1))
	done
	unswap
	[ $refused -lt 40 ] || fail 'no container ran'
	nothing_left
}
