#!/usr/bin/env bats
# Default and configured devices.

load lib

@test "default devices: kind, number, mode" {
	script 'for d in null zero full random urandom tty; do stat -c "%n %F %t:%T %a" /dev/$d; done'
	run_container
	prints '/dev/null character special file 1:3 666
/dev/zero character special file 1:5 666
/dev/full character special file 1:7 666
/dev/random character special file 1:8 666
/dev/urandom character special file 1:9 666
/dev/tty character special file 5:0 666'
}

@test "default symlinks" {
	script 'for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; readlink /dev/core || true'
	run_container
	equal "$(head -4 <<<"$output")" $'/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2'
	matches "$(sed -n 5p <<<"$output")" '^(/dev/)?pts/ptmx$'
}

@test "a configured /dev/ptmx is the symlink to the container's devpts" {
	config '.linux.devices = [{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2, "fileMode": 438, "uid": 0, "gid": 0}]'
	run_prints 'readlink /dev/ptmx; grep -c " /dev/ptmx " /proc/self/mountinfo || true' $'pts/ptmx\n0'
	! rootless || return 0
	chmod 755 "$TMP" "$BUNDLE" "$BATS_RUN_TMPDIR"
	chown -h 100000:100000 rootfs rootfs/*
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
	run_container
	prints $'pts/ptmx\n0'
}

@test "configured devices: mode, owner, parent directories, fifo" {
	needs_root 'create devices'
	config '.linux.devices = [
		{"path": "/dev/deep/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 416, "uid": 5, "gid": 6},
		{"path": "/dev/block", "type": "b", "major": 7, "minor": 0, "fileMode": 432},
		{"path": "/dev/pipe", "type": "p", "fileMode": 384}]'
	run_prints 'stat -c "%F %t:%T %a %u:%g" /dev/deep/mine /dev/block /dev/pipe' \
		'character special file 1:5 640 5:6
block special file 7:0 660 0:0
fifo 0:0 600 0:0'
}

@test "the umask doesn't change a device's mode" {
	needs_root 'create devices'
	config '.linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 438}]'
	umask 077
	run_prints 'stat -c %a /dev/mine' 666
}

@test "a configured device may change the mode of a default one" {
	needs_root 'create devices'
	config '.linux.devices = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 1, "gid": 1}] |
		.linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]'
	run_prints 'stat -c "%t:%T %u:%g" /dev/null; echo >/dev/null' '1:3 1:1'
}

@test "an existing file that isn't the device is an error" {
	only_ours 'runc uses the existing file'
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) |
		.linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]'
	echo text >rootfs/dev/mine
	exits 1 runtime create c
	says '/dev/mine'
	one_sentence
	nothing_left
	equal "$(<rootfs/dev/mine)" text
}

@test "device rules: refused by default, allowed where the config says" {
	needs_cgroup_v1
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "r"}] |
		.linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}, {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]'
	script 'head -c 1 /dev/kmsg 2>&1 | grep -o "Operation not permitted"; (: </dev/fuse) && echo open; (: >/dev/fuse) 2>/dev/null || echo not for writing; echo x >/dev/null && echo null'
	run_container
	prints $'Operation not permitted\nopen\nnot for writing\nnull'
	equal "$(nothing_left)" ''
}

@test "device rules on v1, read back" {
	needs_cgroup_v1
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rm"}]'
	sleeping c
	local rules
	rules=$(<"/sys/fs/cgroup/devices/$CGROUP/devices.list")
	grep -qx 'c 10:229 rm' <<<"$rules"
	grep -qx 'c 1:3 rwm' <<<"$rules"
	! grep -q '^a' <<<"$rules" || fail "$rules"
}

@test "without a mount on /dev, devices are created in the image's" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	run_prints 'stat -c "%t:%T" /dev/null' 1:3
}
