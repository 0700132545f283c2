#!/usr/bin/env bats
# process.apparmorProfile on a host that has AppArmor: the guest, with --lsm
# apparmor.

load lib

PROFILE=runnel-test-profile

# with_profile loads the profile and puts it into the config.
with_profile() {
	grep -qsw apparmor /sys/kernel/security/lsm || skip 'the host has no AppArmor'
	command -v apparmor_parser >/dev/null || skip 'apparmor_parser is not installed'
	printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n  file,\n  capability,\n  signal,\n  deny /etc/secret r,\n}\n' \
		$PROFILE >"$TMP/profile"
	apparmor_parser --replace --skip-cache "$TMP/profile"
	echo hidden >rootfs/etc/secret
	config '.process.apparmorProfile = $p' --arg p $PROFILE
}

@test "apparmorProfile: run, create and start, exec with the config's process and one of a file" {
	with_profile
	run_prints 'cat /proc/self/attr/current; cat /etc/secret 2>/dev/null || echo refused' "$PROFILE (enforce)"$'\nrefused'
	args cat /proc/self/attr/current
	runtime create c >"$TMP/created" 2>&1 </dev/null 3>&- || fail "$(<"$TMP/created")"
	ok runtime start c
	until_true stopped c
	equal "$(<"$TMP/created")" "$PROFILE (enforce)"
	ok runtime delete c
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$PROFILE (enforce)"
	ok runtime exec --tty c true
	jq '.process | .args = ["cat", "/proc/self/attr/current"]' config.json >"$TMP/process.json"
	ok runtime exec --process "$TMP/process.json" c
	prints "$PROFILE (enforce)"
	ok runtime exec --apparmor unconfined c cat /proc/self/attr/current
	prints unconfined
	# In a user namespace the process is set up in the container's pid namespace.
	ok runtime delete --force c
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	sleeping c
	ok runtime exec c cat /proc/self/attr/current
	prints "$PROFILE (enforce)"
}

@test "apparmorProfile: one that isn't loaded is an error that names it" {
	with_profile
	config '.process.apparmorProfile = "no-such-profile"'
	exits 1 runtime run c
	says 'process.apparmorProfile'
	one_sentence
	nothing_left
}
