#!/usr/bin/env bats
# 2. The process that enters a container is traced, or its descriptors are opened.
# CVE: CVE-2016-9962
# Verdict: harmless: it enters with the capabilities, filter and descriptors of the program only, or not dumpable

load lib

# caught_nothing fails unless the container's intrude reports that it found nothing.
caught_nothing() {
	until_true grep -q caught rootfs/tmp/said
	equal "$(<rootfs/tmp/said)" $'waiting\nnobody got caught'
}

# intrusion SECONDS makes the container look for processes that enter it.
intrusion() {
	chmod 1777 rootfs/tmp
	rm -f rootfs/tmp/said
	args sh -c "/opt/intrude $1 >/tmp/said; exec sleep 1000"
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
	local i
	for i in {1..12}; do
		ok runtime exec c true
	done
	caught_nothing
}

@test "exec: root of the container can't access the entering process (CVE-2016-9962)" {
	intrusion 1
}

@test "exec: nor with all capabilities in a user namespace" {
	needs_root 'map what ids it likes'
	needs_namespace user
	only_ours 'it depends on the speed of the runtime'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"]) |
		.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	intrusion 1
}

# tracing FILTER [PROCESS] makes a container with CAP_SYS_PTRACE look for what it could
# gain from the processes that enter it. The filter changes the config, the other one the
# process of exec.
tracing() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	config "$1"
	jq ".process * {args: [\"true\"]} | ${2:-.}" config.json >"$TMP/process.json"
	args sh -c '/opt/intrude 3 gains >/tmp/said 2>/tmp/seen; exec sleep 1000'
	chmod 1777 rootfs/tmp
	rm -f rootfs/tmp/said
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
	local i
	for i in {1..150}; do
		ok runtime exec --process "$TMP/process.json" c
		grep -q caught rootfs/tmp/said && break
	done
	caught_nothing
	# The result is meaningful only if it has found some processes.
	[ "$(<rootfs/tmp/seen)" -gt 0 ] || fail 'it saw nobody'
	ok runtime exec c sh -c 'echo >/tmp/over'
	ok runtime delete --force c
}

@test "exec: with CAP_SYS_PTRACE and no user namespace, tracing it gains nothing" {
	only_ours 'it depends on the speed of the runtime'
	tracing .
}

@test "exec: nor with a filter, and without noNewPrivileges" {
	only_ours 'it depends on the speed of the runtime'
	tracing '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
}

@test "exec: nor with a limit of processes for another user" {
	only_ours 'it depends on the speed of the runtime'
	tracing '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' \
		'.user = {uid: 1000, gid: 1000} | .rlimits = [{type: "RLIMIT_NPROC", soft: 7, hard: 9}]'
	ok runtime run --detach c
	jq '.args = ["sh", "-c", "ulimit -u; ulimit -Hu"]' "$TMP/process.json" >"$TMP/limits.json"
	ok runtime exec --process "$TMP/limits.json" c
	prints $'7\n9'
}

# neighbour runs a container whose pid namespace the bundle's next ones join. Its
# processes have CAP_SYS_PTRACE, and the same filter.
neighbour() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	sleeping neighbour
	config '(.linux.namespaces[] | select(.type == "pid")).path = $p | .linux.cgroupsPath += "-next"' \
		--arg p "/proc/$(pid_of neighbour)/ns/pid"
}

# worthless ID fails if a process of container ID gains anything from tracing one that waits
# for start.
worthless() {
	ok runtime exec "$1" /opt/intrude 1 gains
	prints $'waiting\nnobody got caught'
	[ "$error" -gt 0 ] || fail 'it saw nobody'
}

@test "create: who traces a container that waits for start gains nothing" {
	needs_root 'join a pid namespace without its user namespace'
	only_ours 'the container that waits is identified by its executable'
	local nnp
	for nnp in true false; do
		config '.process.noNewPrivileges = $n | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' --argjson n $nnp
		cp config.json "$TMP/config.json"
		neighbour
		args sh -c 'mkdir /tmp/made; grep -E "^(CapEff|Seccomp):" /proc/self/status'
		ok runtime create c
		worthless neighbour
		worthless c
		ok runtime start c
		ok runtime delete --force c
		ok runtime delete --force neighbour
		cp "$TMP/config.json" config.json
	done
}

@test "create: who traces a container while it is set up gains nothing" {
	needs_root 'join a pid namespace without its user namespace'
	only_ours 'the container is identified by its executable'
	needs_kernel 6 18
	neighbour
	local i
	script 'mkdir /tmp/made; echo $$'
	"$RUNTIME" --root "$ROOT" exec neighbour /opt/intrude 4 gains >"$TMP/said" 2>"$TMP/seen" </dev/null 3>&- &
	until_true grep -q waiting "$TMP/said"
	for i in {1..100}; do
		ok runtime run c
		grep -q caught "$TMP/said" && break
	done
	wait $! || true
	equal "$(<"$TMP/said")" $'waiting\nnobody got caught'
	[ "$(<"$TMP/seen")" -gt 0 ] || fail 'it saw nobody'
}
