#!/usr/bin/env bats
# runnel check reports all problems of a bundle, and the same ones as create.

load lib

# check ARG… runs `runnel check` and sets $status and $output.
check() { invoke timeout 20 "$RUNTIME" --root "$ROOT" check "$@"; }

# finds LEVEL REGEX fails unless the last check has printed a matching line.
finds() { grep -qE -- "^[^ ]*config\.json:[0-9]+:[0-9]+: $1: $2" <<<"$output" || fail "no $1 $2 in:" "$output"; }

# clean [ARG…] fails if check finds a problem.
clean() {
	check "$@"
	equal "$status: $output" '0: no problems'
}

# first_error prints place and text of the first error, without its hint.
first_error() {
	"$RUNTIME" --root "$ROOT" check --json "$@" |
		jq -r '[.problems[] | select(.severity == "error")][0] | "\(.place): \(.text)"'
}

# agree ARGS… fails unless create fails with the first error of check, for each of
# ARGS as the flags.
agree() {
	local flags said
	exits 1 runtime create c
	for flags in "$@"; do
		# shellcheck disable=SC2086 # no flag, or one
		said=$(first_error $flags)
		[[ $error == *"$said"* ]] || fail "check $flags: $said" "create: $error"
	done
}

# all_agree calls agree for each filter for the config on standard input.
all_agree() {
	local filter
	cp config.json good.json
	while IFS= read -r filter; do
		jq "$filter" good.json >config.json
		echo "$filter"
		agree '' --host
	done
	nothing_left
}

@test "a good bundle, with and without the host" {
	only_ours 'it has no such command'
	clean
	clean --host
	clean --bundle "$BUNDLE"
	cd /
	clean --bundle "$BUNDLE" --host
}

@test "the bundle is given by an argument, too" {
	only_ours 'runc has no check'
	ok runtime check "$PWD"
	cd /
	ok runtime check "$BUNDLE"
	exits 1 runtime check --bundle "$BUNDLE" "$BUNDLE"
	says 'given twice'
}

@test "all problems at once, with their lines; warnings alone aren't a failure" {
	only_ours 'it has no such command'
	cat >config.json <<-'EOF'
		{
			"ociVersion": "1.0.2", "rooot": {},
			"process": {"args": ["true"], "cwd": 7, "user": {"uid": "0"}},
			"root": {"path": "rootfs"},
			"mounts": [{"destination": "/data", "options": ["bind"]}, {"destination": "/x"}],
			"linux": {
				"namespaces": [{"type": "mount"}, {"type": "mountain"}],
				"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "action": "NO"}]},
				"resources": {"cpu": {"idle": 3}, "memory": {"limit": 20000000, "swap": 1}}
			}
		}
	EOF
	check
	equal "$status" 1
	finds warning 'rooot: unknown property: it is ignored \(did you mean "root"\?\)'
	finds error 'process\.cwd: expected a string, found a number'
	finds error 'process\.user\.uid: expected a number, found a string'
	finds error 'mounts\[0\] /data: bind mount without a source'
	finds error 'mounts\[1\] /x: mount without a file system type'
	finds error 'linux\.namespaces\[1\]\.type: unknown namespace type "mountain"'
	finds error 'linux\.seccomp\.syscalls\[0\]\.action: unknown action "NO"'
	finds error 'linux\.resources\.cpu\.idle: invalid value 3'
	finds error 'linux\.resources\.memory\.swap: '
	matches "$output" '^config\.json:2:24: warning: rooot'
	matches "$output" '8 errors, 1 warning$'
	check --json
	equal "$status" 1
	equal "$(jq -c '[.errors, .warnings, (.problems | length)]' <<<"$output")" '[8,1,9]'
	equal "$(jq -c '.problems[1] | [.severity, .pointer, .place, .line, .column, .text, .hint]' <<<"$output")" \
		'["error","/process/cwd","process.cwd",3,38,"expected a string, found a number",""]'
	equal "$(jq -r .bundle <<<"$output")" "$BUNDLE"
	nothing_left
}

@test "keys with letters of another case count, and are a warning" {
	config '.process |= with_entries(if .key == "args" then .key = "Args" else . end) | .process.Args = ["echo", "it counts"]'
	run_container
	prints 'it counts'
	only_ours 'it has no such command'
	says 'process\.Args: is read as .*args'
	check
	equal "$status" 0
	finds warning 'process\.Args: is read as "args"'
	config '.process.Args = [7]'
	agree ''
}

@test "a value that is nearly right: what was meant" {
	only_ours 'it has no such command'
	cp config.json good.json
	local filter place meant
	while IFS='|' read -r place meant filter; do
		jq "$filter" good.json >config.json
		check
		echo "$filter: $output"
		finds '(error|warning)' "$place: .*\\(did you mean \"$meant\"\\?\\)"
	done <<-'EOF'
		process\.rlimits\[0\]\.type|RLIMIT_NOFILE|.process.rlimits = [{"type": "NOFILE", "soft": 1, "hard": 1}]
		process\.capabilities\.bounding|CAP_SYS_ADMIN|.process.capabilities.bounding = ["cap_sys_admn"]
		process\.scheduler\.policy|SCHED_BATCH|.process.scheduler = {"policy": "BATCH"}
		process\.scheduler\.flags\[0\]|SCHED_FLAG_RECLAIM|.process.scheduler = {"policy": "SCHED_OTHER", "flags": ["reclaim"]}
		process\.ioPriority\.class|IOPRIO_CLASS_BE|.process.ioPriority = {"class": "be", "priority": 1}
		linux\.memoryPolicy\.mode|MPOL_INTERLEAVE|.linux.memoryPolicy = {"mode": "interleave", "nodes": "0"}
		linux\.memoryPolicy\.flags\[0\]|MPOL_F_STATIC_NODES|.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_STATIC_NODES"]}
		linux\.namespaces\[[0-9]\]\.type|network|.linux.namespaces += [{"type": "netwrk"}]
		linux\.rootfsPropagation|rslave|.linux.rootfsPropagation = "rslav"
		linux\.seccomp\.defaultAction|SCMP_ACT_ALLOW|.linux.seccomp = {"defaultAction": "allow"}
		linux\.seccomp\.architectures\[0\]|SCMP_ARCH_X86_64|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86_64"]}
		linux\.seccomp\.flags\[0\]|SECCOMP_FILTER_FLAG_LOG|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"]}
		linux\.seccomp\.syscalls\[0\]\.action|SCMP_ACT_ERRNO|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERNO"}]}
		linux\.seccomp\.syscalls\[0\]\.args\[0\]\.op|SCMP_CMP_EQ|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 1, "op": "EQ"}]}]}
	EOF
}

@test "what is ignored, hidden, or in the form of something else" {
	only_ours 'it has no such command'
	config '.annotations = {"run.oci.handler": "x", "org.systemd.property.TasksMax": "5", "com.example": "y"} |
		.linux.cgroupsPath = "system.slice:a:b" |
		.mounts += [{"destination": "/data", "type": "tmpfs", "source": "t"}, {"destination": "/data/", "type": "tmpfs", "source": "t"}]'
	check
	equal "$status" 0
	finds warning 'annotations\["run\.oci\.handler"\]: is for crun and is ignored'
	finds warning 'annotations\["org\.systemd\.property\.TasksMax"\]: is ignored without --systemd-cgroup'
	finds warning 'linux\.cgroupsPath: "system\.slice:a:b" is SLICE:PREFIX:NAME of systemd, .*\(--systemd-cgroup was probably left out\)'
	finds warning 'mounts\[7\] /data/: hides mounts\[6\], which has the same destination'
	matches "$output" 'no errors, 4 warnings$'
	invoke "$RUNTIME" --systemd-cgroup check
	matches "$output" 'annotations\["run\.oci\.handler"\]: is for crun'
	matches "$output" 'no errors, 2 warnings$'
	config '.linux.cgroupsPath = "/a/b"'
	invoke "$RUNTIME" --systemd-cgroup check
	matches "$output" 'error: linux\.cgroupsPath: expected cgroupsPath to be of format "slice:prefix:name"'
}

@test "names of system calls that libseccomp doesn't know" {
	only_ours 'it has no such command'
	[[ $("$RUNTIME" --version) == *libseccomp* ]] || skip 'a build without libseccomp does not know any names, and refuses profiles (tests/builds)'
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["read"], "action": "SCMP_ACT_LOG"}, {"names": ["opne", "mkdir", "colse", "opne"], "action": "SCMP_ACT_ERRNO"}]}'
	check
	equal "$status" 0
	finds warning "linux\\.seccomp\\.syscalls\\[1\\]\\.names: libseccomp [0-9.]* doesn't know opne, colse, and ignores the name"
	matches "$output" 'no errors, 1 warning$'
}

@test "warnings alone give exit code 0" {
	only_ours 'it has no such command'
	config '.process.user.gids = [1] | .process.capabilities.bounding += ["CAP_NEW"]'
	check
	equal "$status" 0
	finds warning 'process\.user\.gids: unknown property'
	finds warning 'process\.capabilities\.bounding: ignoring unknown capabilities: CAP_NEW'
	matches "$output" 'no errors, 2 warnings$'
	ok runtime run c
}

@test "a bundle that can't be read, or isn't JSON" {
	only_ours 'it has no such command'
	printf '{"ociVersion": 1,\n "process": {"args": ["true"],,}}' >config.json
	check
	equal "$status" 1
	prints "config.json:1:16: error: ociVersion: expected a string, found a number
config.json:2:31: error: process: expected a key, found invalid character ','
2 errors, no warnings"
	rm config.json
	check
	equal "$status" 1
	prints ''
	says 'config\.json not found'
	check --bundle /no/such/bundle
	equal "$status" 1
	says '/no/such/bundle: no such file or directory'
}

@test "check and create agree about the root, the process and hooks" {
	only_ours 'it has no such command'
	all_agree <<-'EOF'
		del(.ociVersion)
		.ociVersion = "9.0.0"
		del(.root)
		.root.path = "absent"
		.root.path = "config.json"
		.process.args = []
		.process.args = "true"
		.process.cwd = "relative"
		.process.env = ["NOTHING"]
		.process.rlimits = [{"type": "NOFILE", "soft": 1, "hard": 1}]
		.process.oomScoreAdj = 5000
		.process.scheduler = {"policy": "SCHED_NONE"}
		.process.scheduler = {"policy": "SCHED_DEADLINE", "runtime": 1}
		.domainname = "x" | .linux.sysctl = {"kernel.domainname": "y"}
		.process.user.umask = 4096
		.process.user.uid = 4294967295
		.hooks.poststop = [{"path": "relative"}]
		.process.args = ["nosuchprogram"]
		.process.args = ["/bin/nosuchprogram"]
		.process.args = ["/etc"]
		.process.args = ["/etc/passwd"]
		.process.cwd = "/etc/passwd"
	EOF
}

@test "check and create agree about mounts and linux" {
	only_ours 'it has no such command'
	all_agree <<-'EOF'
		.mounts += [{"destination": "/proc/x", "type": "tmpfs"}]
		.mounts += [{"destination": "/x", "type": "bind", "source": "/"}, {"destination": ""}]
		.linux.namespaces += [{"type": "pid"}]
		.linux.namespaces |= map(select(.type != "uts"))
		.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]
		.linux.devices = [{"path": "/dev/x", "type": "z"}]
		.linux.devices = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 5}]
		.linux.sysctl = {"kernel.panic": "1"}
		.linux.maskedPaths = ["x"]
		.linux.rootfsPropagation = "odd"
	EOF
}

@test "check and create agree about limits and seccomp" {
	only_ours 'it has no such command'
	all_agree <<-'EOF'
		.linux.cgroupsPath = "/.."
		.linux.resources.cpu = {"idle": 7}
		.linux.resources.cpu = {"quota": 500}
		.linux.resources.cpu = {"realtimeRuntime": -7}
		.linux.resources.memory = {"kernelTCP": -7}
		.linux.resources.memory = {"limit": 20000000, "swap": 10000000}
		.linux.resources.blockIO = {"weight": 5}
		.linux.resources.devices = [{"allow": true, "access": "x"}]
		.linux.seccomp = {"defaultAction": "SCMP_ACT_NO"}
		.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NO"]}
		.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}]}
	EOF
}

@test "check --host and create agree about the host" {
	only_ours 'it has no such command'
	cp config.json good.json
	local filter
	while IFS= read -r filter; do
		jq "$filter" good.json >config.json
		echo "$filter"
		clean
		agree --host
	done <<-'EOF'
		.mounts += [{"destination": "/data", "type": "bind", "source": "/no/such", "options": ["rbind"]}]
		.mounts += [{"destination": "/data", "type": "bind", "source": "no/such", "options": ["rbind"]}]
		.mounts += [{"destination": "/data", "type": "nosuchfs", "source": "x"}]
		(.linux.namespaces[] | select(.type == "network")).path = "/no/such"
		(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/uts"
		(.linux.namespaces[] | select(.type == "network")).path = "/etc/passwd"
		.process.apparmorProfile = "no such profile"
		.process.selinuxLabel = "no:such:label"
		.linux.netDevices = {"nosuchdevice": {}}
		.linux.intelRdt = {"closID": "x", "l3CacheSchema": "L3:0=f"}
		.linux.resources.hugepageLimits = [{"pageSize": "3MB", "limit": 0}]
		.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 99999999999}]
	EOF
}

@test "a file on a directory, and a directory on a file" {
	only_ours 'it has no such command'
	: >file
	config '.mounts += [{"destination": "/etc", "type": "bind", "source": "file", "options": ["bind"]}]'
	check --host
	finds error 'mounts\[6\] /etc: bind .*/file on /etc: not a directory'
	exits 1 runtime create c
	config '.mounts[6].destination = "/etc/passwd" | .mounts[6].source = "/"'
	check --host
	finds error 'mounts\[6\] /etc/passwd: bind / on /etc/passwd: not a directory'
	exits 1 runtime create c
	config '.mounts[6].source = "file"'
	clean --host
	# The contents of an earlier mount are unknown.
	config '.mounts = .mounts[:6] + [{"destination": "/etc", "type": "tmpfs"}, {"destination": "/etc/passwd", "type": "bind", "source": "/mnt", "options": ["bind"]}]'
	clean --host
	ok runtime run c
}

@test "hooks of the host that don't exist" {
	only_ours 'it has no such command'
	config '.hooks = {"createRuntime": [{"path": "/no/such"}], "poststop": [{"path": "/etc/passwd"}]}'
	clean
	check --host
	equal "$status" 1
	finds error 'hooks\.createRuntime\[0\]\.path: hook /no/such: no such file or directory'
	finds warning 'hooks\.poststop\[0\]\.path: hook /etc/passwd: permission denied'
	exits 1 runtime create c
	says 'hooks\.createRuntime\[0\] /no/such.*no such file or directory'
	config '.hooks = {"startContainer": [{"path": "/bin/true"}, {"path": "/bin/nosuchhook"}]}'
	check
	equal "$status" 1
	finds error 'hooks\.startContainer\[1\]\.path: hook /bin/nosuchhook: no such file or directory'
}

@test "programs that execve will refuse" {
	only_ours 'it has no such command'
	local head=rootfs/opt/head
	printf '#!/bin/nosuch -x\n' >rootfs/opt/script
	printf '#!/bin/sh\r\n' >rootfs/opt/dos
	printf '#!\n' >rootfs/opt/nobody
	printf 'text\n' >rootfs/opt/text
	printf '#!/opt/script\n' >rootfs/opt/second
	printf '#!/bin/sh\ntrue\n' >rootfs/opt/good
	printf '#!/etc/passwd\n' >rootfs/opt/unfit
	head -c 64 rootfs/bin/busybox >$head
	printf '\x16\x00' | dd of=$head bs=1 seek=18 conv=notrunc status=none # s390
	chmod +x rootfs/opt/*
	local name what
	while read -r name what; do
		args "/opt/$name"
		echo "$name: $what"
		check --host
		equal "$status" 1
		finds error "process\.args\[0\]: exec /opt/.*$what"
		exits 255 runtime run c
		says "$what"
	done <<-'EOF'
		script the interpreter of its #! line, /bin/nosuch, isn't in the container
		dos its #! line ends in a carriage return
		text it is neither a program nor a script with a #! line
		nobody its #! line names no interpreter
		head it is a program for s390x, which this host isn't
	EOF
	args /opt/second
	check
	equal "$status" 1
	finds error 'process\.args\[0\]: exec /opt/script: the interpreter of its #! line, /bin/nosuch,'
	args /opt/unfit
	check
	finds error 'process\.args\[0\]: exec /opt/unfit: its interpreter /etc/passwd: permission denied'
	# Another host may run them.
	for name in head text; do
		args "/opt/$name"
		check
		equal "$status" 0
		finds warning "process\.args\[0\]: exec /opt/$name: it is "
	done
	args good
	clean
	clean --host
}

@test "a program whose loader is missing" {
	only_ours 'it has no such command'
	local program
	program=$(type -P bash)
	grep -q ld-linux "$program" || skip 'the host has no dynamically linked bash'
	rm rootfs/bin/sh
	cp "$program" rootfs/bin/sh
	args sh -c true
	check
	equal "$status" 1
	finds error "process\.args\[0\]: exec /bin/sh: its dynamic loader, /.*ld-linux.*, isn't in the container"
	exits 255 runtime run c
	says "its dynamic loader, /.*ld-linux.*, isn't in the container"
}

@test "a program that only others may execute is a warning" {
	only_ours 'it has no such command'
	rm rootfs/bin/true
	cp rootfs/bin/busybox rootfs/bin/true
	chmod 0700 rootfs/bin/true
	config '.process.user = {"uid": 1000, "gid": 1000} | del(.process.capabilities)'
	check
	equal "$status" 0
	finds warning 'process\.args\[0\]: /bin/true has mode 0700 and belongs to 0:0: the user of the process, 1000:1000, may not execute it'
	exits 1 runtime create c
	says 'permission denied'
	config '.process.capabilities.effective = ["CAP_DAC_OVERRIDE"] | .process.capabilities.permitted = ["CAP_DAC_OVERRIDE"] | .process.capabilities.bounding = ["CAP_DAC_OVERRIDE"]'
	clean
	config 'del(.process.capabilities) | .process.user.uid = 0'
	clean
	ok runtime run c
}

@test "nothing is reported about files that a mount covers" {
	only_ours 'it has no such command'
	mkdir "$TMP/programs"
	printf '#!/bin/sh\n' >"$TMP/programs/inmount"
	chmod +x "$TMP/programs/inmount"
	ln -s programs rootfs/links
	mkdir rootfs/programs rootfs/empty
	ln -s /programs/inmount rootfs/empty/link
	config '.mounts += [{"destination": "/links", "type": "bind", "source": $source, "options": ["bind"]}] | .process.env = ["PATH=/bin:/programs"]' \
		--arg source "$TMP/programs"
	local name
	for name in inmount /programs/inmount /links/nosuch /empty/link /empty/../links/x; do
		args $name
		clean
	done
	args /links/inmount
	ok runtime run c
	# The directories before it in PATH are known.
	config '.process.env = ["PATH=/bin:/empty"]'
	args nosuch
	check
	finds error 'process\.args\[0\]: exec: "nosuch": executable file not found in \$PATH'
}

@test "symlinks of the image don't lead out, and only regular files of it are opened" {
	only_ours 'it has no such command'
	mkdir "$TMP/outside"
	cp rootfs/bin/busybox "$TMP/outside/x"
	ln -s "$TMP/outside/x" rootfs/bin/absolute
	ln -s ../../../../../../../../../../../.."$TMP/outside/x" rootfs/bin/relative
	ln -s loop rootfs/bin/loop
	mkfifo rootfs/bin/fifo
	chmod +x rootfs/bin/fifo
	printf '#!/bin/fifo\n' >rootfs/bin/script
	printf '#!%s\n' "$TMP/outside/x" >rootfs/bin/out
	chmod +x rootfs/bin/script rootfs/bin/out
	local name
	for name in absolute relative loop fifo script out; do
		args "/bin/$name"
		echo "$name"
		check --host
		equal "$status" 1
		finds error 'process\.args\[0\]: exec'
	done
}

@test "the program is looked up whatever is wrong with the working directory" {
	only_ours 'it has no such command'
	config '.process.cwd = "relative"'
	args nosuch
	check
	finds error 'process\.cwd: Cwd must be an absolute path'
	finds error 'process\.args\[0\]: exec: "nosuch": executable file not found in \$PATH \(PATH is '
	args 'sh -c true'
	check
	finds error 'process\.args\[0\]: .*\(args\[0\] is the program alone: each argument is an element of its own\)'
	args ./nosuch
	check
	matches "$output" '1 error, no warnings$'
	config '.process.cwd = "/etc/passwd"'
	args /bin/nosuch
	check
	finds error 'process\.cwd: make directory /etc/passwd: not a directory'
	finds error 'process\.args\[0\]: exec: "/bin/nosuch": stat'
	config '.process.cwd = "/etc"'
	args ./nosuch
	check
	finds error 'process\.args\[0\]: exec: "./nosuch": .*\(it is relative to the working directory, /etc\)'
}

@test "a missing program that a hook may create is a warning" {
	only_ours 'it has no such command'
	args later
	config '.hooks.createRuntime = [{"path": "/bin/cp", "args": ["cp", "rootfs/bin/true", "rootfs/bin/later"]}]'
	check
	equal "$status" 0
	finds warning 'process\.args\[0\]: .*not found in \$PATH .*unless a hook puts it there'
}

@test "a terminal requires a devpts" {
	only_ours 'it has no such command'
	config '.process.terminal = true'
	clean
	config 'del(.mounts[] | select(.destination == "/dev/pts"))'
	check
	equal "$status" 1
	finds error 'process\.terminal: terminal: open /dev/pts/ptmx'
	exits 1 runtime run c
	says 'process\.terminal: terminal: open /dev/pts/ptmx'
}

@test "limits whose meaning depends on the version of cgroups" {
	only_ours 'it has no such command'
	config '.linux.resources.cpu.shares = 1 | .linux.resources.memory.swap = 10000000'
	check
	equal "$status" 0
	finds warning 'linux\.resources\.cpu\.shares: the minimum allowed cpu-shares is 2 \(on hosts with cgroup v1\)'
	finds warning 'linux\.resources\.memory\.swap: unable to set swap limit without memory limit \(on hosts with cgroup v2\)'
	agree --host
	nothing_left
}

@test "lists of processors and memory limits that no host accepts" {
	only_ours 'it has no such command'
	config '.linux.resources = {"cpu": {"cpus": "0-", "mems": "0;1"}, "memory": {"limit": 64}}'
	check
	equal "$status" 1
	finds error 'linux\.resources\.cpu\.cpus: invalid list "0-": "0-" is neither a number nor a range'
	finds error 'linux\.resources\.cpu\.mems: invalid list "0;1"'
	finds error 'linux\.resources\.memory\.limit: 64 is too low to create a container \(it is in bytes\)'
	agree '' --host
	config '.linux.resources = {"memory": {"limit": 500000}}'
	check
	equal "$status" 0
	finds warning 'linux\.resources\.memory\.limit: 500000 is too low for most programs \(it is in bytes\)'
	needs_controller memory
	config '.linux.resources = {"memory": {"limit": 65536}}'
	check
	finds error 'linux\.resources\.memory\.limit: 65536 is too low'
	exits 1 runtime create c
	says 'linux\.resources\.memory\.limit: .*the limit is too low'
}

@test "sysctls that don't exist" {
	only_ours 'it has no such command'
	config '.linux.sysctl = {"net.core.nosuch": "1", "net.ipv4.conf.nosuch0.forwarding": "1", "net.ipv4.conf.lo.forwarding": "1"}'
	check --host
	equal "$status" 1
	finds error 'linux\.sysctl\["net\.core\.nosuch"\]: there is no /proc/sys/net/core/nosuch on this host'
	finds error 'linux\.sysctl\["net\.ipv4\.conf\.nosuch0\.forwarding"\]: there is no /proc/'
	exits 1 runtime create c
	says 'linux\.sysctl\["net\.core\.nosuch"\]: .*no such file or directory'
	# A hook may create the device.
	config 'del(.linux.sysctl["net.core.nosuch"]) | .hooks.createRuntime = [{"path": "/bin/true"}]'
	check --host
	equal "$status" 0
	finds warning 'linux\.sysctl\["net\.ipv4\.conf\.nosuch0\.forwarding"\]: there is no /proc/'
}

@test "options that tmpfs refuses" {
	only_ours 'it has no such command'
	needs_capability CAP_SYS_ADMIN 21
	cp config.json good.json
	local options
	for options in '"nonsense=1"' '"size=abc"' '"size=1m", "mode=999"' '"gid"'; do
		jq ".mounts += [{\"destination\": \"/mnt\", \"type\": \"tmpfs\", \"source\": \"t\", \"options\": [$options]}]" good.json >config.json
		check --host
		echo "$options: $output"
		equal "$status" 1
		finds error 'mounts\[6\] /mnt: mount tmpfs on /mnt: option: invalid argument \(tmpfs: '
		agree --host
	done
}

@test "mount points, types, clocks and memory nodes that this host refuses" {
	only_ours 'it has no such command'
	config '.mounts += [{"destination": "/etc/passwd/x", "type": "tmpfs", "source": "t"}]'
	check --host
	finds error 'mounts\[6\] /etc/passwd/x: mount tmpfs on /etc/passwd/x: its mount point: not a directory'
	agree --host
	config '.mounts[6].destination = "/etc/passwd"'
	agree --host
	config '.mounts[6] = {"destination": "/data", "type": "bnid", "source": "/etc"}'
	check --host
	finds error 'mounts\[6\] /data: mount bnid on /data: no such device .*did you mean "bind"'
	config 'del(.mounts[6]) | .linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "1000"}'
	check --host
	finds warning 'linux\.memoryPolicy\.nodes: "1000" are not all there: the host has the memory nodes 0'
	needs_namespace time
	config 'del(.linux.memoryPolicy) | .linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"monotonic": {"secs": -99999999999}}'
	check --host
	finds error 'linux\.timeOffsets\.monotonic: the clock is at [0-9]+ seconds now, and would be negative'
	exits 1 runtime create c
	says 'linux\.timeOffsets: write /proc/[0-9]+/timens_offsets: numerical result out of range'
}

@test "a program on a mount with noexec" {
	only_ours 'it has no such command'
	config '.mounts += [{"destination": "/data", "type": "bind", "source": "rootfs/bin", "options": ["bind", "noexec"]}]'
	args /data/busybox
	check --host
	equal "$status" 1
	finds error 'process\.args\[0\]: exec: "/data/busybox": permission denied \(the mount /data is noexec\)'
	agree --host
	# A later remount decides.
	config '.mounts += [{"destination": "/data", "options": ["remount", "exec"]}]'
	clean --host
	config '.mounts[6].options = ["bind"] | .mounts[7].options = ["remount", "noexec"]'
	check --host
	equal "$status" 1
	# Where links in the source lead isn't known.
	args /data/true
	clean --host
}

@test "limits that are ignored" {
	only_ours 'it has no such command'
	config '.linux.resources.memory = {"kernel": 50000000, "kernelTCP": 50000000, "disableOOMKiller": true}'
	check
	equal "$status" 0
	finds warning 'linux\.resources\.memory\.kernel: is ignored: the kernel has removed this limit$'
	finds warning 'linux\.resources\.memory\.kernelTCP: is ignored \(on hosts with cgroup v2\)$'
	finds warning 'linux\.resources\.memory\.disableOOMKiller: is ignored \(on hosts with cgroup v2\)$'
}

@test "processors that the host doesn't have" {
	only_ours 'it has no such command'
	needs_controller cpuset
	config '.linux.resources.cpu.cpus = "0,4000"'
	clean
	check --host
	if cgroup_v1; then
		equal "$status" 1
		finds error 'linux\.resources\.cpu\.cpus: "0,4000" are not all there: the host has the processors 0'
		exits 1 runtime create c
		says 'linux\.resources\.cpu\.cpus'
	else
		finds warning 'linux\.resources\.cpu\.cpus: "0,4000" are not all there'
	fi
}

@test "a cgroup in use, and a controller that the host doesn't have" {
	only_ours 'it has no such command'
	sleeping first
	check --host
	equal "$status" 1
	finds error "linux\.cgroupsPath: container's cgroup is not empty: [0-9]+ process"
	exits 1 runtime create c
	says "container's cgroup is not empty"
	ok runtime delete --force first
	config '.linux.resources.rdma = {"nosuch_0": {"hcaHandles": 1}}'
	clean
	if [ ! -d /sys/fs/cgroup/rdma ] && ! grep -qw rdma /sys/fs/cgroup/cgroup.controllers; then
		agree --host
		check --host
		finds error 'linux\.resources\.rdma\.nosuch_0: cgroup controller rdma is not available'
	fi
}

@test "check changes nothing and doesn't require root" {
	only_ours 'it has no such command'
	needs_namespace user
	local before
	snapshot() { find "$BUNDLE" "$ROOT" -printf '%p %T@ %m\n' | sort | sha256sum; }
	before=$(snapshot)
	clean --host
	equal "$(snapshot)" "$before"
	nothing_left
	chmod 0755 "$TMP" "${BATS_RUN_TMPDIR%/}"
	command -v setpriv >/dev/null || skip 'the host has no setpriv'
	invoke timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$RUNTIME" check --bundle "$BUNDLE"
	equal "$status: $output" '0: no problems'
	invoke timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$RUNTIME" check --host --bundle "$BUNDLE"
	equal "$status" 1
	finds error 'linux\.namespaces: rootless container requires user namespaces'
}

@test "the ids that a user may map" {
	only_ours 'it has no such command'
	needs_namespace user
	command -v setpriv >/dev/null || skip 'the host has no setpriv'
	chmod 0755 "$TMP" "${BATS_RUN_TMPDIR%/}"
	config 'del(.linux.resources, .linux.cgroupsPath) | .linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 1000, "size": 1}] | .linux.gidMappings = .linux.uidMappings |
		del(.mounts[] | select(.destination == "/dev/pts").options[] | select(startswith("gid=")))'
	as_user() { invoke timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$RUNTIME" check --host --bundle "$BUNDLE"; }
	as_user
	equal "$status: $output" '0: no problems'
	config '.linux.uidMappings += [{"containerID": 1, "hostID": 7, "size": 5}]'
	as_user
	equal "$status" 1
	if command -v newuidmap >/dev/null; then
		finds error "linux\.uidMappings\[1\]: the host ids from 7 to 11 aren't all this user's in /etc/subuid"
	else
		finds error "linux\.uidMappings: an ordinary user needs newuidmap"
	fi
}
