#!/usr/bin/env bats
# User namespaces: short and long maps, joined namespaces, and file ownership.

load lib

eval "common_$(declare -f setup)"
setup() {
	common_setup
	needs_root 'map what ids it likes; rootless.bats has the maps of users'
}

# maps COUNT adds a user namespace with COUNT lines of maps; the first maps root. They
# are short: the kernel accepts 340 lines, but no more than a page of text.
maps() {
	config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] +
			[range(1; $n | tonumber) | {containerID: (1000 + .), hostID: (1000 + .), size: 1}] |
		.linux.gidMappings = .linux.uidMappings' --arg n "$1"
	chown -h 100000:100000 rootfs rootfs/*
	# The template's files belong to root; busybox only has to be readable.
	chmod 755 "$TMP" "$BUNDLE"
	chmod 755 "$BATS_RUN_TMPDIR"
}

@test "root in the container is an ordinary user outside" {
	maps 1
	sleeping c
	equal "$(awk '/^Uid/ {print $2}' "/proc/$(pid_of c)/status")" 100000
	ok runtime exec c sh -c 'id -u; id -g; cat /proc/self/uid_map | tr -s " "'
	prints $'0\n0\n 0 100000 1000'
}

@test "another user of the container" {
	maps 1
	config '.process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}'
	sleeping c
	equal "$(awk '/^(Uid|Gid)/ {print $2}' "/proc/$(pid_of c)/status")" $'100007\n100008'
	ok runtime exec c id -G
	prints '8 9'
}

@test "many lines of maps, up to 340" {
	local lines
	for lines in 2 5 40 340; do
		maps "$lines"
		run_prints 'wc -l </proc/self/uid_map; wc -l </proc/self/gid_map' "$lines"$'\n'"$lines"
		config 'del(.linux.namespaces[] | select(.type == "user"))'
	done
}

@test "maps that the kernel refuses" {
	maps 2
	config '.linux.uidMappings[1] = .linux.uidMappings[0]'
	exits 1 runtime create c
	one_sentence
	nothing_left
}

@test "devices exist although the container may not create them" {
	maps 1
	script 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done; echo x >/dev/null; head -c 3 /dev/zero | wc -c'
	run_container
	prints 3
}

@test "mounts and the root's owner" {
	maps 1
	script 'echo x >/tmp/mine; stat -c %u /tmp/mine; touch /dev/shm/x; stat -c %u /dev/shm/x; stat -c %u /proc/1'
	chown -R -h 100000:100000 rootfs/tmp
	run_container
	prints $'0\n0\n0'
	equal "$(stat -c %u rootfs/tmp/mine)" 100000
}

@test "capabilities end at the container's namespaces" {
	maps 1
	script 'mount -t tmpfs none /mnt 2>/dev/null || echo no mount; echo 1 >/proc/sys/kernel/panic 2>/dev/null || echo no sysctl'
	run_container
	prints $'no mount\nno sysctl'
}

@test "a user namespace joined by path, with the network that it owns" {
	maps 1
	config '.linux.cgroupsPath += "1"'
	sleeping first
	config '.linux.cgroupsPath += "2" | del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user")).path = "/proc/\($pid)/ns/user" |
		(.linux.namespaces[] | select(.type == "network")).path = "/proc/\($pid)/ns/net"' --arg pid "$(pid_of first)"
	is_ours || config '.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
	sleeping second
	equal "$(readlink "/proc/$(pid_of second)/ns/user")" "$(readlink "/proc/$(pid_of first)/ns/user")"
	equal "$(readlink "/proc/$(pid_of second)/ns/net")" "$(readlink "/proc/$(pid_of first)/ns/net")"
	ok runtime exec second id -u
	prints 0
}

@test "standard streams can be reopened by the container's user" {
	maps 1
	script 'echo again >/dev/stdout'
	"$RUNTIME" --root "$ROOT" run c </dev/null 3>&- | cat >"$TMP/out"
	equal "$(<"$TMP/out")" again
}

@test "a rootfs in a directory that the container's root can't search" {
	only_ours 'runc 1.1 requires that others can search the directory'
	maps 1
	chmod 700 "$BUNDLE"
	run_prints 'echo in' in
}

@test "exec into a user namespace" {
	maps 1
	sleeping c
	ok runtime exec --user 5:6 c sh -c 'id -u; id -g'
	prints $'5\n6'
	ok runtime exec c awk '/CapEff/ {print $2}' /proc/self/status
	[ "$output" != 0000000000000000 ]
}

# bind OPTIONS mounts $TMP/src, which can be a mount of the host, on /mnt.
bind() {
	config '.mounts = [.mounts[] | select(.destination != "/mnt")] +
		[{"destination": "/mnt", "type": "bind", "source": ($t + "/src"), "options": $o}] |
		.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])' --arg t "$TMP" --argjson o "$1"
}

@test "a bind keeps the flags of the host's mount, and the container can't clear them" {
	maps 1
	mkdir "$TMP/src"
	mount -t tmpfs -o ro,nosuid,nodev,noexec none "$TMP/src"
	local options
	script 'awk "\$5 == \"/mnt\" {print \$6}" /proc/self/mountinfo; mount -o remount,bind,rw,exec /mnt 2>/dev/null && echo cleared; true'
	for options in '["bind"]' '["rbind", "rprivate"]'; do
		bind "$options"
		run_container
		prints ro,nosuid,nodev,noexec,relatime
	done
	is_ours || umount "$TMP/src"
	only_ours 'runc 1.1 refuses to set a flag, and ignores that one is to be cleared'
	for options in '["bind", "ro"]' '["bind", "nosuid"]' '["rbind", "rro"]'; do
		bind "$options"
		run_container
		prints ro,nosuid,nodev,noexec,relatime
	done
	for options in '["bind", "rw"]' '["bind", "exec"]' '["bind", "noatime"]' '["rbind", "rrw"]'; do
		bind "$options"
		exits 1 runtime create c
		says 'mounts\[6\] /mnt: .*cannot clear locked flags|set its options'
		one_sentence
	done
	umount "$TMP/src"
}

@test "/dev/shm keeps nosuid, nodev and noexec, of the config's mount and of the host's" {
	maps 1
	script 'awk "\$5 == \"/dev/shm\" {print \$6}" /proc/self/mountinfo'
	run_container
	prints rw,nosuid,nodev,noexec,relatime
	mkdir "$TMP/src"
	mount -t tmpfs -o nosuid,nodev,noexec none "$TMP/src"
	config '(.mounts[] | select(.destination == "/dev/shm")) |= {destination, type: "bind", source: ($t + "/src"), options: ["rbind", "rprivate", "rw"]}' --arg t "$TMP"
	run_container
	umount "$TMP/src"
	prints rw,nosuid,nodev,noexec,relatime
}

@test "what the host's mounts cover stays covered" {
	maps 1
	mkdir -p "$TMP/src/below"
	echo secret >"$TMP/src/below/file"
	mount -t tmpfs none "$TMP/src/below"
	bind '["rbind"]'
	script 'umount /mnt/below 2>/dev/null; ls /mnt/below'
	run_container
	prints ''
	bind '["bind"]'
	exits 1 runtime create c
	umount "$TMP/src/below"
	says 'invalid argument'
	is_ours || return 0
	one_sentence
	says 'mounts\[6\] /mnt: bind source .*/src: .*rbind'
}

@test "the rootfs keeps the flags of the host's mount" {
	maps 1
	mkdir "$TMP/root"
	mount --bind -o nosuid,nodev rootfs "$TMP/root"
	mount -o remount,bind,nosuid,nodev "$TMP/root"
	config '.root.path = $t + "/root" | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])' --arg t "$TMP"
	script 'mount -o remount,bind,suid,dev / 2>/dev/null && echo cleared; awk "\$5 == \"/\" {print \$6}" /proc/self/mountinfo'
	run_container
	umount "$TMP/root"
	matches "$output" '^rw,nosuid,nodev'
}

@test "a bind source that an earlier mount of the config makes" {
	only_ours 'runc 1.1 opens the sources in advance'
	maps 1
	mkdir -p rootfs/mnt rootfs/other
	config '.mounts += [{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/mnt/x", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]},
		{"destination": "/other", "type": "bind", "source": "rootfs/mnt/x", "options": ["bind"]}]'
	script 'echo same >/mnt/x/file; cat /other/file'
	run_container
	prints same
	ok runtime check --host
	# An idmapped mount, without a user namespace.
	chown -h 0:0 rootfs rootfs/*
	mkdir "$TMP/src"
	chown 7:7 "$TMP/src"
	config 'del((.linux.namespaces[] | select(.type == "user")), .linux.uidMappings, .linux.gidMappings) |
		.mounts[7] = {"destination": "/mnt/x", "type": "bind", "source": $s, "options": ["bind"]} |
		.mounts[8] += {"uidMappings": [{"containerID": 7, "hostID": 8, "size": 1}], "gidMappings": [{"containerID": 7, "hostID": 9, "size": 1}]}' --arg s "$TMP/src"
	script 'stat -c %u:%g /mnt/x /other'
	run_container
	prints $'7:7\n8:9'
}

@test "an idmapped mount without mappings, in a user namespace that is joined" {
	only_ours 'newer than runc 1.1'
	maps 1
	config '.linux.cgroupsPath += "1"'
	sleeping first
	mkdir "$TMP/src"
	chown 5:6 "$TMP/src"
	config '.linux.cgroupsPath += "2" | del(.linux.uidMappings, .linux.gidMappings) |
		(.linux.namespaces[] | select(.type == "user")).path = "/proc/\($pid)/ns/user" |
		(.linux.namespaces[] | select(.type == "network")).path = "/proc/\($pid)/ns/net" |
		.mounts += [{"destination": "/mnt", "type": "bind", "source": $s, "options": ["bind", "idmap"]}]' \
		--arg pid "$(pid_of first)" --arg s "$TMP/src"
	script 'stat -c %u:%g /mnt'
	run_container second
	prints 5:6
}
