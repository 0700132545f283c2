#!/usr/bin/env bats
# 43. What the container mounts on a mount that it was given appears on the host, whose peer group that mount is in.
# Verdict: harmless: what a container gets is cloned from a copy of the host's mounts from which nothing propagates to the host

load lib

# shared_source makes a shared mount of the host with a device node and a directory.
shared_source() {
	needs_root 'make a shared mount and a device node'
	needs_namespace user
	mkdir "$TMP/source"
	mount -t tmpfs host-only "$TMP/source"
	mount --make-shared "$TMP/source"
	mknod -m 666 "$TMP/source/fuse" c 10 229
	mkdir -m 777 "$TMP/source/dir"
	chmod 755 "$TMP" "$TMP/source" "$BUNDLE" "$BATS_RUN_TMPDIR"
}

# in_user_namespace gives the container's root its user namespace, and all there is to mount.
in_user_namespace() {
	config '.linux.namespaces += [{"type": "user"}] | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 rootfs rootfs/*
}

# covers PATH makes the container mount something of its own on PATH, and fails if that appears
# in the mount of the host.
covers() {
	local appeared
	ok runtime exec c sh -c "mkdir -p /tmp/d; : >/tmp/f; if [ -d $1 ]; then mount --bind /tmp/d $1; else mount --bind /tmp/f $1; fi"
	appeared=$(awk -v at="$TMP/source/" 'index($5, at) == 1 {print $5}' /proc/self/mountinfo)
	ok runtime delete --force c
	[ -z "$appeared" ] || umount -l "$appeared"
	umount "$TMP/source"
	equal "$appeared" ''
}

@test "a device node that update adds" {
	only_ours 'the option --device-add'
	shared_source
	in_user_namespace
	sleeping c
	ok runtime update --device-add "$TMP/source/fuse:/dev/fuse" c
	covers /dev/fuse
}

@test "a directory that mounts adds" {
	only_ours 'the command mounts'
	shared_source
	in_user_namespace
	sleeping c
	ok runtime mounts add --source "$TMP/source" --target /data c
	covers /data/dir
}

@test "a device node and a directory of config.json" {
	shared_source
	in_user_namespace
	config '.mounts += [{"destination": "/data", "type": "bind", "source": $d, "options": ["rbind"]},
		{"destination": "/dev/fuse", "type": "bind", "source": ($d + "/fuse"), "options": ["bind"]}]' --arg d "$TMP/source"
	sleeping c
	ok runtime exec c sh -c ': >/tmp/f; mount --bind /tmp/f /dev/fuse'
	covers /data/dir
}
