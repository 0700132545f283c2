# shellcheck shell=bash
# Once per run: the helper programs, and a template of the root file system that
# every test's bundle is linked from.

setup_suite() {
	local top=$BATS_TEST_DIRNAME/../..
	# bats runs this with its own descriptors open and stops at a failure.
	# A guest without a compiler has the programs of its host.
	if command -v make >/dev/null && command -v gcc >/dev/null; then
		make -s -C "$top" helpers
	fi

	local root=$BATS_SUITE_TMPDIR/rootfs busybox
	busybox=$(command -v busybox)
	mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,usr,var/tmp,mnt,opt}
	chmod 1777 "$root/tmp" "$root/var/tmp"
	cp "$busybox" "$root/bin/busybox"
	busybox --list | while IFS= read -r applet; do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	cp "$top"/tests/helpers/bin/* "$root/opt/"
	printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nguest:x:1000:\n' >"$root/etc/group"
}
