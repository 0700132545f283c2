#!/usr/bin/env bats
# maskedPaths, readonlyPaths and sysctl.

load lib

@test "a masked file is empty, a masked directory is empty and read-only" {
	mkdir rootfs/secrets
	echo secret >rootfs/secrets/inside
	echo secret >rootfs/secret
	config '.linux.maskedPaths += ["/secret", "/secrets", "/not/there"]'
	run_prints 'cat /secret; ls -A /secrets; touch /secrets/x 2>/dev/null || echo read-only; echo x >/secret; cat /secret' read-only
	equal "$(<rootfs/secret)" secret
}

@test "masked paths of /proc" {
	run_prints 'cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l; stat -c %t:%T /proc/keys' $'0\n0\n1:3'
}

@test "read-only paths" {
	mkdir rootfs/data
	echo text >rootfs/file
	config '.linux.readonlyPaths += ["/data", "/file", "/not/there"]'
	run_prints 'touch /data/x 2>/dev/null || echo read-only; (echo y >/file) 2>/dev/null || echo read-only; cat /file' $'read-only\nread-only\ntext'
}

@test "read-only paths of /proc can't be written by root" {
	run_prints '(echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo no; (echo h >/proc/sysrq-trigger) 2>/dev/null || echo no' $'no\nno'
}

@test "masked files are the container's own /dev/null, and without one the host's" {
	only_ours 'runc binds the device of the host'
	echo secret | tee rootfs/one rootfs/two >rootfs/three
	config '.linux.maskedPaths = ["/one", "/two", "/three"]'
	run_prints 'grep -cE " /null /(one|two|three) .* tmpfs " /proc/self/mountinfo; grep -c devtmpfs /proc/self/mountinfo; cat /one /two /three' $'3\n0'
	# The image's own file at that path isn't used.
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .mounts += [{"destination": "/dev", "type": "bind", "source": $d, "options": ["bind", "ro"]}] |
		.linux.devices = []' --arg d "$TMP/dev"
	mkdir "$TMP/dev"
	echo secret >"$TMP/dev/null"
	script 'cat /one /two /three; cat /dev/null'
	run_container
	prints secret
}

@test "a masked path below a symlink of the image stays in the root" {
	mkdir rootfs/real
	echo secret >rootfs/real/file
	ln -s /real rootfs/link
	config '.linux.maskedPaths += ["/link/file"]'
	invoke runtime run c
	script 'cat /real/file'
	invoke runtime run d
	[ "$output" != secret ] || [ "$status" != 0 ]
}

@test "without masked and read-only paths nothing is hidden" {
	config 'del(.linux.maskedPaths, .linux.readonlyPaths)'
	run_prints 'grep " /proc/" /proc/self/mountinfo | wc -l; ls /sys/firmware >/dev/null && echo there' $'0\nthere'
}

@test "sysctl of the network, the ipc and the uts namespace" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "1000000", "fs.mqueue.msg_max": "15"}'
	run_prints 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max' $'1\n1000000\n15'
	[ "$(</proc/sys/fs/mqueue/msg_max)" != 15 ]
}

@test "sysctl with slashes in its name" {
	config '.linux.sysctl = {"net/ipv4/conf/lo/forwarding": "1"}'
	run_prints 'cat /proc/sys/net/ipv4/conf/lo/forwarding' 1
}

@test "sysctl: a value that the kernel refuses names the key" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "nonsense"}'
	exits 1 runtime create c
	says 'ip_forward'
	one_sentence
	nothing_left
}

@test "sysctl without the namespace that it belongs to" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "0"} | .linux.namespaces |= map(select(.type != "network")) | .mounts |= map(select(.destination != "/sys"))'
	exits 1 runtime create c
	says 'net.ipv4.ip_forward'
	one_sentence
	config '.linux.sysctl = {"kernel.shmmax": "1"} | .linux.namespaces |= map(select(.type != "ipc"))'
	exits 1 runtime create c
	says 'kernel.shmmax'
	nothing_left
}
