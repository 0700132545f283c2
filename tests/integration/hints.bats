#!/usr/bin/env bats
# The details of an error in the JSON log, and the hints where the
# errno misleads.

load lib

# logs COMMAND… runs a command that must fail, and sets $line to the last line of its log.
logs() {
	rm -f "$TMP/log"
	invoke runtime --log "$TMP/log" --log-format json "$@"
	[ "$status" != 0 ] || fail "it has succeeded: $*"
	# containerd reads a stream of objects and uses the last one of level "error".
	line=$(jq -s -c '[.[] | select(.level == "error")][-1]' "$TMP/log")
	equal "$(jq -r .msg <<<"$line")" "$error"
}

# has_details CODE STEP FIELD ERRNO compares the keys of $line; - is for a missing key.
has_details() {
	equal "$(jq -r '[.code, .step, .field, .errno] | map(. // "-") | join(" ")' <<<"$line")" "$*"
}

# hints REGEX fails unless the hint matches and is in the sentence, too.
hints() {
	local hint
	hint=$(jq -r '.hint // ""' <<<"$line")
	grep -qE -- "$1" <<<"$hint" || fail "the hint of: $line" "doesn't match: $1"
	grep -qF -- "$hint" <<<"$error" || fail "the hint isn't in: $error"
}

# mount_of JSON adds a mount.
mount_of() { config ".mounts += [$1]" "${@:2}"; }

user_namespace() {
	config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
}

@test "runc's keys come first; other keys are there only if something is known" {
	only_ours 'runc has only its own keys'
	logs state absent
	equal "$(jq -r 'keys_unsorted | join(" ")' <<<"$line")" 'level msg time code'
	has_details container_not_found - - -
	mount_of '{"destination": "/mnt", "type": "bind", "source": "/no/such", "options": ["bind"]}'
	logs create c
	equal "$(jq -r 'keys_unsorted | join(" ")' <<<"$line")" 'level msg time code step field errno'
	# podman reads the whole file as one object
	equal "$(wc -l <"$TMP/log")" 1
}

@test "without --log an error in JSON goes to standard error, and nothing else does" {
	exits 1 runtime --log-format json state absent
	matches "$(jq -r .msg <<<"$error")" '^container does not exist'
	equal "$(jq -r .level <<<"$error")" error
	one_sentence
	exits 1 runtime state absent
	only_ours 'runc writes its text format'
	equal "$error" "container does not exist: absent in the state root $ROOT"
}

@test "the codes of operations on containers" {
	only_ours 'runc has no error codes'
	sleeping c
	logs run c
	has_details container_exists state - -
	logs start c
	has_details wrong_state - - -
	logs delete c
	has_details wrong_state - - -
	logs resume c
	has_details wrong_state - - -
	logs exec c no-such-program
	has_details program_not_found resolve-exec /process/args/0 ENOENT
	logs kill c NONSENSE
	has_details invalid_argument - - -
	logs state 'a/b'
	has_details invalid_argument - - -
	logs exec --cgroup ../.. c true
	has_details cgroup_failed cgroup - -
	ok runtime kill c KILL
	until_true stopped c
	logs kill c TERM
	has_details not_running - - -
	logs pause c
	has_details not_running - - -
	logs nonsense
	has_details invalid_argument - - -
}

@test "the codes of bundle and config" {
	only_ours 'runc has no error codes'
	logs create --bundle "$TMP/absent" c
	has_details bundle_invalid bundle - ENOENT
	config '.process.args = 1'
	logs create c
	has_details config_invalid config /process/args -
	args
	logs create c
	has_details config_invalid config /process/args -
	args true
	config '.linux.sysctl = {"kernel.panic/x": "1"}'
	logs create c
	has_details config_invalid config /linux/sysctl/kernel.panic~1x -
	config 'del(.linux.sysctl) | .root.path = "absent"'
	logs create c
	has_details bundle_invalid bundle /root/path ENOENT
	config '.root.path = "rootfs" | .linux.seccomp = {"defaultAction": "SCMP_ACT_NONSENSE"}'
	logs create c
	has_details config_invalid seccomp /linux/seccomp/defaultAction -
}

@test "the codes of failures of the kernel or of a hook" {
	only_ours 'runc has no error codes'
	config '.linux.sysctl = {"net.ipv4.ip_forward": "nonsense"}'
	logs create c
	has_details process_failed sysctl /linux/sysctl/net.ipv4.ip_forward EINVAL
	config 'del(.linux.sysctl) | (.linux.namespaces[] | select(.type == "network")).path = "/no/such"'
	logs create c
	has_details namespace_failed join /linux/namespaces/1 ENOENT
	config '(.linux.namespaces[] | select(.type == "network")) |= del(.path) | .linux.netDevices = {"nosuch0": {}}'
	logs create c
	has_details network_failed network-device /linux/netDevices/nosuch0 ENODEV
	config 'del(.linux.netDevices) | .hooks.createContainer = [{"path": "/bin/true"}, {"path": "/bin/false"}]'
	logs create c
	has_details hook_failed hook /hooks/createContainer/1 -
	config '.hooks = {"prestart": [{"path": "/no/such"}]}'
	logs create c
	has_details hook_failed hook /hooks/prestart/0 ENOENT
	config 'del(.hooks) | .linux.resources.cpu.cpus = "nonsense"'
	logs create c
	has_details cgroup_failed cgroup /linux/resources/cpu/cpus -
	needs_controller cpu
	config '.linux.resources.cpu = {"quota": 1000000000000000}'
	logs create c
	has_details cgroup_failed cgroup /linux/resources/cpu/quota EINVAL
}

@test "a program whose loader is missing: the loader is named" {
	only_ours 'runc reports only "no such file or directory"'
	# An ELF header and one program header, PT_INTERP, for this machine.
	{
		head -c 20 "$(command -v busybox)"
		printf '\x01\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0'
		printf '\x03\0\0\0\x04\0\0\0\x78\0\0\0\0\0\0\0\x78\0\0\0\0\0\0\0\x78\0\0\0\0\0\0\0\x0e\0\0\0\0\0\0\0\x0e\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0'
		printf '/lib/no-loader\0'
	} >rootfs/bin/dynamic
	# The name has 14 bytes, with the NUL at its end.
	printf '\x0f' | dd of=rootfs/bin/dynamic bs=1 seek=96 conv=notrunc status=none
	chmod +x rootfs/bin/dynamic
	args dynamic
	logs run c
	has_details program_not_found exec /process/args/0 ENOENT
	hints '^its dynamic loader, /lib/no-loader, isn.t in the container$'
}

@test "a program that isn't found: where it was looked for, and what its name is" {
	only_ours 'runc reports less'
	args nosuch
	logs create c
	has_details program_not_found resolve-exec /process/args/0 ENOENT
	hints '^PATH is /'
	config '.process.env = ["PATH=/a:/b"]'
	logs create c
	hints '^PATH is /a:/b$'
	config '.process.cwd = "/opt"'
	args ./nosuch
	logs create c
	hints '^it is relative to the working directory, /opt$'
	args 'sh -c "echo hello"'
	logs create c
	hints '^args\[0\] is the program alone: each argument is an element of its own$'
	args /bin/sleep 1000
	ok runtime run --detach c
	logs exec --cwd /tmp c bin/nosuch
	hints '^it is relative to the working directory, /tmp$'
}

@test "processors beyond those of the host, and a terminal that nobody receives" {
	only_ours 'runc reports less'
	if cgroup_v1; then
		needs_controller cpuset
		config '.linux.resources.cpu.cpus = "0,4000"'
		logs create c
		hints '^the host has the processors 0'
		config 'del(.linux.resources)'
	fi
	config '.process.terminal = true'
	logs create c
	has_details invalid_argument console /process/terminal -
	says 'process\.terminal: cannot allocate tty .*set process\.terminal to false, or give --console-socket'
}

@test "a program for another machine, and text without #!" {
	only_ours 'runc reports only "exec format error"'
	printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00\x01\x00\x00\x00' >rootfs/bin/other
	head -c 100 /dev/zero >>rootfs/bin/other
	chmod +x rootfs/bin/other
	args other
	logs run c
	has_details program_not_executable exec /process/args/0 ENOEXEC
	hints 'a program for arm64'
	echo 'echo text' >rootfs/bin/other
	logs run c
	has_details program_not_executable exec /process/args/0 ENOEXEC
	hints 'neither a program nor a script with a #! line'
}

@test "a program on a mount without execution, by path and in PATH" {
	only_ours 'runc reports only "permission denied"'
	mount_of '{"destination": "/data", "type": "bind", "source": ($b + "/rootfs/bin"), "options": ["bind", "noexec"]}' --arg b "$BUNDLE"
	args /data/busybox
	logs create c
	has_details program_not_executable resolve-exec /process/args/0 EACCES
	hints '^the mount /data is noexec$'
	args busybox
	config '.process.env = ["PATH=/data:/nothing"]'
	logs create c
	has_details program_not_executable resolve-exec /process/args/0 EACCES
	hints '^the mount /data is noexec$'
	# Through a symlink of the image the mount can't be identified by its path.
	ln -s data rootfs/link
	args /link/busybox
	logs create c
	hints 'on a mount that is noexec'
	# An executable one in a later directory is used.
	args busybox true
	config '.process.env = ["PATH=/data:/bin"]'
	run_container
}

@test "a program that is open for writing, a loop of symlinks, too many arguments" {
	only_ours 'runc reports less'
	cp rootfs/bin/busybox rootfs/opt/busy
	exec 7>>rootfs/opt/busy
	args /opt/busy
	logs run c
	exec 7>&-
	has_details program_not_executable exec /process/args/0 ETXTBSY
	hints 'open for writing'
	ln -s circle rootfs/circle
	args /circle
	logs create c
	has_details program_not_executable resolve-exec /process/args/0 ELOOP
	hints circle
	args /etc
	logs create c
	has_details program_not_executable resolve-exec /process/args/0 EISDIR
	config '.process.args = ["/bin/true", ([range(200000) | "x"] | join(""))]'
	logs run c
	has_details process_failed exec /process/args/0 E2BIG
	hints 'too long'
}

@test "a root file system whose owner isn't mapped" {
	only_ours 'runc reports only "permission denied"'
	user_namespace
	mount_of '{"destination": "/new", "type": "tmpfs", "source": "tmpfs"}'
	logs create c
	has_details mount_failed mount /mounts/6 EACCES
	hints "$BUNDLE/rootfs belongs to uid 0, which isn.t mapped into the user namespace"
	# A program below a directory of such an owner.
	config 'del(.mounts[6])'
	mkdir -m 700 rootfs/private
	cp rootfs/bin/busybox rootfs/private/prog
	args /private/prog
	logs create c
	has_details program_not_executable resolve-exec /process/args/0 EACCES
	hints "$BUNDLE/rootfs/private belongs to uid 0"
	# The source of a mount.
	args true
	mkdir "$TMP/source"
	mount_of '{"destination": "/mnt", "type": "bind", "source": ($t + "/source"), "options": ["bind"]},
		{"destination": "/mnt/new", "type": "tmpfs", "source": "tmpfs"}' --arg t "$TMP"
	logs create c
	has_details mount_failed mount /mounts/7 EACCES
	hints "$TMP/source belongs to uid 0"
}

@test "an unknown file system, and an unknown option" {
	only_ours 'runc reports only the errno'
	mount_of '{"destination": "/mnt", "type": "nosuchfs", "source": "none"}'
	logs create c
	has_details mount_failed mount /mounts/6 ENODEV
	hints '/proc/filesystems'
	config '.mounts[6] = {"destination": "/mnt", "type": "tmpfs", "source": "none", "options": ["nonsense=1"]}'
	logs create c
	has_details mount_failed mount /mounts/6 EINVAL
	says "Unknown parameter 'nonsense'"
	mount_of '{"destination": "/circle/x", "type": "tmpfs", "source": "none"}'
	config 'del(.mounts[6])'
	ln -s circle rootfs/circle
	logs create c
	has_details mount_failed mount /mounts/6 ELOOP
	hints 'loop of symbolic links'
}

@test "a file system that can't be mounted in a user namespace" {
	only_ours 'runc reports only the errno'
	grep -qw ext4 /proc/filesystems || skip 'the kernel has no ext4'
	user_namespace
	mount_of '{"destination": "/mnt", "type": "ext4", "source": "/dev/null"}'
	logs create c
	has_details mount_failed mount /mounts/6 EPERM
	hints "doesn't permit mounting ext4 in a user namespace"
	config 'del(.mounts[6]) | .linux.namespaces |= map(select(.type != "pid"))'
	logs create c
	has_details mount_failed mount /mounts/0 EPERM
	hints 'pid namespace of its own'
}

overlay() {
	mount_of '{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": $ARGS.positional}' --args -- "$@"
}

@test "overlay: too many layers, options that are too long" {
	only_ours 'runc reports only the errno'
	grep -qw overlay /proc/filesystems || skip 'the kernel has no overlay'
	mount_of '{"destination": "/mnt", "type": "overlay", "source": "overlay",
		"options": ["lowerdir=" + ([range(501) | "/"] | join(":"))]}'
	logs create c
	has_details mount_failed mount /mounts/6 EINVAL
	hints '501 layers in lowerdir, and overlay takes 500'
	config '.mounts[6].options = ["lowerdir=" + ([range(300) | "/a/longer/path"] | join(":"))]'
	logs create c
	has_details mount_failed mount /mounts/6 E2BIG
	hints '4096 bytes'
}

@test "overlay: directories that it refuses" {
	only_ours 'runc reports only the errno'
	grep -qw overlay /proc/filesystems || skip 'the kernel has no overlay'
	mkdir "$TMP"/{l,u,w}
	overlay "lowerdir=$TMP/l" upperdir=/proc/sys "workdir=$TMP/w"
	logs create c
	has_details mount_failed mount /mounts/6 EINVAL
	hints 'upperdir and workdir must be on one mount'
	config '.mounts[6].options = ["lowerdir=" + $t + "/no", "upperdir=" + $t + "/u", "workdir=" + $t + "/w"]' --arg t "$TMP"
	logs create c
	has_details mount_failed mount /mounts/6 ENOENT
	says "lowerdir=$TMP/no"
	user_namespace
	config '.mounts[6].options = ["lowerdir=" + $t + "/l", "upperdir=" + $t + "/u", "workdir=" + $t + "/w", "metacopy=on"]' --arg t "$TMP"
	chmod 755 "$BATS_RUN_TMPDIR"
	logs create c
	has_details mount_failed mount /mounts/6 EACCES
	hints "$TMP belongs to uid 0"
	chmod 755 "$TMP"
	logs create c
	has_details mount_failed mount /mounts/6 EPERM
	hints 'may not be used in a user namespace'
}

@test "a runtime without CAP_SYS_ADMIN reports that" {
	only_ours 'runc reports only the errno'
	command -v capsh >/dev/null || skip 'the host has no capsh'
	rm -f "$TMP/log"
	invoke timeout 20 capsh --drop=cap_sys_admin -- -c \
		"exec '$RUNTIME' --root '$ROOT' --log '$TMP/log' --log-format json create c"
	[ "$status" != 0 ]
	line=$(<"$TMP/log")
	equal "$(jq -r .errno <<<"$line")" EPERM
	hints 'the runtime lacks CAP_SYS_ADMIN'
	nothing_left
}

@test "a limit above what the kernel allows" {
	only_ours 'runc reports only the errno'
	config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 10000000000}]'
	logs create c
	has_details process_failed rlimit /process/rlimits/0 EPERM
	hints "^fs.nr_open is $(</proc/sys/fs/nr_open)$"
}

@test "a memory limit that is too low to create the container" {
	only_ours 'runc needs other system calls'
	needs_controller memory
	config '.linux.resources.memory.limit = 1048576'
	mount_of '{"destination": "/opt", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	head -c 4000000 /dev/zero >rootfs/opt/large
	logs create c
	has_details out_of_memory cgroup /linux/resources/memory/limit -
	hints 'the limit is too low'
	nothing_left
}

@test "too many namespaces" {
	only_ours 'runc reports only the errno'
	# A limit of a new user namespace, in which unshare(1) is root.
	unshare --user --map-root-user true 2>/dev/null || skip 'user namespaces are not allowed here'
	invoke unshare --user --map-root-user sh -c "echo 0 >/proc/sys/user/max_uts_namespaces &&
		exec timeout 20 '$RUNTIME' --root '$TMP/own' --log '$TMP/log' --log-format json create c"
	[ "$status" != 0 ]
	line=$(tail -n 1 "$TMP/log")
	equal "$(jq -r '.code + " " + .errno' <<<"$line")" 'namespace_failed ENOSPC'
	hints 'a limit in /proc/sys/user is reached'
}

# nested FILTER makes the bundle a container in which the runtime runs a container
# itself. The filter changes the outer config. It sets $line to the inner error.
nested() {
	local inner=rootfs/in/b
	if [ ! -d "$inner" ]; then
		mkdir -p "$inner/rootfs/bin"
		cp rootfs/bin/busybox "$inner/rootfs/bin/true"
		cp "$RUNTIME" rootfs/in/runtime
		jq 'del(.linux.cgroupsPath, .linux.resources)' config.json >"$inner/config.json"
		config '.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}] |
			.process.capabilities[] += ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_SETPCAP", "CAP_NET_ADMIN"] |
			.process.args = ["/in/runtime", "--root", "/in/s", "--rootless", "true", "--log", "/in/log", "--log-format", "json",
				"run", "--bundle", "/in/b", "nested"]'
		cp config.json outer.json
	fi
	jq "$1" outer.json >config.json
	rm -f rootfs/in/log
	invoke runtime run c
	line=$(tail -n 1 rootfs/in/log)
}

@test "a runtime in a container: a seccomp filter, a covered /proc, an id that may not be mapped" {
	only_ours 'runc reports only the errno'
	[ "$(awk '/^Seccomp:/ {print $2}' /proc/self/status)" = 0 ] || skip 'a seccomp filter is in force here, too'
	nested .
	equal "$status $error" '0 '
	nested '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}'
	has_details mount_failed propagation /linux/rootfsPropagation EPERM
	hints 'a seccomp filter is in force for the runtime itself'
	(
		cd rootfs/in/b || return
		config '.linux.namespaces += [{"type": "user"}] |
			.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1000}] | .linux.gidMappings = .linux.uidMappings'
	)
	nested .
	has_details namespace_failed maps /linux/uidMappings EPERM
	hints 'the runtime lacks CAP_SETFCAP'
	nested '.process.capabilities[] += ["CAP_SETFCAP"]'
	has_details mount_failed mount /mounts/0 EPERM
	hints 'nothing is mounted below /proc on the host, but there is /proc/'
	# Without mounts on it there is no error.
	nested '.process.capabilities[] += ["CAP_SETFCAP"] | .linux.readonlyPaths = [] | .linux.maskedPaths = [] | .mounts[5].options = []'
	equal "$status $error" '0 '
}
