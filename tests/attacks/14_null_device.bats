#!/usr/bin/env bats
# 14. Standard streams from /dev/null are reopened or given away through a symlink.
# CVE: CVE-2026-88265
# Succeeds: crun 1.8.1
# Verdict: harmless: /dev/null is opened without symlinks and verified; owners change by descriptor, never of /dev/null

load lib

@test "/dev/null of the image is a symlink to the host's file, stdio is /dev/null (CVE-2026-88265)" {
	needs_root 'give a file away'
	canary
	chown 1:1 "$TMP/canary/file"
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.user = {"uid": 1000, "gid": 1000}'
	ln -s "../../../../../../../..$TMP/canary/file" rootfs/dev/null
	status=0
	timeout 20 "$RUNTIME" --root "$ROOT" run c </dev/null >/dev/null 2>/dev/null 3>&- || status=$?
	canary_intact
	equal "$(stat -c %u "$TMP/canary/file")" 1
	equal "$(stat -c %u /dev/null)" 0
	nothing_left
}

@test "what is in place of /etc/passwd and /dev/null isn't even opened" {
	only_ours 'runc opens /etc/passwd to find the user'
	config 'del(.process.env[] | select(startswith("HOME=")))'
	# Opening can have effects: a writer waits until somebody opens the pipe for reading.
	script 'for pipe in /dev/null /etc/passwd; do
			(until [ -p $pipe ]; do sleep 0.01; done; echo >$pipe; echo "$pipe is open") &
		done
		rm -f /dev/null /etc/passwd; mkfifo /dev/null /etc/passwd; sleep 0.2; echo over; sleep 1000'
	runtime run --detach c >"$TMP/said" 2>&1 </dev/null 3>&-
	until_true grep -q over "$TMP/said"
	ok runtime exec c true
	! grep 'is open' "$TMP/said" || fail 'that was opened'
}

@test "exec: the container's /dev/null and terminals have been replaced" {
	echo intact >rootfs/etc/canary
	script 'rm -f /dev/null /dev/ptmx; ln -s /etc/canary /dev/null; ln -s /etc/canary /dev/ptmx; echo over; exec sleep 1000'
	runtime run --detach c >"$TMP/said" 2>&1 </dev/null 3>&-
	until_true grep -q over "$TMP/said"
	status=0
	timeout 10 "$RUNTIME" --root "$ROOT" exec --user 1000 c true </dev/null >/dev/null 2>&1 3>&- || status=$?
	equal "$status $(<rootfs/etc/canary) $(stat -c %u rootfs/etc/canary /dev/null)" "0 intact $(id -u)"$'\n0'
	only_ours 'runc uses /dev/ptmx'
	ok runtime exec --tty c true
	equal "$(<rootfs/etc/canary)" intact
}
