#!/usr/bin/env bats
# 45. A file system that the container serves doesn't answer, and holds up commands.
# CVE: CVE-2018-1120 (class)
# Verdict: harmless: what only looks opens no path of the container; what enters it ends with a signal; kill and delete wait for neither

load lib

# served makes the container serve a file system at /tmp/m in which nothing can be looked up.
served() {
	needs_root 'mount FUSE'
	[ -e /dev/fuse ] || skip 'the host has no /dev/fuse'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) |
		.linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438}] |
		.linux.resources.devices += [{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
	cp "$HELPERS/hang" rootfs/hang
	mkdir -p rootfs/tmp/m
	script '/hang /tmp/m & exec sleep 1000'
	ok runtime run --detach c
	until_true grep -q ' /tmp/m ' "/proc/$(pid_of c)/mountinfo"
}

# interrupted COMMAND… runs it, interrupts it, and fails if it doesn't end then. 124 is the
# exit code of timeout when it has sent its signal, 137 when it had to send SIGKILL, too.
interrupted() {
	invoke timeout --signal INT --kill-after 20 1 "$RUNTIME" --root "$ROOT" "$@"
	[ "$status" = 124 ] || fail "exit code $status of: $*" "$error"
}

@test "commands that enter the container are interrupted" {
	served
	interrupted exec --cwd /tmp/m/name c true
	if is_ours; then
		interrupted mounts add --type tmpfs --target /tmp/m/name c
		interrupted update --device-add /dev/fuse:/tmp/m/name c
	fi
	ok runtime kill c KILL
	until_true stopped c
}

@test "commands that don't are not held up" {
	served
	runtime exec --cwd /tmp/m/name c true >/dev/null 2>&1 </dev/null 3>&- &
	local entering=$!
	until_true sh -c "ps -eo stat,args | grep -q '^D.*[r]unnel-child'"
	ok runtime state c
	ok runtime ps c
	ok runtime events --stats c
	if is_ours; then
		ok runtime inspect c
		ok runtime mounts list c
	fi
	ok runtime delete --force c
	gone "$entering"
}
