#!/usr/bin/env bats
# 29. A process in the same user and pid namespace takes descriptors of the host from one that is being set up.
# Verdict: harmless: not dumpable, and outside of the pid namespace, as long as it has one

load lib

# pod makes container a with all capabilities in a user namespace of its own, which looks
# for SECONDS for the processes of the runtime. The config is then that of its neighbours.
pod() {
	local caps='["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE", "CAP_KILL"]'
	config ".process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps} |
		.linux.namespaces += [{\"type\": \"user\"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings"
	chmod 755 "$TMP" "$BUNDLE" "$BATS_RUN_TMPDIR"
	chmod 1777 rootfs/tmp
	args sh -c "/opt/intrude $1 >/tmp/said; exec sleep 1000"
	ok runtime run --detach a
	until_true grep -q waiting rootfs/tmp/said
	config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.cgroupsPath += "2" |
		.linux.namespaces |= map(if .type == "user" or .type == "pid" then .path = "/proc/\($p)/ns/\(.type)" else . end)' --argjson p "$(pid_of a)"
}

nobody_caught() {
	until_true grep -qE 'caught' rootfs/tmp/said
	equal "$(<rootfs/tmp/said)" $'waiting\nnobody got caught'
}

@test "containers are created, wait and start in a pod" {
	needs_root 'map what ids it likes'
	needs_namespace user
	pod 3
	args true
	local i
	for i in {1..10}; do
		ok runtime create b
		[ "$i" -lt 9 ] || sleep 0.3
		ok runtime start b
		until_true stopped b
		ok runtime delete b
		ok runtime run b
	done
	nobody_caught
}

@test "exec into a pod" {
	needs_root 'map what ids it likes'
	needs_namespace user
	pod 2
	sleeping b
	for _ in {1..20}; do
		ok runtime exec b true
		ok runtime exec a true
	done
	nobody_caught
}
