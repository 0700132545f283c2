#!/usr/bin/env bats
# 24. The container has the session keyring of the caller, or of another user.
# Succeeds: crun 1.8.1
# Verdict: harmless: the session keyring is new, and has no name that another could have taken

load lib
load ../integration/criu

setup_file() { find_criu; }

@test "the session keyring is the container's own, whatever keyrings of others are called" {
	[ -r /proc/keys ] || skip 'the kernel has no keyrings'
	only_ours 'runc joins by name'
	local name pids=() pid
	# Another process has keyrings with the likely names, which everybody may search.
	for name in _ses _ses.c c; do
		setpriv --reuid 1000 --regid 1000 --clear-groups "$HELPERS/facts" plant "$name" 3>&- >"$TMP/$name.planted" &
		pids+=($!)
	done
	for name in _ses _ses.c c; do
		until_true grep -q planted "$TMP/$name.planted"
	done
	args sh -c '/opt/facts keyring; exec sleep 1000'
	ok runtime run --detach c
	until_true grep -q keyring "$TMP/stdout"
	matches "$(<"$TMP/stdout")" '^keyring;0;0;'
	ok runtime exec c /opt/facts keyring
	matches "$output" '^keyring;0;0;'
	for pid in "${pids[@]}"; do kill "$pid"; done
}

@test "keys of the caller can't be found" {
	[ -r /proc/keys ] || skip 'the kernel has no keyrings'
	args /opt/attack secret runnel-test
	equal "$("$HELPERS/attack" hide runnel-test treasure "$HELPERS/attack" secret runnel-test)" treasure
	ok "$HELPERS/attack" hide runnel-test treasure "$RUNTIME" --root "$ROOT" run c
	[[ $output != *treasure* ]] || fail "$output"
	sleeping d
	ok "$HELPERS/attack" hide runnel-test treasure "$RUNTIME" --root "$ROOT" exec d /opt/attack secret runnel-test
	[[ $output != *treasure* ]] || fail "$output"
}

@test "keys of the caller of restore can't be found" {
	[ -r /proc/keys ] || skip 'the kernel has no keyrings'
	needs_criu
	script 'while :; do /opt/attack secret runnel-test >/found.new 2>&1; mv /found.new /found; sleep 0.05; done'
	ok runtime run --detach c
	ok runtime checkpoint --image-path "$TMP/images" c
	rm -f rootfs/found
	ok "$HELPERS/attack" hide runnel-test treasure \
		"$RUNTIME" --root "$ROOT" restore --detach --image-path "$TMP/images" c
	until_true test -e rootfs/found
	rm rootfs/found
	until_true test -e rootfs/found
	[[ $(<rootfs/found) != *treasure* ]] || fail 'the restored process possesses a key of the caller'
}
