#!/usr/bin/env bats
# 31. The directory of the notify socket, or of another file that the runtime brings, is a symlink of the image.
# Verdict: refused: destinations are resolved inside of the root

load lib

# ready runs the container under a service manager.
ready() {
	local receiver
	rm -f "$TMP/notify"
	receiver=$("$HELPERS/notify" -l "$TMP/notify" "$TMP/messages" 3>&-)
	NOTIFY_SOCKET=$TMP/notify invoke runtime run c
	kill "$receiver"
}

@test "a notify socket in an ordinary image" {
	args /opt/notify READY=1
	ready
	equal "$status" 0
	grep -q READY=1 "$TMP/messages"
}

@test "/run, /run/notify and the socket are symlinks out of the root" {
	canary
	args /opt/notify READY=1
	rm -rf rootfs/run
	ln -s "$UP$TMP/canary" rootfs/run
	ready
	canary_intact
	rm rootfs/run
	mkdir rootfs/run
	ln -s "$UP$TMP/canary" rootfs/run/notify
	ready
	canary_intact
	ln -sfn "$TMP/canary/new" rootfs/run/notify
	ready
	canary_intact
	rm rootfs/run/notify
	mkdir rootfs/run/notify
	ln -s "$UP$TMP/canary/file" rootfs/run/notify/notify.sock
	ready
	canary_intact
	nothing_left
}
