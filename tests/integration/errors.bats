#!/usr/bin/env bats
# Errors: one clear sentence, the right exit code, nothing left behind.

load lib

# refused REGEX fails unless create and run both exit with 1, print one sentence that
# matches, and leave nothing.
refused() {
	exits 1 runtime create c
	says "$1"
	one_sentence
	nothing_left
	exits 1 runtime run c
	says "$1"
	one_sentence
	nothing_left
}

@test "no config.json" {
	rm config.json
	refused 'config.json'
}

@test "no bundle" {
	exits 1 runtime create --bundle /no/such/bundle c
	says 'no such file or directory|/no/such/bundle'
	one_sentence
	exits 1 runtime create --bundle "$BUNDLE/config.json" c
	says 'not a directory'
	one_sentence
	nothing_left
}

@test "config.json isn't JSON" {
	echo 'this is not JSON' >config.json
	refused 'invalid character|config\.json:1:1: '
	: >config.json
	refused 'EOF|empty'
	printf '{"ociVersion": "1.0.2",\n "process": {"args": ["true"],,}}' >config.json
	refused 'invalid character|config\.json:2:31: '
}

@test "an error in the JSON is reported with line and column" {
	only_ours 'runc reports neither'
	printf '{"ociVersion": "1.0.2",\n "process": {"args": ["true"],,}}' >config.json
	refused 'config\.json:2:31: '
	printf '{"ociVersion": "1.0.2",\n "process": {"args": "true"}}' >config.json
	refused 'config\.json:2:|line 2'
	refused 'process\.args'
}

@test "config.json is an array, null, or something follows it" {
	only_ours 'runc continues'
	echo '[]' >config.json
	refused 'config.json'
	echo 'null' >config.json
	refused 'config.json|ociVersion|root'
}

@test "no root, no rootfs" {
	config 'del(.root)'
	exits 1 runtime create c
	nothing_left
	only_ours 'runc panics'
	refused 'root'
}

@test "a rootfs that doesn't exist, or isn't a directory" {
	config '.root.path = "absent"'
	refused 'absent.*no such file or directory|no such file or directory.*absent'
	only_ours 'runc continues with it'
	config '.root.path = "config.json"'
	refused 'not a directory'
}

@test "an empty process" {
	config '.process.args = []'
	refused 'args must not be empty'
	config '.process.args = ["true"] | del(.process.cwd)'
	refused 'Cwd property must not be empty|cwd'
	config '.process.cwd = "relative"'
	refused 'must be an absolute path'
}

@test "a program that isn't in PATH" {
	args no-such-program
	refused 'executable file not found in \$PATH'
	says 'no-such-program'
}

@test "a program given by a path that doesn't exist" {
	args /no/such/program
	refused 'no such file or directory'
	says '/no/such/program'
}

@test "a program that isn't executable, and a directory" {
	args /etc/passwd
	refused '/etc/passwd.*permission denied'
	args /etc
	refused '/etc.*(permission denied|is a directory)'
}

@test "a script whose interpreter is missing: the interpreter is named" {
	printf '#!/no/such/interpreter\n' >rootfs/bin/script
	chmod +x rootfs/bin/script
	args /bin/script
	invoke runtime run c
	[ "$status" != 0 ]
	says 'no such file or directory'
	nothing_left
	only_ours 'runc names only the script'
	equal "$status" 255
	says 'interpreter'
	one_sentence
}

@test "a program for another machine, and one that is no program" {
	# The header of an ELF file for aarch64.
	printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00\x01\x00\x00\x00' >rootfs/bin/other
	head -c 100 /dev/zero >>rootfs/bin/other
	chmod +x rootfs/bin/other
	args /bin/other
	invoke runtime run c
	[ "$status" != 0 ]
	says 'exec format error'
	nothing_left
	only_ours 'runc reports less'
	equal "$status" 255
	says 'architecture|aarch64|arm64'
	one_sentence
	echo 'just text' >rootfs/bin/other
	exits 255 runtime run c
	says 'exec format error'
	one_sentence
	nothing_left
	exits 255 runtime run --detach c
	says 'exec format error'
	one_sentence
	nothing_left
}

# not_a_program makes the bundle's program a file that execve(2) refuses.
not_a_program() {
	echo 'just text' >rootfs/bin/text
	chmod +x rootfs/bin/text
	args text
}

# created_and_started FLAG… creates and starts the container. Sets $output to how its process
# has ended, $error to the standard error of start, and $log to that of the process.
created_and_started() {
	ok "$HELPERS/orphans" sh -c '"$@" create c 2>"$TMP/log" && "$@" start c' sh "$RUNTIME" --root "$ROOT" "$@"
	log=$(<"$TMP/log")
}

@test "start of a program that can't be executed: its process says so and exits with 255" {
	export TMP
	not_a_program
	created_and_started
	equal "$log" 'exec /bin/text: exec format error'
	has_status c stopped
	only_ours 'runc before 1.2 exits with 1, and start says nothing'
	equal "$output" 'exit 255'
	says 'level=warning msg=.*process.args\[0\]: exec: .*: exec format error \(it is neither'
	one_sentence
	ok runtime delete c
}

@test "start of a program that can't be executed: the log and the state have the reason" {
	only_ours 'runc says nothing'
	export TMP
	not_a_program
	created_and_started --log "$TMP/log.json" --log-format json
	# Podman reads a log that is one object; containerd shows the last line of level error.
	equal "$(jq -r .level "$TMP/log.json")" warning
	equal "$(jq -r .code "$TMP/log.json")" program_not_executable
	says '^warning: unable to start container process: process.args\[0\]: exec: '
	one_sentence
	ok runtime state c
	equal "$(jq -r .failure <<<"$output")" "$(jq -r .msg "$TMP/log.json")"
	equal "$(jq '.pid, .status' <<<"$output")" $'0\n"stopped"'
	ok runtime list
	matches "$output" 'c +0 +stopped '
	ok runtime list --format json
	equal "$(jq -r '.[].failure' <<<"$output")" "$(jq -r .msg "$TMP/log.json")"
	exits 1 runtime start c
	says 'cannot start a container that has stopped'
	ok runtime delete c
	# One that runs has no such key.
	sleeping
	ok runtime state c
	equal "$(jq 'has("failure")' <<<"$output")" false
}

@test "a program that can't be executed: a missing interpreter, too many arguments" {
	export TMP
	printf '#!/no/such/interpreter\n' >rootfs/bin/text
	chmod +x rootfs/bin/text
	args text
	created_and_started
	equal "$log" 'exec /bin/text: no such file or directory'
	ok runtime delete c
	# One argument is limited to 128 KiB: execve(2).
	config '.process.args = ["true", "x" * 200000]'
	created_and_started
	equal "$log" 'exec /bin/true: argument list too long'
	ok runtime delete c
}

@test "a program that can't be executed, and a standard error that nobody reads any more" {
	only_ours 'runc exits with SIGPIPE'
	not_a_program
	ok "$HELPERS/orphans" sh -c '"$@" create c 2>&1 >/dev/null | true && "$@" start c' sh "$RUNTIME" --root "$ROOT"
	equal "$output" 'exit 255'
	ok runtime delete c
}

@test "a program that can't be executed: poststart and poststop hooks run, as for one that ends at once" {
	export TMP
	not_a_program
	config '.hooks = {poststart: [{path: "/bin/sh", args: ["sh", "-c", $s], env: ["OUT=" + $t + "/poststart"]}],
		poststop: [{path: "/bin/sh", args: ["sh", "-c", $s], env: ["OUT=" + $t + "/poststop"]}]}' \
		--arg s 'PATH=/bin:/usr/bin; cat >$OUT' --arg t "$TMP"
	created_and_started
	ok runtime delete c
	equal "$(jq -r .status "$TMP/poststop")" stopped
	[ -e "$TMP/poststart" ]
	only_ours 'runc runs poststart hooks before it executes the program'
	equal "$(jq -c '[.status, .pid]' "$TMP/poststart")" '["stopped",null]'
	# If the hook fails, so does start: runtime.md, lifecycle, step 9.
	rm "$TMP/poststop"
	config '.hooks.poststart[0].args[2] = "exit 3"'
	ok runtime create c
	exits 1 runtime start c
	says 'error running poststart hook #0'
	says 'level=warning .*exec format error'
	has_status c none
	[ -e "$TMP/poststop" ]
}

@test "a namespace of an unknown type" {
	config '.linux.namespaces += [{"type": "nonsense"}]'
	refused 'nonsense'
}

@test "the same namespace twice" {
	config '.linux.namespaces += [{"type": "pid"}]'
	refused 'duplicate'
	is_ours && says 'pid' || ! is_ours
}

@test "the same rlimit twice, and an unknown one" {
	config '.process.rlimits = [{"type": "RLIMIT_NONSENSE", "soft": 1, "hard": 1}]'
	refused 'RLIMIT_NONSENSE'
	only_ours 'runc uses the last one'
	config '.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}, {"type": "RLIMIT_CORE", "soft": 2, "hard": 2}]'
	refused 'RLIMIT_CORE'
}

@test "a namespace to join that doesn't exist, has another type, or a relative path" {
	config '(.linux.namespaces[] | select(.type == "network")).path = "/no/such/ns"'
	refused '/no/such/ns'
	config '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/uts"'
	exits 1 runtime create c
	nothing_left
	only_ours 'runc names neither'
	refused 'namespaces\[1\]|network'
	config '(.linux.namespaces[] | select(.type == "network")).path = "proc/self/ns/net"'
	refused 'absolute'
}

@test "a hostname without a UTS namespace" {
	config 'del(.linux.namespaces[] | select(.type == "uts"))'
	refused 'unable to set hostname without a private UTS namespace'
}

@test "masked paths without a mount namespace" {
	config 'del(.linux.namespaces[] | select(.type == "mount"))'
	refused 'mount namespace|MNT namespace|mount'
}

@test "a user namespace without maps, maps without a user namespace" {
	needs_root 'do without a user namespace'
	config '.linux.namespaces += [{"type": "user"}]'
	refused 'user namespaces? .*mapping|mapping'
	config 'del(.linux.namespaces[] | select(.type == "user")) | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]'
	only_ours 'runc 1.1 continues'
	refused 'user namespace'
}

@test "a sysctl of the host" {
	config '.linux.sysctl = {"kernel.panic": "1"}'
	refused 'kernel.panic'
	config '.linux.sysctl = {"kernel.hostname": "x"}'
	refused 'hostname'
}

@test "the error of a mount names the mount" {
	config '.mounts += [{"destination": "/mnt", "type": "nosuchfs", "source": "none"}]'
	refused '/mnt'
	config '.mounts[-1] = {"destination": "/mnt", "type": "bind", "source": "/no/such/source", "options": ["bind"]}'
	refused '/no/such/source'
	says 'no such file or directory'
	only_ours 'runc has no places'
	says 'mounts\[6\]'
}

@test "a file on a directory and a directory on a file: Docker looks for \"not a directory\"" {
	mkdir "$TMP/folder"
	touch "$TMP/file" rootfs/file
	config '.mounts += [{"destination": "/mnt", "type": "bind", "source": ($t + "/file"), "options": ["bind"]}]' --arg t "$TMP"
	refused '/mnt.*: not a directory'
	! is_ours || says 'mounts\[6\] /mnt: .*a file can only be mounted on a file'
	config '.mounts[-1] |= (.source = $t + "/folder" | .destination = "/file")' --arg t "$TMP"
	refused '/file.*: not a directory'
}

@test "a label or profile of a security module that isn't enabled" {
	[ ! -d /sys/module/apparmor ] || skip 'the host has AppArmor'
	only_ours 'runc 1.1 reports it at another time'
	config '.process.apparmorProfile = "some-profile"'
	refused '[aA]pp[aA]rmor'
	config 'del(.process.apparmorProfile) | .process.selinuxLabel = "a:b:c:s0"'
	refused 'selinux|SELinux'
}

@test "an unknown capability is a warning" {
	config '.process.capabilities.bounding += ["CAP_NONSENSE"]'
	run_container
	says 'CAP_NONSENSE'
}

@test "fields that aren't supported are refused by name" {
	only_ours 'runc 1.1 ignores them'
	config '.linux.personality = {"domain": "LINUX", "flags": ["X"]}'
	refused 'personality'
	config 'del(.linux.personality) | .linux.intelRdt = {"closID": "x"}'
	refused 'intelRdt|RDT'
}

@test "unknown properties are ignored" {
	config '.unknown = {"a": 1} | .process.unknown = [1] | .linux.unknown = null'
	run_container
}

@test "an ociVersion that isn't a version" {
	only_ours 'runc does not look'
	config '.ociVersion = "garbage"'
	refused 'ociVersion'
	config 'del(.ociVersion)'
	refused 'ociVersion'
}

@test "a terminal without a console socket, and a console socket without a terminal" {
	config '.process.terminal = true'
	exits 1 runtime create c
	says 'cannot allocate tty if (runc|runnel) will detach without setting console socket'
	one_sentence
	exits 1 runtime run --detach c
	says 'cannot allocate tty'
	config '.process.terminal = false'
	exits 1 runtime create --console-socket "$TMP/s" c
	says 'cannot use console socket if (runc|runnel) will not detach or allocate tty'
	nothing_left
}

@test "a console socket that doesn't exist" {
	config '.process.terminal = true'
	exits 1 runtime create --console-socket "$TMP/s" c
	says "$TMP/s|console socket"
	one_sentence
	nothing_left
}

@test "a create that fails doesn't prevent a later one" {
	args /no/such/program
	exits 1 runtime run c
	args true
	run_container c
	nothing_left
}

@test "pause, resume, update and ps of a container in the wrong state" {
	args true
	ok runtime run --keep c
	exits 1 runtime pause c
	says 'container not running'
	exits 1 runtime resume c
	says 'container not paused'
	one_sentence
	exits 1 runtime pause absent
	says 'container does not exist'
	exits 1 runtime resume absent
	exits 1 runtime ps absent
	exits 1 runtime update --memory 64m absent
	says 'container does not exist'
	one_sentence
}

@test "a hook that prints nothing, a pid file and a log that can't be written" {
	only_ours 'runc prints the labels of what is empty, and temporary names'
	config '.hooks.createRuntime = [{"path": "/bin/false"}]'
	exits 1 runtime run c
	equal "$error" 'runnel run failed: error running createRuntime hook #0: hooks.createRuntime[0] /bin/false: exit status 1'
	config '.hooks = {"createContainer": [{"path": "/bin/false"}]}'
	exits 1 runtime run c
	equal "$error" 'runnel run failed: error running createContainer hook #0: hooks.createContainer[0] /bin/false: exit status 1'
	config '.hooks = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo why; exit 1"]}]}'
	exits 1 runtime run c
	says 'exit status 1, output: why$'
	config 'del(.hooks)'
	exits 1 runtime run --pid-file /nosuch/pid c
	equal "$error" 'runnel run failed: pid file /nosuch/pid: no such file or directory'
	mkdir directory
	exits 1 runtime run --pid-file directory c
	equal "$error" 'runnel run failed: pid file directory: is a directory'
	exits 1 runtime --log /nosuch/log state c
	equal "$error" 'open log /nosuch/log: no such file or directory'
	nothing_left
}

@test "without systemd, that is all that is said" {
	only_ours 'runc words it differently'
	[ ! -e /run/systemd/private ] && [ ! -e /run/dbus/system_bus_socket ] || skip 'the host has systemd or D-Bus'
	needs_root 'ask the system for a cgroup'
	config 'del(.linux.cgroupsPath)'
	exits 1 runtime --systemd-cgroup run c
	says "connect to the system's systemd: it doesn't run here: no such file or directory$"
	one_sentence
	config '.linux.cgroupsPath = "/a/b"'
	exits 1 "$RUNTIME" --root "$ROOT" --systemd-cgroup check --host
	equal "$(grep -c 'linux.cgroupsPath: expected cgroupsPath to be of format' <<<"$output")" 1
	matches "$output" '1 error, no warnings'
}

@test "the texts about what a user may not do: each place and program once" {
	only_ours 'runc words it differently'
	needs_root 'become another user'
	needs_namespace user
	command -v setpriv >/dev/null || skip 'the host has no setpriv'
	chmod 0755 "$TMP" "${BATS_RUN_TMPDIR%/}"
	mkdir -m 0700 "$TMP/own"
	chown 1000:1000 "$TMP/own"
	config '.linux.namespaces += [{"type": "user"}] | .linux.resources = {"pids": {"limit": 10}, "memory": {"limit": 50000000}} |
		.linux.uidMappings = [{"containerID": 0, "hostID": 1000, "size": 1}] | .linux.gidMappings = .linux.uidMappings |
		del(.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid=")))'
	as_user() { invoke timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$RUNTIME" --root "$TMP/own" "$@"; }
	config '.linux.cgroupsPath = "/elsewhere"'
	as_user check --host
	equal "$status" 1
	equal "$(grep -c cgroup <<<"$output")" 1
	matches "$output" 'linux\.resources\.memory: create cgroup [^ ]*/elsewhere: .*\(a limit needs a cgroup that is delegated to this user: .*\); the same holds for linux\.resources\.pids'
	config 'del(.linux.resources)'
	as_user check --host
	matches "$output" 'linux\.cgroupsPath "/elsewhere": create cgroup [^ ]*/elsewhere: [^:]*: permission denied \(this user'
	command -v newgidmap >/dev/null || skip 'the host has no newgidmap'
	config 'del(.linux.cgroupsPath) | .linux.gidMappings += [{"containerID": 1, "hostID": 5000, "size": 10}]'
	as_user run c
	equal "$(grep -o newgidmap: <<<"$error" | wc -l)" 1
}
