#!/usr/bin/env bats
# Mounts: every option, propagation, read-only, recursive, idmapped, cgroup.

load lib

# mount_add JSON appends to the config's mounts; $src is a directory of the test.
mount_add() { config ".mounts += [$1]" --arg src "$TMP/src"; }

# options_of PATH prints the options of a mount in the container, as the kernel shows them.
mount_line() { script "grep ' $1 ' /proc/self/mountinfo"; }

source_folder() {
	mkdir -p "$TMP/src"
	echo content >"$TMP/src/file"
}

@test "flags: the kernel shows each option" {
	local option
	for option in ro nosuid nodev noexec noatime nodiratime sync dirsync; do
		config '.mounts = [.mounts[] | select(.destination != "/mnt")]'
		mount_add "{\"destination\": \"/mnt\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"$option\"]}"
		mount_line /mnt
		run_container
		grep -qw "$option" <<<"$output" || fail "$option isn't in: $output"
	done
}

@test "the last of two contradicting options counts; defaults, async, rw and others do nothing" {
	mount_add '{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "rw", "nodev", "dev", "noexec", "exec", "nosuid", "suid", "async", "loud", "atime", "diratime", "relatime"]}'
	! is_ours || config '.mounts[-1].options += ["defaults"]'
	mount_line /mnt
	run_container
	[[ $output =~ \ rw,relatime\ .*\ rw ]]
	[[ $output != *nodev* ]] && [[ $output != *noexec* ]] && [[ $output != *nosuid* ]]
}

@test "strictatime, norelatime, lazytime, iversion, silent, nosymfollow" {
	only_ours 'runc 1.1 lacks some of them'
	mount_add '{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["nosymfollow", "lazytime", "silent", "strictatime"]}'
	mount_line /mnt
	run_container
	[[ $output == *nosymfollow* ]] && [[ $output != *relatime* ]]
}

@test "data for the file system: size, mode, nr_inodes" {
	mount_add '{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "mode=0700", "nr_inodes=100"]}'
	mount_line /mnt
	run_container
	[[ $output == *size=64k* ]] && [[ $output == *mode=700* ]] && [[ $output == *nr_inodes=100* ]]
}

@test "bind of a directory and of a file; mount points are created" {
	source_folder
	mount_add '{"destination": "/a/new/folder", "type": "bind", "source": $src, "options": ["bind"]},
		{"destination": "/a/new/file", "type": "bind", "source": ($src + "/file"), "options": ["rbind"]}'
	run_prints 'cat /a/new/folder/file /a/new/file' $'content\ncontent'
	[ -d rootfs/a/new/folder ] && [ -f rootfs/a/new/file ] && [ ! -s rootfs/a/new/file ]
}

@test "bind: the source is relative to the bundle, the type doesn't matter" {
	mkdir folder
	echo here >folder/file
	mount_add '{"destination": "/mnt", "type": "none", "source": "folder", "options": ["rbind"]}'
	run_prints 'cat /mnt/file' here
	config '.mounts[-1].type = "ext4"'
	run_prints 'cat /mnt/file' here
	config '.mounts[-1] |= del(.type)'
	run_prints 'cat /mnt/file' here
}

@test "bind read-only: it can't be written, and the source stays writable" {
	source_folder
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind", "ro"]}'
	run_prints 'touch /mnt/x 2>/dev/null || echo read-only' read-only
	touch "$TMP/src/x"
}

@test "bind keeps the flags of its source unless an option changes them" {
	needs_root 'mount on the host'
	source_folder
	mount -t tmpfs -o noexec,nosuid tmpfs "$TMP/src"
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind", "nodev"]}'
	mount_line /mnt
	run_container
	umount "$TMP/src"
	[[ $output == *nodev* ]]
}

@test "an option that a bind doesn't have is an error, with the one that was meant" {
	only_ours 'runc 1.1 ignores it; later ones refuse it'
	source_folder
	local option
	for option in 'nosiud|did you mean "nosuid"' 'readonly|did you mean "ro"' 'subvol=5|filesystem-specific options' \
		'copy-symlink|extension of crun'; do
		config '.mounts = [.mounts[] | select(.destination != "/mnt")]'
		mount_add "{\"destination\": \"/mnt\", \"type\": \"bind\", \"source\": \$src, \"options\": [\"bind\", \"${option%|*}\"]}"
		exits 1 runtime create c
		says "mounts\\[6\\] /mnt: .*\"${option%|*}\".*${option#*|}"
		one_sentence
		exits 1 runtime check
		matches "$output" "${option#*|}"
	done
	nothing_left
}

@test "a bind that is a remount is an error" {
	source_folder
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind", "remount", "ro"]}'
	exits 1 runtime create c
	only_ours 'runc passes both to mount(2)'
	says 'mounts\[6\] /mnt: a bind mount cannot be a remount'
	one_sentence
	nothing_left
}

@test "rbind includes the mounts below, bind doesn't" {
	needs_root 'mount on the host'
	source_folder
	mkdir "$TMP/src/below"
	mount -t tmpfs tmpfs "$TMP/src/below"
	touch "$TMP/src/below/seen"
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["rbind"]}'
	run_prints 'ls /mnt/below' seen
	config '.mounts[-1].options = ["bind"]'
	run_prints 'ls /mnt/below' ''
	umount "$TMP/src/below"
}

@test "recursive attributes: rro makes the mounts below read-only too" {
	needs_root 'mount on the host'
	source_folder
	mkdir "$TMP/src/below"
	mount -t tmpfs tmpfs "$TMP/src/below"
	local status=0
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["rbind", "rro", "rnosuid", "rnodev", "rnoexec"]}'
	script 'touch /mnt/below/x 2>/dev/null || echo read-only; grep " /mnt" /proc/self/mountinfo | cut -d" " -f6'
	run_container
	umount "$TMP/src/below"
	equal "$(head -1 <<<"$output")" read-only
	equal "$(tail -n +2 <<<"$output" | grep -c 'ro,nosuid,nodev,noexec')" 2
}

@test "recursive attributes of the access times" {
	needs_root 'take away a mount option of the host'
	source_folder
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["rbind", "rnoatime", "rnodiratime"]}'
	mount_line /mnt
	run_container
	[[ $output == *noatime* ]] && [[ $output == *nodiratime* ]]
}

@test "propagation of a mount: private, shared, slave, unbindable" {
	source_folder
	local kind
	for kind in shared slave private unbindable rshared rslave rprivate runbindable; do
		config '.mounts = [.mounts[] | select(.destination != "/mnt")]'
		mount_add "{\"destination\": \"/mnt\", \"type\": \"bind\", \"source\": \$src, \"options\": [\"rbind\", \"$kind\"]}"
		mount_line /mnt
		run_container
		case ${kind#r} in
		shared) grep -q 'shared:' <<<"$output" ;;
		unbindable) grep -q unbindable <<<"$output" ;;
		private) ! grep -qE 'shared:|master:' <<<"$output" || fail "$output" ;;
		esac
	done
}

@test "propagation of the root: rootfsPropagation" {
	local kind
	for kind in private slave shared rprivate rslave rshared unbindable; do
		# runc 1.1 can't bind mount a root that it has made unbindable.
		[ $kind != unbindable ] || is_ours || continue
		config '.linux.rootfsPropagation = $k' --arg k $kind
		mount_line /
		run_container
		case $kind in
		# runc 1.1 makes the root's mount private nevertheless.
		*shared) ! is_ours || grep -q 'shared:' <<<"$output" ;;
		unbindable) grep -q unbindable <<<"$output" ;;
		*) ! grep -q 'shared:' <<<"$output" || fail "$output" ;;
		esac
	done
	config '.linux.rootfsPropagation = "nonsense"'
	exits 1 runtime create c
	one_sentence
	nothing_left
}

@test "mounts of the container don't reach the host" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	script 'mount -t tmpfs none /mnt && echo done; sleep 1000'
	mkfifo rootfs/tmp/ready
	script 'mount -t tmpfs none /mnt; echo ready >/tmp/ready; exec sleep 1000'
	ok runtime run --detach c
	equal "$(read_line rootfs/tmp/ready)" ready
	! grep -q "$BUNDLE" /proc/self/mountinfo || fail 'the host sees it'
}

@test "a slave mount receives later mounts of the host" {
	needs_root 'mount on the host'
	source_folder
	mount -t tmpfs tmpfs "$TMP/src"
	mount --make-shared "$TMP/src"
	mkdir "$TMP/src/below"
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["rbind", "rslave"]}'
	sleeping c
	mount -t tmpfs tmpfs "$TMP/src/below"
	touch "$TMP/src/below/late"
	ok runtime exec c ls /mnt/below
	umount "$TMP/src/below" "$TMP/src"
	prints late
}

@test "root.readonly" {
	config '.root.readonly = true'
	run_prints 'touch /x 2>/dev/null || echo read-only; touch /dev/shm/x && echo shm' $'read-only\nshm'
	[ ! -e rootfs/x ]
}

@test "a read-only tmpfs on /dev has its devices" {
	config '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
	run_prints 'touch /dev/x 2>/dev/null || echo read-only; ls /dev/null' $'read-only\n/dev/null'
}

@test "a read-only mount that a later one covers" {
	source_folder
	mkdir "$TMP/src/in"
	mount_add '{"destination": "/mnt", "type": "tmpfs", "source": "a", "options": ["ro"]},
		{"destination": "/mnt/in", "type": "tmpfs", "source": "b", "options": ["ro", "nodev"]},
		{"destination": "/mnt/below", "type": "tmpfs", "source": "c", "options": ["ro", "nodev"]},
		{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind"]}'
	only_ours 'runc 1.1 makes read-only what is at the path in the end'
	script 'echo more >/mnt/in/new && cat /mnt/file; grep -E " /mnt(/in|/below)? .* tmpfs [abc] " /proc/self/mountinfo | cut -d" " -f6'
	run_container
	prints $'content\nro,relatime\nro,nodev,relatime\nro,nodev,relatime'
	equal "$(<"$TMP/src/in/new")" more
}

@test "a mount on /sys covers the cgroups, which are read-only" {
	source_folder
	config '(.mounts[] | select(.destination == "/sys")) |= {destination, type: "sysfs", source: "sysfs", options: ["ro"]}'
	mount_add '{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
		{"destination": "/sys", "type": "bind", "source": $src, "options": ["rbind"]}'
	run_prints 'cat /sys/file && echo x >/sys/new && echo writable' $'content\nwritable'
	config '.mounts[-1] = {"destination": "/sys", "type": "tmpfs", "source": "tmpfs"}'
	run_prints 'echo x >/sys/new && echo writable' writable
}

@test "tmpcopyup" {
	mkdir -p rootfs/full/deep
	echo text >rootfs/full/deep/file
	ln -s deep/file rootfs/full/link
	chmod 750 rootfs/full
	mount_add '{"destination": "/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	run_prints 'cat /full/link; stat -c %a /full; stat -f -c %T /full; echo more >/full/new' $'text\n750\ntmpfs'
	[ ! -e rootfs/full/new ]
}

@test "a tmpfs has the mode of the directory that it covers" {
	mkdir -m 1777 rootfs/sticky
	chmod 1777 rootfs/sticky
	mount_add '{"destination": "/sticky", "type": "tmpfs", "source": "tmpfs"}'
	run_prints 'stat -c %a /sticky' 1777
}

@test "a later mount covers an earlier one, in the listed order" {
	mount_add '{"destination": "/mnt", "type": "tmpfs", "source": "a"}, {"destination": "/mnt/in", "type": "tmpfs", "source": "b"}, {"destination": "/mnt", "type": "tmpfs", "source": "c"}'
	run_prints 'ls /mnt; awk "\$5 == \"/mnt\" {n++} END {print n}" /proc/self/mountinfo' 2
}

@test "a relative destination is below /" {
	mount_add '{"destination": "mnt", "type": "tmpfs", "source": "tmpfs"}'
	run_prints 'stat -f -c %T /mnt' tmpfs
}

@test "destinations with .. and symlinks end inside the root" {
	source_folder
	mkdir rootfs/target
	ln -s /target rootfs/absolute
	ln -s ../../../../../target rootfs/relative
	mount_add '{"destination": "/absolute/a", "type": "bind", "source": $src, "options": ["bind"]},
		{"destination": "/relative/b", "type": "bind", "source": $src, "options": ["bind"]}'
	run_prints 'cat /target/a/file /target/b/file' $'content\ncontent'
	[ ! -e /target ]
}

@test "an existing symlink as a destination is followed inside the root" {
	source_folder
	mkdir rootfs/target
	ln -s /target rootfs/link
	mount_add '{"destination": "/link", "type": "bind", "source": $src, "options": ["bind"]}'
	run_prints 'cat /target/file' content
}

@test "overlay with data" {
	mkdir "$TMP"/{lower,upper,work}
	echo lower >"$TMP/lower/file"
	config '.mounts += [{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": ["lowerdir=\($t)/lower", "upperdir=\($t)/upper", "workdir=\($t)/work"]}]' --arg t "$TMP"
	run_prints 'cat /mnt/file; echo new >/mnt/new' lower
	[ -e "$TMP/upper/new" ]
}

@test "idmapped: a bind with maps of its own" {
	needs_root 'idmap a mount of the host'
	only_ours 'newer than runc 1.1'
	source_folder
	chown 1000:1000 "$TMP/src/file"
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind"],
		"uidMappings": [{"containerID": 1000, "hostID": 5000, "size": 10}],
		"gidMappings": [{"containerID": 1000, "hostID": 6000, "size": 10}]}'
	run_prints 'stat -c %u:%g /mnt/file' 5000:6000
	equal "$(stat -c %u "$TMP/src/file")" 1000
}

@test "idmapped: the container's own maps, recursive too" {
	needs_root 'idmap a mount of the host'
	only_ours 'newer than runc 1.1'
	source_folder
	chmod 755 "$TMP" "$BUNDLE" "$BATS_RUN_TMPDIR"
	chown -h 100000:100000 rootfs rootfs/*
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind", "idmap"]}'
	run_prints 'stat -c %u:%g /mnt/file; touch /mnt/new' 0:0
	equal "$(stat -c %u "$TMP/src/new")" 0
	config '.mounts[-1].options = ["rbind", "ridmap"]'
	run_prints 'stat -c %u /mnt/file' 0
}

@test "idmapped: invalid configurations are refused" {
	needs_root 'idmap a mount of the host'
	only_ours 'newer than runc 1.1'
	source_folder
	mount_add '{"destination": "/mnt", "type": "bind", "source": $src, "options": ["bind", "idmap"]}'
	exits 1 runtime create c
	says 'idmap|mapping|user namespace'
	config '.mounts[-1].options = ["bind"] | .mounts[-1].uidMappings = [{"containerID": 0, "hostID": 1, "size": 1}]'
	exits 1 runtime create c
	says 'uid and gid mapping|gidMappings'
	one_sentence
	nothing_left
}

@test "cgroup mounts on v1: the container's own groups, read-only" {
	needs_cgroup_v1
	mount_add '{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}'
	script 'cat /sys/fs/cgroup/pids/cgroup.procs | head -1; mkdir /sys/fs/cgroup/pids/x 2>/dev/null || echo read-only'
	run_container
	prints $'1\nread-only'
	only_ours 'runc 1.1 leaves the tmpfs that holds the groups writable'
	run_prints 'touch /sys/fs/cgroup/x 2>/dev/null || echo read-only' read-only
}

@test "cgroup mounts on v1 in a cgroup namespace" {
	needs_cgroup_v1
	config '.linux.namespaces += [{"type": "cgroup"}]'
	mount_add '{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}'
	run_prints 'head -1 /sys/fs/cgroup/pids/cgroup.procs' 1
}

@test "cgroup mounts on v1 and hybrid show the hierarchies of cgroup v1, as runc does" {
	needs_cgroup_v1
	local expected options
	expected=$(cut -d: -f2 /proc/self/cgroup | sed -n 's/^name=//; /./p' | tr , '\n' | sort)
	for options in '["ro"]' '["rw", "nsdelegate", "memory_recursiveprot"]'; do
		config '.mounts |= map(select(.destination != "/sys/fs/cgroup")) |
			.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": $o}]' --argjson o "$options"
		script 'ls /sys/fs/cgroup; grep -c " /sys/fs/cgroup .*nosuid,nodev,noexec" /proc/self/mountinfo'
		run_container
		equal "$(sort <<<"$output")" "$(printf '1\n%s' "$expected" | sort)"
		[ "$options" != '["ro"]' ] || config '.linux.namespaces += [{"type": "cgroup"}]'
	done
}

@test "exactly the default mounts, and none of the host's" {
	script 'cut -d" " -f5 /proc/self/mountinfo | sort -u'
	run_container
	local mount
	for mount in / /dev /dev/mqueue /dev/pts /dev/shm /proc /sys /proc/sys /proc/bus /proc/keys /sys/firmware; do
		grep -qx "$mount" <<<"$output" || fail "$mount isn't in: $output"
	done
	! grep -qE "^$TMP|^$TOP|^/run" <<<"$output" || fail "$output"
}

@test "mqueue belongs to the container's ipc namespace" {
	run_prints 'touch /dev/mqueue/q && ls /dev/mqueue' q
}
