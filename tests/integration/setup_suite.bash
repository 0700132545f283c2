# shellcheck shell=bash
# setup_suite runs once, for tests/attacks as well: it builds the helper programs, and a
# template of the root file system to which every test's bundle has hard links.

setup_suite() {
	local here top
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	top=$here/../..
	# bats runs this with its own descriptors open and stops at a failure.
	# In a guest, which has no compiler, the programs are those of the host.
	if [ -w "$top" ] && command -v make >/dev/null && command -v gcc >/dev/null; then
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
	make_config "$here/config.json" >"$BATS_SUITE_TMPDIR/config.json"
}

# make_config FILE prints the config for all tests. An ordinary user's containers have a
# user namespace, in which the user is root, with all of the user's subordinate ids.
make_config() {
	if [ "$(id -u)" = 0 ]; then
		cat "$1"
		return
	fi
	jq '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}, {containerID: 1, hostID: $subuid, size: $subuids}] |
		.linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}, {containerID: 1, hostID: $subgid, size: $subgids}]' \
		--argjson uid "$(id -u)" --argjson gid "$(id -g)" \
		--argjson subuid "$(subordinate /etc/subuid 2)" --argjson subuids "$(subordinate /etc/subuid 3)" \
		--argjson subgid "$(subordinate /etc/subgid 2)" --argjson subgids "$(subordinate /etc/subgid 3)" "$1"
}

# subordinate FILE FIELD prints a field of the user's line in subuid(5) or subgid(5).
subordinate() { awk -F: -v user="$(id -un)" -v field="$2" '$1 == user { print $field; exit }' "$1"; }
