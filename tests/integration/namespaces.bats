#!/usr/bin/env bats
# New, joined and inherited namespaces.

load lib

# ns_of PID KIND prints the identity of a namespace.
ns_of() { readlink "/proc/$1/ns/$2"; }

@test "five new namespaces, the others are the caller's" {
	needs_root 'do without a user namespace'
	sleeping c
	local pid kind
	pid=$(pid_of c)
	for kind in ipc mnt net pid uts; do
		[ "$(ns_of "$pid" $kind)" != "$(ns_of self $kind)" ] || fail "$kind is the host's"
	done
	for kind in user cgroup; do
		equal "$(ns_of "$pid" $kind)" "$(ns_of self $kind)"
	done
}

@test "only a mount namespace" {
	needs_root 'do without a user namespace'
	config '.linux.namespaces = [{"type": "mount"}] | del(.hostname)'
	config '.mounts |= map(select(.destination | IN("/sys", "/dev/mqueue") | not))'
	sleeping c
	local pid kind
	pid=$(pid_of c)
	for kind in ipc net pid uts user cgroup; do
		equal "$(ns_of "$pid" $kind)" "$(ns_of self $kind)"
	done
}

@test "no namespace at all: the mounts are the host's, and removed by delete" {
	needs_root 'do without a user namespace'
	mkdir "$TMP/volume"
	config '.linux.namespaces = [] | del(.hostname, .linux.maskedPaths, .linux.readonlyPaths) | .root.readonly = true'
	config '.mounts |= map(select(.destination | IN("/sys", "/dev/mqueue") | not)) + [{"destination": "/volume", "type": "bind", "source": $src, "options": ["rbind"]}, {"destination": "/volume/below", "type": "tmpfs", "source": "tmpfs"}]' --arg src "$TMP/volume"
	sleeping c
	local pid kind
	pid=$(pid_of c)
	for kind in mnt ipc net pid uts user cgroup; do
		equal "$(ns_of "$pid" $kind)" "$(ns_of self $kind)"
	done
	equal "$(readlink "/proc/$pid/root")" "$BUNDLE/rootfs"
	ok grep -qF " $BUNDLE/rootfs/proc " /proc/self/mountinfo
	# A mount in a volume isn't visible in its source.
	exits 1 grep -qF " $TMP/volume/below " /proc/self/mountinfo
	ok runtime exec c sh -c 'touch /x 2>/dev/null || ls /'
	[[ $output == *bin* && $output == *volume* ]] || fail "$output"
	ok runtime delete --force c
	nothing_left
	[ -e rootfs/bin/sh ]
}

@test "no mount namespace: what was mounted on the rootfs before stays" {
	needs_root 'do without a user namespace'
	only_ours 'runc leaves mounts behind'
	config '.linux.namespaces |= map(select(.type != "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	mount --bind rootfs rootfs
	run_container
	local count
	count=$(grep -cF " $BUNDLE/rootfs " /proc/self/mountinfo)
	args /no/such/program
	exits 1 runtime create d
	equal "$count $(grep -cF "$BUNDLE/rootfs" /proc/self/mountinfo)" '1 1'
	umount rootfs
	nothing_left
}

@test "a cgroup namespace starts at the container's cgroup" {
	needs_namespace cgroup
	config '.linux.namespaces += [{"type": "cgroup"}]'
	run_prints 'grep -E "^[0-9]+:(pids|):" /proc/self/cgroup | cut -d: -f3 | sort -u' /
}

@test "a time namespace with offsets" {
	needs_namespace time
	only_ours 'newer than runc 1.1'
	config '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000}, "monotonic": {"secs": 5, "nanosecs": 1}}'
	script 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets | tr -s " "'
	run_container
	[ "$(head -1 <<<"$output")" -ge 1000000 ]
	equal "$(tail -2 <<<"$output" | tr -s ' ')" $'monotonic 5 1\nboottime 1000000 0'
}

@test "time offsets without a time namespace" {
	only_ours 'newer than runc 1.1'
	config '.linux.timeOffsets = {"boottime": {"secs": 1}}'
	exits 1 runtime create c
	says 'time namespace'
	one_sentence
	nothing_left
}

@test "pid, network, ipc, uts and cgroup joined by path" {
	needs_root 'join namespaces of another user namespace'
	config '.linux.namespaces += [{"type": "cgroup"}] | .linux.cgroupsPath += "1"'
	sleeping first
	local pid kind
	pid=$(pid_of first)
	config '.linux.cgroupsPath += "2" | del(.hostname) |
		.linux.namespaces = [{"type": "mount"}] + ({pid: "pid", net: "network", ipc: "ipc", uts: "uts", cgroup: "cgroup"} |
			to_entries | map({type: .value, path: "/proc/\($pid)/ns/\(.key)"}))' --arg pid "$pid"
	sleeping second
	for kind in pid net ipc uts cgroup; do
		equal "$(ns_of "$(pid_of second)" $kind)" "$(ns_of "$pid" $kind)"
	done
	[ "$(ns_of "$(pid_of second)" mnt)" != "$(ns_of "$pid" mnt)" ]
	ok runtime exec second hostname
	prints test-host
	# The first container's process has pid 1, so the second one's is an ordinary process.
	ok runtime exec second sh -c 'cat /proc/1/comm'
	prints sleep
	ok runtime delete --force second
	has_status first running
}

@test "a joined pid namespace: the terminal, hooks, limits, and the pid of the state" {
	needs_root 'join namespaces of another user namespace'
	only_ours 'runc has no room for hooks in a limit of one process'
	needs_kernel 6 18
	sleeping c
	config '(.linux.namespaces[] | select(.type == "pid")).path = $p | .linux.cgroupsPath += "-d" | .process.terminal = true |
		.linux.resources.pids.limit = 1 | .process.user = {"uid": 1000, "gid": 1000, "additionalGids": [5]} |
		.process.rlimits = [{"type": "RLIMIT_NPROC", "soft": 3, "hard": 4}] |
		.hooks = {"createRuntime": [{"path": $h}], "createContainer": [{"path": $h}], "poststart": [{"path": $h}]}' \
		--arg p "/proc/$(pid_of c)/ns/pid" --arg h "$TMP/hook"
	printf '#!/bin/sh\nread -r state || true\necho "${state##*status}" >>%s\n' "$TMP/hooks" >"$TMP/hook"
	chmod +x "$TMP/hook"
	script '[ -t 0 ] && echo terminal; ulimit -u; ulimit -Hu; read x </proc/1/comm; echo $x; read x'
	local receiver pid
	receiver=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" <<<$'await sleep\ntype x' 3>&-)
	ok runtime create --console-socket "$TMP/tty" --pid-file "$TMP/pid" d
	pid=$(pid_of d)
	equal "$(<"$TMP/pid") $(readlink "/proc/$pid/ns/pid")" "$pid $(readlink "/proc/$(pid_of c)/ns/pid")"
	has_status d created
	ok runtime start d
	gone "$receiver"
	equal "$(tr -d '\r' <"$TMP/shown")" $'terminal\n3\n4\nsleep\nx'
	equal "$(wc -l <"$TMP/hooks")" 3
	ok runtime delete --force d
	has_status c running
}

@test "a container whose joined pid namespace ends is stopped" {
	needs_root 'join namespaces of another user namespace'
	config '.linux.cgroupsPath += "1"'
	sleeping first
	config '.linux.cgroupsPath += "2" | (.linux.namespaces[] | select(.type == "pid")).path = "/proc/\($pid)/ns/pid"' --arg pid "$(pid_of first)"
	sleeping second
	local pid
	pid=$(pid_of second)
	ok runtime delete --force first
	gone "$pid"
	has_status second stopped
}

@test "run in the foreground with a joined pid namespace returns the exit code" {
	needs_root 'join namespaces of another user namespace'
	config '.linux.cgroupsPath += "1"'
	sleeping first
	config '.linux.cgroupsPath += "2" | (.linux.namespaces[] | select(.type == "pid")).path = "/proc/\($pid)/ns/pid"' --arg pid "$(pid_of first)"
	script 'exit 6'
	exits 6 runtime run second
}

@test "a network namespace joined by a bind mount" {
	needs_root 'create namespaces for the test'
	touch "$TMP/netns"
	unshare --net="$TMP/netns" true
	config '(.linux.namespaces[] | select(.type == "network")).path = $p' --arg p "$TMP/netns"
	script 'readlink /proc/self/ns/net'
	run_container
	equal "$output" "net:[$(stat -c %i "$TMP/netns")]"
	umount "$TMP/netns"
}

@test "a mount namespace joined by path: the root file system is still ours" {
	needs_root 'create namespaces for the test'
	local holder
	unshare --mount sleep 1000 3>&- &
	holder=$!
	different() { [ "$(ns_of $holder mnt)" != "$(ns_of self mnt)" ]; }
	until_true different
	config '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/\($pid)/ns/mnt"' --arg pid $holder
	script 'hostname; ls /'
	run_container
	[[ $output == *test-host*opt* ]]
	kill $holder
}

@test "loopback is up in a new network namespace" {
	script 'ping -c 1 -W 1 127.0.0.1 >/dev/null && echo up'
	config '.process.capabilities |= map_values(. + ["CAP_NET_RAW"])'
	run_container
	prints up
}

@test "a new network namespace has nothing but loopback" {
	# Some kernels create tunnel devices in each namespace.
	run_prints 'ls /sys/class/net | grep -vE "^(sit|tunl|gre|gretap|erspan|ip6tnl|ip6gre|ip_vti|ip6_vti)0$"' lo
}

@test "hostname and domainname" {
	config '.hostname = "some.name"'
	run_prints hostname some.name
	only_ours 'domainname is newer than runc 1.1'
	config '.domainname = "domain.test"'
	run_prints 'cat /proc/sys/kernel/domainname' domain.test
}

@test "the process is pid 1 of a new pid namespace and sees only that" {
	run_prints 'echo $$; ls -d /proc/[0-9]* | wc -l' $'1\n3'
}
