#!/usr/bin/env bats
# debug: tools of the host in a container that has none.

load lib

setup_file() {
	load lib
	only_ours 'the command debug'
}

# bare runs a container of an image with one static program, and nothing else.
bare() {
	[ -x /bin/busybox ] || skip 'the host has no busybox'
	rm -rf rootfs
	mkdir -p rootfs/etc rootfs/opt rootfs/tmp
	cp "$HELPERS/pidwait" rootfs/sleeper
	echo content >rootfs/etc/file
	ln -s etc/file rootfs/link
	args /sleeper 1 1000000
	ok runtime run --detach c
}

# snapshot prints what a debug could have changed.
snapshot() {
	cat "/proc/$(pid_of c)/mountinfo"
	find rootfs -printf '%p %i %m %U %T@ %C@\n' | sort
	runtime ps --format json c
}

@test "debug gives a container without a shell the host's busybox, and changes nothing" {
	bare
	local before
	before=$(snapshot)
	ok runtime debug c sh -c 'cat /link; ls -a / | xargs; cat /proc/1/comm; echo $PATH'
	equal "$(head -n 3 <<<"$output")" $'content\n. .. .tools dev etc link opt proc sleeper sys tmp\nsleeper'
	[[ $(tail -n 1 <<<"$output") == /.tools:/* ]]
	exits 1 runtime debug c touch /.tools/x
	says 'Read-only'
	exits 1 runtime debug c touch /x
	says 'Read-only'
	equal "$(snapshot)" "$before"
	ok runtime debug c touch /opt/made
	[ -e rootfs/opt/made ]
}

@test "its process is as one of exec" {
	config '.process.user = {"uid": 0, "gid": 0, "additionalGids": [0]} | .process.env += ["CONTAINER=yes"] | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	sleeping c
	local script='cd /proc/self; grep -E "^(Cap|Uid|NoNewPrivs|Seccomp)" status; cat cgroup; for n in ipc net pid uts user; do readlink ns/$n; done; echo $CONTAINER; mkdir /tmp/d || echo refused'
	ok runtime exec c sh -c "$script"
	local want=$output
	ok runtime debug c sh -c "$script"
	prints "$want"
	ok runtime debug --env A=b --cwd /tmp c sh -c 'pwd; echo $A'
	prints $'/tmp\nb'
	ok runtime exec c readlink /proc/self/ns/mnt
	want=$output
	ok runtime debug c readlink /proc/self/ns/mnt
	[ "$output" != "$want" ]
}

@test "Landlock restricts it as the container's processes, but for its tools" {
	[ "$(runtime info --format json | jq '.facts[] | select(.name == "Landlock") | .works')" = true ] || skip 'the kernel has no Landlock'
	config '.annotations["org.runnel.landlock.execute"] = "/sleeper" | .annotations["org.runnel.landlock.read"] = "/etc,/sleeper"'
	bare
	ok runtime debug c sh -c 'cat /link; ls /opt 2>/dev/null || echo refused; ls /.tools/sh'
	prints $'content\nrefused\n/.tools/sh'
}

@test "what it mounts is its own" {
	bare
	local before
	before=$(snapshot)
	ok runtime debug --cap CAP_SYS_ADMIN c sh -c 'mount -t tmpfs own /opt && grep -c " own " /proc/self/mountinfo'
	prints 1
	equal "$(snapshot)" "$before"
	! grep " own " /proc/self/mountinfo || fail 'it is mounted on the host'
}

@test "debug --privileged adds CAP_SYS_PTRACE" {
	bare
	caps() { ok runtime debug "$@" c awk '/CapEff/ {print $2}' /proc/self/status; }
	caps
	local usual=$((16#$output))
	caps --privileged
	equal $((16#$output)) $((usual | 1 << 19))
}

@test "debug --tools with a directory, and with a program" {
	bare
	mkdir -p "$TMP/tools/bin" "$TMP/tools/usr/bin"
	chmod 755 "$TMP"
	cp /bin/busybox "$TMP/tools/bin/sh"
	cp /bin/busybox "$TMP/tools/usr/bin/busybox"
	cp /bin/busybox "$TMP/tools/cat"
	cp /bin/busybox "$TMP/busybox-own"
	ok runtime debug --tools "$TMP/tools" c sh -c 'cat /link; echo $PATH; echo /.tools/*'
	equal "$(sed -n '1p;3p' <<<"$output")" $'content\n/.tools/bin /.tools/cat /.tools/usr'
	[[ $(sed -n 2p <<<"$output") == /.tools:/.tools/usr/bin:/.tools/bin:/* ]]
	ok runtime debug --tools "$TMP/busybox-own" c readlink /proc/self/exe
	prints /.tools/busybox-own
	cp "$HELPERS/pidwait" "$TMP/one"
	exits 255 runtime debug --tools "$TMP/one" c sh
	says 'executable file not found'
	exits 0 runtime debug --tools "$TMP/one" c one 999999 1
}

@test "what can't be tools is refused with what to give" {
	bare
	exits 255 runtime debug --tools "$TMP/absent" c sh
	says "debug failed: tools: .*$TMP/absent: no such file or directory"
	one_sentence
	exits 255 runtime debug --tools "$(command -v bash)" c sh
	says 'is linked dynamically.*give --tools a static program'
	exits 255 runtime debug --tools /etc/passwd c sh
	says 'neither a directory nor a program'
}

@test "debug exits as its process, and 255 for its own failures" {
	bare
	exits 7 runtime debug c sh -c 'exit 7'
	exits 255 runtime debug c no-such-program
	says 'executable file not found in \$PATH'
	exits 255 runtime debug absent
	says 'container does not exist'
	ok runtime debug --detach c sleep 1000
	equal "$(runtime ps --format json c | jq length)" 2
}

@test "without a command it is a shell, with a terminal if there is one" {
	bare
	ok runtime debug c
	echo 'echo $((6 * 7))' >"$TMP/input"
	equal "$(runtime debug c <"$TMP/input")" 42
	ok runtime debug --tty c tty
	matches "$output" '^/dev/pts/'
}

@test "debug in a container that is created, paused or stopped" {
	bare
	if runtime pause c; then
		exits 255 runtime debug c true
		says 'cannot exec in a paused container'
		ok runtime resume c
	fi
	ok runtime kill c KILL
	until_true stopped c
	exits 255 runtime debug c true
	says 'cannot exec in a stopped container'
	ok runtime delete c
	ok runtime create c
	ok runtime debug c cat /link
	prints content
}

@test "debug with a user namespace" {
	needs_root 'map what ids it likes'
	needs_namespace user
	config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	chmod 755 "$TMP"
	mkdir -p rootfs/{proc,dev,sys}
	config '.mounts |= map(select(.destination | startswith("/sys") | not)) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	chown -R 100000:100000 rootfs
	args sleep 1000
	ok runtime run --detach c
	ok runtime debug c sh -c 'id -u; readlink /proc/self/exe; ls -d /opt /bin'
	prints $'0\n/.tools/busybox\n/bin\n/opt'
	ok runtime delete --force c
	ok runtime create c
	ok runtime debug c true
}

@test "a root with links, files and a directory .tools of its own" {
	[ -x /bin/busybox ] || skip 'the host has no busybox'
	mkdir rootfs/.tools
	touch rootfs/.tools/own rootfs/file
	mkfifo rootfs/fifo
	ln -s /nowhere rootfs/dangling
	ln -s "../../../../../$TMP" rootfs/up
	sleeping c
	ok runtime debug c sh -c 'ls /.tools/own 2>/dev/null; readlink /dangling; ls -d /file /fifo; ls /up/ 2>/dev/null; true'
	prints $'/nowhere\n/fifo\n/file'
}

@test "a container without a mount namespace of its own" {
	needs_root 'do without a mount namespace'
	config 'del(.linux.namespaces[] | select(.type == "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	sleeping c
	exits 255 runtime debug c true
	says 'c has no mount namespace of its own'
}
