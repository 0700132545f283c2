#!/usr/bin/env bats
# 37. The runtime's executable is reached as interpreter or loader of a program of the image.
# CVE: CVE-2019-5736
# Verdict: harmless: /proc/self/exe is the sealed copy of the child, never a file of the host

load lib

# with_interpreter FILE makes it a dynamic program whose loader is /proc/self/exe.
with_interpreter() {
	local loader=/lib64/ld-linux-x86-64.so.2 offset
	[ "$(uname -m)" = x86_64 ] || skip 'the loader has another name here'
	cp /bin/true "$1"
	offset=$(grep -abo -m1 "$loader" "$1" | head -n1 | cut -d: -f1)
	[ -n "$offset" ] || skip '/bin/true of the host has no loader'
	printf '/proc/self/exe\0\0\0\0\0\0\0\0\0\0\0\0\0' | dd of="$1" bs=1 seek="$offset" conv=notrunc status=none
}

@test "scripts and programs that are loaded by /proc/self/exe" {
	cp "$RUNTIME" "$TMP/runtime"
	local before copy=$TMP/runtime program
	before=$(sha256sum <"$copy")
	printf '#!/proc/self/exe\n' >rootfs/bin/script
	printf '#!/proc/1/exe x\n' >rootfs/bin/first
	with_interpreter rootfs/bin/loaded
	chmod +x rootfs/bin/{script,first,loaded}
	printf '#!/bin/sh\nfor f in /proc/[0-9]*/exe; do (: >>$f) 2>/dev/null && case $(readlink $f) in /bin/*|/opt/*) ;; *) echo over >>$f; echo wrote $(readlink $f);; esac; done; true\n' >rootfs/bin/writer
	chmod +x rootfs/bin/writer
	for program in script first loaded; do
		args "/bin/$program"
		RUNTIME=$copy invoke runtime run c
		args sleep 1000
		RUNTIME=$copy ok runtime run --detach d
		RUNTIME=$copy invoke runtime exec d "/bin/$program"
		RUNTIME=$copy ok runtime exec d writer
		[[ $output != *wrote* ]] || fail "$output"
		RUNTIME=$copy ok runtime delete --force d
		equal "$(sha256sum <"$copy")" "$before"
	done
	nothing_left
}

@test "the image's own files in place of libraries and loaders of the host aren't loaded" {
	mkdir -p rootfs/lib rootfs/lib64 rootfs/etc
	printf 'not a library' | tee rootfs/lib64/ld-linux-x86-64.so.2 rootfs/lib/libseccomp.so.2 rootfs/lib/libc.so.6 >/dev/null
	echo /opt/evil.so >rootfs/etc/ld.so.preload
	config '.process.env += ["LD_PRELOAD=/opt/evil.so", "LD_LIBRARY_PATH=/lib", "GODEBUG=execerrdot=0", "GOTRACEBACK=crash"]'
	args echo over
	ok runtime run c
	prints over
}
