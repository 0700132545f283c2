#!/usr/bin/env bats
# The annotations org.runnel.landlock.*: what Landlock refuses to the container's processes.

load lib

setup_file() {
	load lib
	only_ours 'the annotations org.runnel.landlock.*'
}

# abi prints the version of Landlock's ABI, 0 without Landlock.
abi() { runtime info --format json | jq -r '.facts[] | select(.name == "Landlock") | .value | sub("ABI "; "") | if . == "no" then 0 else . end'; }

# needs_abi N skips a test on a kernel whose Landlock is older, or that has none.
needs_abi() { [ "$(abi)" -ge "$1" ] || skip "the kernel has no Landlock of ABI $1 or later"; }

# restrict NAME VALUE… sets annotations.
restrict() {
	config 'del(.annotations)'
	while [ $# -gt 0 ]; do
		config '.annotations["org.runnel.landlock." + $n] = $v' --arg n "$1" --arg v "$2"
		shift 2
	done
}

@test "landlock: writing is refused but for some directories, with and without noNewPrivileges and filter" {
	needs_abi 3
	restrict write /tmp,/dev,-/absent
	local nnp seccomp
	for nnp in true false; do
		for seccomp in null '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]}' \
			'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["accept4", "sendmsg"], "action": "SCMP_ACT_ERRNO"}]}'; do
			config ".process.noNewPrivileges = $nnp | .linux.seccomp = $seccomp"
			run_prints 'echo x >/tmp/f && mv /tmp/f /tmp/g && rm /tmp/g && echo wrote
				(echo x >/var/tmp/f) 2>/dev/null || echo refused; mkdir /mnt/d 2>/dev/null || echo refused; cat /etc/passwd | head -n 1
				echo $((0x$(sed -n "s/^CapEff:\t//p" /proc/self/status) >> 21 & 1))' 'wrote
refused
refused
root:x:0:0:root:/root:/bin/sh
0'
		done
	done
}

@test "landlock: reading and executing, and another user" {
	needs_abi 3
	restrict execute /bin read /etc,/proc
	run_prints 'cat /etc/group | head -n 1; ls /opt 2>/dev/null || echo refused; /opt/facts keyring 2>/dev/null || echo refused; echo x >/tmp/f && echo wrote' 'root:x:0:
refused
refused
wrote'
	# Root sets up the rules: the user couldn't reach the directory.
	mkdir -p rootfs/tmp/closed/open
	chmod 700 rootfs/tmp/closed
	config '.process.user = {uid: 1000, gid: 1000}'
	restrict write /tmp/closed/open,/tmp/f
	rm -f rootfs/tmp/f
	exits 1 runtime run c
	says 'annotations\["org.runnel.landlock.write"\]: allow /tmp/f by Landlock: no such file or directory'
	one_sentence
	nothing_left
	restrict write -/tmp/f,/tmp/closed/open
	run_prints '(echo x >/var/tmp/f) 2>/dev/null || echo refused' refused
	rm -rf rootfs/tmp/closed
}

@test "landlock: processes of exec are restricted, too, also one that waits for start" {
	needs_abi 3
	restrict write /tmp
	sleeping c
	ok runtime exec c touch /tmp/f
	exits 1 runtime exec c touch /var/tmp/f
	says 'Permission denied'
	exits 1 runtime exec --user 1000 c touch /var/tmp/f
	# A program of the host is not the container's.
	rootless || ok runtime exec --ns net c touch "$TMP/host"
	ok runtime delete --force c
	args touch /var/tmp/f
	ok runtime create d
	ok runtime exec d touch /tmp/g
	exits 1 runtime exec d touch /var/tmp/f
	ok runtime start d
	until_true stopped d
	[ ! -e rootfs/var/tmp/f ]
	rm -f rootfs/tmp/f rootfs/tmp/g
}

@test "landlock: TCP ports" {
	needs_abi 4
	restrict bind-tcp 8080 connect-tcp ''
	run_prints 'timeout 2 nc -l -p 8080 -w 1 2>&1 </dev/null | grep -o "Permission denied"; timeout 2 nc -l -p 8081 -w 1 2>&1 </dev/null | grep -o "Permission denied"
		nc 127.0.0.1 8080 2>&1 </dev/null | grep -o "Permission denied"' 'Permission denied
Permission denied'
}

@test "landlock: signals stay within what a process has started" {
	needs_abi 6
	restrict scope signal,abstract-unix-socket
	sleeping c
	exits 1 runtime exec c kill -0 1
	says 'Operation not permitted'
	ok runtime kill c KILL
	until_true stopped c
	ok runtime delete c
	run_prints 'sleep 100 & kill $!; wait $!; echo $?' 143
}

@test "landlock: hooks of the container run under it, and paths don't leave the root" {
	needs_abi 3
	restrict write /tmp
	config '.hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/var/tmp/f"]}]'
	args true
	exits 1 runtime run c
	says 'hooks.startContainer\[0\].*Permission denied'
	config 'del(.hooks)'
	ln -s /proc/self/cwd rootfs/magic
	restrict write /magic
	exits 1 runtime run c
	says 'allow /magic by Landlock: too many levels of symbolic links'
	nothing_left
	rm rootfs/magic
}

@test "landlock: a container with it is not checkpointed, because a restore would be free of it" {
	needs_abi 3
	needs_root 'checkpoint'
	restrict write /tmp
	sleeping c
	exits 1 runtime checkpoint --image-path "$TMP/images" c
	says "annotations: criu can't restore what Landlock restricts"
	has_status c running
}

@test "landlock: mistakes are found before anything is created" {
	restrict wirte /tmp
	exits 1 runtime create c
	says '^runnel create failed: annotations\["org.runnel.landlock.wirte"\]: unknown annotation of Landlock: .*did you mean "write"'
	restrict write tmp bind-tcp 70000 scope signals read ''
	exits 1 runtime check
	matches "$output" 'annotations\["org.runnel.landlock.write"\]: "tmp" is not an absolute path'
	matches "$output" 'annotations\["org.runnel.landlock.bind-tcp"\]: "70000" is not a TCP port'
	matches "$output" 'annotations\["org.runnel.landlock.scope"\]: unknown scope "signals" \(did you mean "signal"\?\)'
	restrict write /absent,-/gone,/tmp,/new,/dev/shm
	config '.mounts += [{destination: "/new/mount", type: "tmpfs", source: "tmpfs"}]'
	exits 1 runtime check
	matches "$output" 'annotations\["org.runnel.landlock.write"\]: allow /absent by Landlock: no such file or directory \(write "-/absent" for'
	matches "$output" $'\n1 error, '
	restrict best-effort true
	exits 1 runtime check
	matches "$output" 'the annotations of Landlock restrict nothing'
	nothing_left
}

@test "landlock: a kernel without it is an error, unless less is enough" {
	args true
	restrict write /tmp scope signal
	if [ "$(abi)" -ge 6 ]; then
		ok runtime check --host
		run_container
		return
	fi
	exits 1 runtime check --host
	matches "$output" "Landlock.*, and can't restrict .*scopes \(ABI 6\) \(org.runnel.landlock.best-effort=true leaves it out\)"
	exits 1 runtime create c
	says "can't restrict"
	nothing_left
	restrict write /tmp scope signal best-effort true
	ok runtime run c
	says "Landlock.*, and can't restrict .*scopes \(ABI 6\): they are not restricted"
}
