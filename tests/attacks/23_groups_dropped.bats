#!/usr/bin/env bats
# 23. A process leaves a group whose members may do less than others, or keeps one of the caller's.
# CVE: CVE-2014-8989
# Verdict: harmless: setgroups is denied where the user maps only its own group; groups of the caller are dropped
# Guests: rootless

load lib
load ../integration/ordinary_user

# secret makes a file that everyone may read except for members of the group.
secret() {
	echo secret >rootfs/secret
	chown "0:$1" rootfs/secret
	chmod 604 rootfs/secret
}

@test "root's own groups don't get into the container" {
	needs_root 'join a group'
	script 'id -G'
	ok setpriv --groups 4243,4244 "$RUNTIME" --root "$ROOT" run c
	prints 0
	sleeping d
	ok setpriv --groups 4243,4244 "$RUNTIME" --root "$ROOT" exec d id -G
	prints 0
	ok setpriv --groups 4243,4244 "$RUNTIME" --root "$ROOT" exec --user 7:8 d id -G
	prints 8
}

@test "a member of a group that is denied stays one" {
	needs_root 'choose the groups of an ordinary user'
	needs_cgroupfs 'a user without a session has no systemd'
	USER_ID=4242
	become $USER_ID --groups 4243
	one_id
	secret 4243
	args /opt/attack ungroup /secret
	ok runtime run c
	prints $'setgroups: Operation not permitted\nPermission denied'
	sleeping d
	ok runtime exec d /opt/attack ungroup /secret
	prints $'setgroups: Operation not permitted\nPermission denied'
}

@test "setgroups is denied in a container of an ordinary user with one group" {
	USER_ID=$(id -u)
	if [ "$USER_ID" = 0 ]; then
		USER_ID=4242
		needs_cgroupfs 'a user without a session has no systemd'
		become $USER_ID --clear-groups
	fi
	one_id
	script 'cat /proc/self/setgroups; (echo allow >/proc/self/setgroups) 2>/dev/null; cat /proc/self/setgroups'
	ok runtime run c
	prints $'deny\ndeny'
}
