# shellcheck shell=bash
# Tests by root of the runtime as an ordinary user.

# become UID GROUPS… makes the tests call the runtime as this user, with the groups that
# the options of setpriv(1) say. The user owns the bundle. The files of the template are
# readable by all users, and remain root's.
become() {
	printf '#!/bin/sh\nexec setpriv --reuid %s --regid %s %s --inh-caps -all --bounding-set -all env -u XDG_RUNTIME_DIR "%s" "$@"\n' \
		"$1" "$1" "${*:2}" "$RUNTIME" >"$TMP/runtime"
	RUNTIME=$TMP/runtime
	chmod 755 "$RUNTIME" "$TMP" "$BATS_RUN_TMPDIR"
	find "$TMP" -type d -exec chown "$1:$1" {} +
}

# one_id makes the config map the user to root, and nothing else.
one_id() {
	config 'del(.linux.cgroupsPath, .linux.uidMappings, .linux.gidMappings) |
		.linux.namespaces = [{"type": "user"}] + (.linux.namespaces | map(select(.type != "user"))) |
		.linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}] | .linux.gidMappings = .linux.uidMappings |
		(.mounts[] | select(.destination == "/dev/pts")).options |= map(select(startswith("gid=") | not))' \
		--argjson uid "$USER_ID"
}

# as_ordinary_user makes the tests run as who is no root: the caller, or else the user of
# the guest, or one without a name.
as_ordinary_user() {
	USER_ID=$(id -u)
	if [ "$USER_ID" = 0 ]; then
		needs_cgroupfs 'a user without a session has no systemd'
		USER_ID=$(id -u tester 2>/dev/null || echo 4242)
		become "$USER_ID" --clear-groups
	fi
	one_id
}
