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
	local before copy=$TMP/runtime pid program
	cp "$RUNTIME" "$copy"
	before=$(sha256sum <"$copy")
	printf '#!/proc/self/exe\n' >rootfs/bin/script
	printf '#!/proc/1/exe x\n' >rootfs/bin/first
	with_interpreter rootfs/bin/loaded
	chmod +x rootfs/bin/{script,first,loaded}
	for program in script first loaded; do
		args "/bin/$program"
		RUNTIME=$copy invoke runtime run c
		equal "$(sha256sum <"$copy")" "$before"
	done
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])'
	args sh -c 'exec /opt/overwrite 2 /opt/overwrite /bin/busybox /bin/loaded >/tmp/said'
	RUNTIME=$copy ok runtime run --detach d
	pid=$(pid_of d)
	until_true grep -q waiting rootfs/tmp/said
	for _ in {1..20}; do
		for program in script first loaded; do
			RUNTIME=$copy invoke runtime exec d "/bin/$program"
		done
	done
	gone "$pid"
	equal "$(<rootfs/tmp/said)" $'waiting\nnothing to write to'
	equal "$(sha256sum <"$copy")" "$before"
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
