#!/usr/bin/env bats
# sd_notify(3): the runtime forwards the container's messages to a service manager.
load lib

# manager simulates systemd: it writes the messages that it receives to $TMP/received.
manager() {
	only_ours "runtimes differ in what they pass on"
	cp "$HELPERS/notify" rootfs/bin/notify
	manager=$("$HELPERS/notify" -l "$TMP/manager" "$TMP/received" 3>&-)
	export NOTIFY_SOCKET=$TMP/manager
}

dismiss() {
	kill "$manager"
	gone "$manager"
}

manager_received() { equal "$(<"$TMP/received")" "$1"; }

@test "notify: start returns when the process is ready, and reports its pid" {
	manager
	script 'sleep 0.2; notify STATUS=warming "READY=1
STATUS=up"; exec sleep 1000'
	ok runtime create c
	ok runtime start c
	manager_received "READY=1|MAINPID=$(pid_of c)
BARRIER=1 +fd"
	has_status c running
	dismiss
	ok runtime delete --force c
	nothing_left
}

@test "notify: run --detach returns when the process is ready" {
	manager
	script 'sleep 0.2; notify READY=1; exec sleep 1000'
	ok runtime run --detach c
	manager_received "READY=1|MAINPID=$(pid_of c)
BARRIER=1 +fd"
	dismiss
}

@test "notify: a process that ends without a message ends the wait" {
	manager
	args true
	ok runtime create c
	ok runtime start c
	manager_received ''
	dismiss
}

@test "notify: in the foreground, messages about the container itself are forwarded" {
	manager
	script 'notify READY=1 "STATUS=half
MAINPID=1" FDSTORE=1 MAINPID=7 "READY=10
X=1" STOPPING=1'
	ok runtime run c
	manager_received 'READY=1|
STATUS=half|
READY=10|
STOPPING=1|'
	dismiss
}

@test "notify: the container gets only the socket" {
	manager
	script 'echo "$NOTIFY_SOCKET"; ls -A /run/notify; (>/run/notify/x) 2>/dev/null || echo read-only
grep " /run/notify " /proc/self/mountinfo | cut -d" " -f6 | sed s/,relatime//'
	ok runtime run c
	prints '/run/notify/notify
notify
read-only
ro,nosuid,nodev,noexec'
	dismiss
}

@test "notify: in a user namespace, as another user" {
	needs_root 'map what ids it likes'
	manager
	config '.linux.namespaces += [{"type": "user"}] | .process.user = {"uid": 7, "gid": 7} |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 100}] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	args notify READY=1
	ok runtime run c
	manager_received 'READY=1|'
	dismiss
}

@test "notify: without a manager there is no socket in the container" {
	only_ours "runc ignores the variable otherwise"
	unset NOTIFY_SOCKET
	run_prints 'echo "${NOTIFY_SOCKET:-unset}"; ls /run/notify 2>/dev/null | wc -l' 'unset
0'
}

@test "notify: a manager that can't be reached is a warning" {
	only_ours "the text is ours"
	export NOTIFY_SOCKET=$TMP/nobody
	args true
	ok runtime run c
	says "NOTIFY_SOCKET=$TMP/nobody: no such file or directory"
}

@test "notify: a second start of the same container doesn't remove the socket" {
	manager
	mkfifo rootfs/go
	script 'read -r x </go; notify READY=1; exec sleep 1000'
	ok runtime create c
	runtime start c 3>&- </dev/null >"$TMP/first" 2>&1 &
	until_true [ ! -e "$ROOT/c/start" ]
	exits 1 runtime start c
	echo >rootfs/go
	wait $!
	manager_received "READY=1|MAINPID=$(pid_of c)
BARRIER=1 +fd"
	dismiss
}

@test "notify: a systemd service of type notify" {
	needs_root 'start a service'
	only_ours "runtimes differ in what they pass on"
	[ -d /run/systemd/system ] || skip 'the host is not run by systemd'
	cp "$HELPERS/notify" rootfs/bin/notify
	script 'trap "exit 0" TERM; sleep 0.3; notify READY=1 STATUS=serving; while :; do sleep 0.1; done'
	systemd-run --unit "$CGROUP-unit" -p Type=notify -p NotifyAccess=all -p Delegate=yes --working-directory "$BUNDLE" \
		"$RUNTIME" --root "$ROOT" run c </dev/null 3>&-
	has_status c running
	equal "$(systemctl show -P ActiveState "$CGROUP-unit")" active
	equal "$(systemctl show -P StatusText "$CGROUP-unit")" serving
	systemctl stop "$CGROUP-unit"
	[ ! -e "$ROOT/c" ]
}
