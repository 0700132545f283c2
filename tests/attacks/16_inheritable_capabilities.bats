#!/usr/bin/env bats
# 16. Inheritable capabilities come into force by capabilities of a file.
# CVE: CVE-2022-29162, CVE-2022-27650, CVE-2022-24769
# Verdict: harmless: nothing is inheritable unless config.json says so

load lib

@test "exec --cap adds nothing inheritable (CVE-2022-29162)" {
	sleeping c
	ok runtime exec --cap CAP_NET_RAW c awk '/^Cap(Inh|Amb)/ {print $2}' /proc/self/status
	prints $'0000000000000000\n0000000000000000'
}

@test "a file with inheritable capabilities, executed by an ordinary user" {
	command -v setcap >/dev/null || skip 'the host has no setcap'
	needs_root 'set the capabilities of a file'
	mkdir rootfs/raised
	cp rootfs/bin/busybox rootfs/raised/busybox
	setcap cap_net_raw,cap_chown,cap_kill+ei rootfs/raised/busybox
	config '.process.noNewPrivileges = false | .process.user = {"uid": 1000, "gid": 1000}'
	args /raised/busybox awk '/^Cap(Inh|Prm|Eff)/ {print $2}' /proc/self/status
	ok runtime run c
	prints $'0000000000000000\n0000000000000000\n0000000000000000'
	sleeping d
	ok runtime exec --cap CAP_NET_RAW --user 1000 d sh -c '/raised/busybox awk "/^CapInh/ {print \$2}" /proc/self/status'
	prints 0000000000000000
}
