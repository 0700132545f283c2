#!/usr/bin/env bats
# AppArmor profiles and SELinux labels.

load lib
load apparmor
load selinux

wears() { config '.process.apparmorProfile = $profile' --arg profile "$1"; }

@test "apparmor: the process runs under its profile, which denies" {
	needs_apparmor
	profile "$CGROUP" 'deny /tmp/secret rwklx,'
	wears "$CGROUP"
	run_prints 'cat /proc/self/attr/current; echo x >/tmp/secret; echo y >/tmp/other; cat /tmp/other' "$CGROUP (enforce)"$'\ny'
	says 'secret: Permission denied'
}

@test "apparmorProfile: run, create and start, exec with the config's process and one of a file" {
	needs_apparmor
	profile "$CGROUP" 'deny /etc/secret r,'
	wears "$CGROUP"
	echo hidden >rootfs/etc/secret
	run_prints 'cat /proc/self/attr/current; cat /etc/secret 2>/dev/null || echo refused' "$CGROUP (enforce)"$'\nrefused'
	args cat /proc/self/attr/current
	runtime create c >"$TMP/created" 2>&1 </dev/null 3>&- || fail "$(<"$TMP/created")"
	ok runtime start c
	until_true stopped c
	equal "$(<"$TMP/created")" "$CGROUP (enforce)"
	ok runtime delete c
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$CGROUP (enforce)"
	ok runtime exec --tty c true
	jq '.process | .args = ["cat", "/proc/self/attr/current"]' config.json >"$TMP/process.json"
	ok runtime exec --process "$TMP/process.json" c
	prints "$CGROUP (enforce)"
	ok runtime exec --apparmor unconfined c cat /proc/self/attr/current
	prints unconfined
	# In a user namespace the process is created in the container's pid namespace.
	ok runtime delete --force c
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$CGROUP (enforce)"
}

@test "apparmor: children of init, too" {
	needs_apparmor
	profile "$CGROUP" 'deny /opt/** x,'
	wears "$CGROUP"
	script '(cat /proc/self/attr/current); /opt/fdlist'
	exits 126 runtime run c
	prints "$CGROUP (enforce)"
	says '/opt/fdlist: Permission denied'
}

@test "apparmor: exec runs under the config's profile, or under its own" {
	needs_apparmor
	profile "$CGROUP"
	profile "$CGROUP-exec" 'deny /etc/passwd r,'
	wears "$CGROUP"
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$CGROUP (enforce)"
	exits 1 runtime exec --apparmor "$CGROUP-exec" c cat /etc/passwd
	says 'Permission denied'
	jq --arg profile "$CGROUP-exec" '.process | .apparmorProfile = $profile | .args = ["cat", "/proc/self/attr/current"]' config.json >"$TMP/process.json"
	ok runtime exec --process "$TMP/process.json" c
	prints "$CGROUP-exec (enforce)"
	ok runtime exec --apparmor unconfined c cat /proc/self/attr/current
	prints unconfined
}

@test "apparmorProfile: one that isn't loaded is an error that names it" {
	needs_apparmor
	wears runnel-no-such
	exits 1 runtime create c
	says 'process.apparmorProfile: .*runnel-no-such.*\(no such profile is loaded: "apparmor_parser -r FILE" loads one'
	one_sentence
	nothing_left
	wears ''
	sleeping c
	exits 255 runtime exec --apparmor runnel-no-such c true
	says 'process.apparmorProfile: .*runnel-no-such.*no such profile is loaded'
}

@test "apparmor: with noNewPrivileges, without, and with a filter" {
	needs_apparmor
	profile "$CGROUP"
	wears "$CGROUP"
	run_prints 'cat /proc/self/attr/current; grep NoNewPrivs /proc/self/status' "$CGROUP (enforce)"$'\nNoNewPrivs:\t1'
	config '.process.noNewPrivileges = false'
	run_prints 'cat /proc/self/attr/current; grep NoNewPrivs /proc/self/status' "$CGROUP (enforce)"$'\nNoNewPrivs:\t0'
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run_prints 'cat /proc/self/attr/current; mkdir /tmp/x 2>/dev/null || echo denied' "$CGROUP (enforce)"$'\ndenied'
	config '.process.noNewPrivileges = true'
	run_prints 'cat /proc/self/attr/current; mkdir /tmp/x 2>/dev/null || echo denied' "$CGROUP (enforce)"$'\ndenied'
}

@test "apparmor: in a user namespace, and for another user" {
	needs_apparmor
	profile "$CGROUP" 'userns,' 'deny /tmp/secret rwklx,'
	wears "$CGROUP"
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings | .process.user = {"uid": 7, "gid": 8}'
	chmod 755 "$TMP" "$BUNDLE" "$BATS_RUN_TMPDIR"
	run_prints 'cat /proc/self/attr/current; id -u' "$CGROUP (enforce)"$'\n7'
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$CGROUP (enforce)"
}

@test "apparmor: a step that the runtime's own profile denies" {
	needs_apparmor
	profile "$CGROUP" 'deny mount,'
	args true
	command -v aa-exec >/dev/null || skip 'the host has no aa-exec'
	exits 1 aa-exec -p "$CGROUP" -- timeout 20 "$RUNTIME" --root "$ROOT" run c
	says "permission denied \(the runtime is confined by the AppArmor profile $CGROUP \(enforce\), which may deny this"
	one_sentence
	nothing_left
}

@test "apparmor: a host without it" {
	! apparmor || skip 'the host has AppArmor'
	wears some-profile
	exits 1 runtime create c
	says 'process.apparmorProfile: apparmor profile is specified in config, but apparmor is disabled or not supported \(/sys/kernel/security/lsm lists'
	one_sentence
	nothing_left
	wears ''
	sleeping c
	exits 255 runtime exec --apparmor some-profile c true
	says 'process.apparmorProfile: apparmor profile is specified'
}

@test "selinux: a host without a policy" {
	! selinux_policy || skip 'the host has an SELinux policy'
	config '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
	exits 1 runtime create c
	says 'process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported \(selinuxfs must be mounted on /sys/fs/selinux, and a policy loaded\)'
	one_sentence
	nothing_left
	config 'del(.process.selinuxLabel) | .linux.mountLabel = "system_u:object_r:container_file_t:s0"'
	exits 1 runtime create c
	says 'linux.mountLabel: selinux label is specified in config'
	one_sentence
	nothing_left
	config 'del(.linux.mountLabel)'
	sleeping c
	exits 255 runtime exec --process-label system_u:system_r:container_t:s0 c true
	says 'process.selinuxLabel: selinux label is specified in config'
}

# LABEL is a command that prints its label.
LABEL="tr -d '\\0' </proc/self/attr/current; echo"

@test "selinux: run and exec give the process its label" {
	needs_selinux
	config '.process.selinuxLabel = $label' --arg label "$CONTAINER_LABEL"
	run_prints "$LABEL" "$CONTAINER_LABEL"
	sleeping c
	ok runtime exec c sh -c "$LABEL"
	prints "$CONTAINER_LABEL"
	ok runtime exec --process-label "$(tr -d '\0' </proc/self/attr/current)" c sh -c "$LABEL"
	prints "$(tr -d '\0' </proc/self/attr/current)"
}

@test "selinux: mountLabel is that of mounts, and the policy is enforced by it" {
	needs_selinux
	[ "$(</sys/fs/selinux/enforce)" = 1 ] || skip 'SELinux is permissive'
	config '.process.selinuxLabel = $label' --arg label "$CONTAINER_LABEL"
	local label want
	while read -r label want; do
		config '.linux.mountLabel = $label' --arg label "$label"
		run_prints 'echo readable >/dev/shm/x; cat /dev/shm/x 2>/dev/null || echo denied; grep -o "context=[^,]*" /proc/self/mounts | sort -u' \
			"$want"$'\n'"context=$label"
	done <<-END
		$FILE_LABEL readable
		system_u:object_r:shadow_t:s0 denied
	END
}

@test "selinux: a label that the policy doesn't have" {
	needs_selinux
	config '.process.selinuxLabel = "system_u:system_r:nobody_knows_t:s0"'
	exits 1 runtime create c
	says 'nobody_knows_t'
	one_sentence
	nothing_left
}
