#!/usr/bin/env bats
# 42. A container leads a mount that is added to it, or removed, to another place.
# Verdict: harmless: the container is entered after the sources have been opened, mount points are held by descriptors in its root, and its /proc isn't used

load lib

setup_file() {
	load ../integration/lib
	only_ours 'the command mounts'
}

# only_at REGEX fails if a mount of the test's source is elsewhere in the container, or on the host.
only_at() {
	! grep -F added-here /proc/self/mountinfo || fail 'mounted on the host'
	! grep -F added-here "/proc/$(pid_of c)/mountinfo" | awk '{print $5}' | grep -vxE "$1" || fail 'mounted elsewhere'
}

# change_swapped TARGET adds and removes a mount while two names on its path are exchanged.
change_swapped() {
	local i
	swapping rootfs/d rootfs/l
	for i in {1..40}; do
		invoke runtime mounts add --type tmpfs --source added-here --target "$1" c
		invoke runtime mounts remove --lazy c "$1"
	done
	unswap
}

@test "the destination is swapped with a link into /proc, and out of the root" {
	local target
	for target in /proc/self /proc/1 "$UP$TMP" "$UP/tmp"; do
		rm -rf rootfs/d rootfs/l
		mkdir -p rootfs/d/attr
		ln -s "$target" rootfs/l
		sleeping c
		change_swapped /d/attr
		only_at '(/d|/l|/tmp.*|/attr)/attr|/tmp/.*'
		ok runtime delete --force c
	done
}

@test "its /proc is one of its own" {
	needs_root 'mount over /proc'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	script 'mount -t tmpfs fake /proc; mkdir -p /proc/self/fd /proc/thread-self; for i in 3 4 5 6 7 8 9 10 11 12; do ln -s /opt /proc/self/fd/$i; done
		touch /tmp/ready; exec sleep 1000'
	chmod 1777 rootfs/tmp
	ok runtime run --detach c
	until_true test -e rootfs/tmp/ready
	ok runtime mounts add --type tmpfs --source added-here --target /data c
	# A value of more than 255 bytes needs mount(2), and with that a path.
	ok runtime mounts add --type tmpfs --source added-here --target /long --options "size=$(printf '%0300d' 65536)" c
	only_at '/data|/long'
	ok runtime mounts remove c /data
	ok runtime mounts remove c /long
	only_at ''
}

@test "it makes a device node where the source of a file system is looked for" {
	mkdir -p rootfs/dev
	sleeping c
	exits 1 runtime mounts add --type ext4 --source /dev/sdb1 --target /data c
	exits 1 runtime mounts add --type overlay --target /data --options lowerdir=/etc:/usr c
}

@test "a mask is unmounted in place of another mount" {
	mkdir -p rootfs/d/firmware
	rm -rf rootfs/l
	ln -s /sys rootfs/l
	config '.linux.maskedPaths = ["/sys/firmware", "/opt/secret"]'
	mkdir -p rootfs/opt/secret
	touch rootfs/opt/secret/file
	ln -sfn /opt rootfs/l
	mkdir -p rootfs/d/secret
	sleeping c
	change_swapped /d/secret
	invoke runtime exec c ls /opt/secret/file
	[ "$status" != 0 ] || fail 'the mask is gone'
}
