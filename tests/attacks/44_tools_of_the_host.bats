#!/usr/bin/env bats
# 44. The container overwrites programs of the host that debug brings into it, or reaches the host through their process.
# CVE: CVE-2019-5736
# Verdict: harmless: the tools are a read-only mount in a mount namespace of their process alone, whose root has nothing else of the host; those that its users may write are refused if it could remount them

load lib

setup_file() {
	load ../integration/lib
	only_ours 'the command debug'
}

@test "it writes to the executables of debug (CVE-2019-5736)" {
	[ -x /bin/busybox ] || skip 'the host has no busybox'
	local before i pid
	cp "$(readlink -f /bin/busybox)" "$TMP/busybox"
	chmod 777 "$TMP/busybox"
	chmod 755 "$TMP"
	before=$(sha256sum <"$TMP/busybox")
	chmod 1777 rootfs/tmp
	args sh -c 'exec /opt/overwrite 3 /opt/overwrite /bin/busybox >/tmp/said'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"])'
	ok runtime run --detach c
	pid=$(pid_of c)
	until_true grep -q waiting rootfs/tmp/said
	for i in {1..10}; do
		invoke runtime debug --tools "$TMP/busybox" c sleep 0.1
	done
	gone "$pid"
	equal "$(<rootfs/tmp/said)" $'waiting\nnothing to write to'
	equal "$(sha256sum <"$TMP/busybox")" "$before"
}

@test "it looks for the host in the root of debug" {
	[ -x /bin/busybox ] || skip 'the host has no busybox'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	# It also tries to write to a tool.
	peeking /proc '[ -e $p/root/.tools/busybox ] && { (true >>$p/root/.tools/busybox) 2>/dev/null && echo caught >>/tmp/said; true; }'
	ok runtime debug c sleep 2
	no_peek
}

@test "its root makes the mount of a tool writable that one of its users owns" {
	needs_root 'give a file to another user'
	needs_namespace user
	[ -x /bin/busybox ] || skip 'the host has no busybox'
	local before i
	cp "$(readlink -f /bin/busybox)" "$TMP/busybox"
	chown 100000:100000 "$TMP/busybox"
	chmod 755 "$TMP"
	before=$(sha256sum <"$TMP/busybox")
	config '.linux.namespaces += [{"type": "user"}] |
		.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_CHROOT"]) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 rootfs rootfs/*
	cat >rootfs/enter <<-'END'
		while true; do
			for p in /proc/[0-9]*; do
				[ ! -e $p/root/.tools/busybox ] ||
					nsenter --mount=$p/ns/mnt sh -c 'mount -o remount,bind,rw /.tools/busybox && while ! echo >>/.tools/busybox; do :; done'
			done
		done
	END
	args sh /enter
	ok runtime run --detach c
	for i in 1 2 3; do invoke runtime debug --tools "$TMP/busybox" c sleep 0.2; done
	ok runtime delete --force c
	equal "$(sha256sum <"$TMP/busybox")" "$before"
	config '.process.capabilities |= map_values(. - ["CAP_SYS_ADMIN"])'
	sleeping c
	ok runtime debug --tools "$TMP/busybox" c true
}
