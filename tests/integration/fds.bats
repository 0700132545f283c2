#!/usr/bin/env bats
# The descriptors that the container's process inherits.

load lib

@test "0, 1 and 2, whatever the caller has open" {
	args /opt/fdlist
	exec 7<"$BUNDLE" 9</dev/null 17</
	run_container
	prints '0 1 2'
	sleeping d
	ok runtime exec d /opt/fdlist
	prints '0 1 2'
	exec 7<&- 9<&- 17<&-
}

@test "--preserve-fds N: the next N descriptors as well" {
	args /opt/fdlist
	echo text >"$TMP/file"
	status=0
	"$RUNTIME" --root "$ROOT" run --preserve-fds 2 c >"$TMP/out" 3<"$TMP/file" 4</dev/null 6</dev/null || status=$?
	equal "$status $(<"$TMP/out")" '0 0 1 2 3 4'
	script 'cat <&3'
	"$RUNTIME" --root "$ROOT" run --preserve-fds 1 c >"$TMP/out" 3<"$TMP/file"
	equal "$(<"$TMP/out")" text
}

@test "--preserve-fds of descriptors that aren't open" {
	only_ours "runc doesn't distinguish its own descriptors from the caller's"
	status=0
	"$RUNTIME" --root "$ROOT" run --preserve-fds 2 c >"$TMP/out" 2>"$TMP/stderr" 3</dev/null 4<&- || status=$?
	error=$(<"$TMP/stderr")
	[ $status != 0 ]
	one_sentence
	equal "$error" 'runnel run failed: unable to stat preserved-fd 1 (of 2): bad file descriptor'
	nothing_left
}

@test "LISTEN_FDS: socket activation" {
	script '/opt/fdlist; echo $LISTEN_FDS $LISTEN_PID'
	# LISTEN_PID must be the runtime's pid: sh is replaced by the runtime.
	# shellcheck disable=SC2016
	LISTEN_FDS=2 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$RUNTIME" --root "$ROOT" run c >"$TMP/out" 3</dev/null 4</dev/null 5</dev/null
	equal "$(<"$TMP/out")" $'0 1 2 3 4\n2 1'
}

@test "LISTEN_FDS and --preserve-fds together" {
	args /opt/fdlist
	# shellcheck disable=SC2016
	LISTEN_FDS=1 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$RUNTIME" --root "$ROOT" run --preserve-fds 1 c >"$TMP/out" 3</dev/null 4</dev/null 5</dev/null
	equal "$(<"$TMP/out")" '0 1 2 3 4'
}

@test "LISTEN_FDS beyond what is open: start and delete, which pass nothing on, don't mind" {
	only_ours 'runc passes its own descriptors on'
	# shellcheck disable=SC2016
	listening() { LISTEN_FDS=2 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$RUNTIME" --root "$ROOT" "$@" 3</dev/null 4<&-; }
	exits 1 listening create c
	equal "$error" 'runnel create failed: LISTEN_FDS=2: descriptor 4: bad file descriptor'
	ok runtime create c
	ok listening start c
	ok listening delete --force c
}

@test "LISTEN_FDS for another process is ignored" {
	script '/opt/fdlist; echo "[$LISTEN_FDS]"'
	LISTEN_FDS=2 LISTEN_PID=1 "$RUNTIME" --root "$ROOT" run c >"$TMP/out" 3</dev/null 4</dev/null
	only_ours 'runc 1.1 does not look at LISTEN_PID'
	equal "$(<"$TMP/out")" $'0 1 2\n[]'
}

@test "LISTEN_FDNAMES is passed on" {
	only_ours 'runc drops LISTEN_FDNAMES'
	script 'echo $LISTEN_FDNAMES'
	# shellcheck disable=SC2016
	LISTEN_FDS=2 LISTEN_FDNAMES=http:admin sh -c 'LISTEN_PID=$$ exec "$@"' sh "$RUNTIME" --root "$ROOT" run c >"$TMP/out" 3</dev/null 4</dev/null
	equal "$(<"$TMP/out")" http:admin
}

@test "with a terminal" {
	config '.process.terminal = true'
	args /opt/fdlist
	"$HELPERS/console" receive "$TMP/tty" "$TMP/shown" </dev/null >"$TMP/receiver" 3>&-
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$(<"$TMP/receiver")"
	equal "$(tr -d '\r' <"$TMP/shown")" '0 1 2'
}

@test "a detached container has no descriptor of the caller except for its standard streams" {
	args sleep 1000
	ok runtime run --detach c
	equal "$(find "/proc/$(pid_of c)/fd" -type l -printf '%f\n' | sort -n | tr '\n' ' ')" '0 1 2 '
}

@test "a created container has no directory of the host open" {
	ok runtime create c
	local pid link mount
	pid=$(pid_of c)
	for link in "/proc/$pid/fd"/*; do
		[ -d "$link" ] || continue
		# A directory in the container's own mounts may be open.
		mount=$(awk '/^mnt_id/ {print $2}' "/proc/$pid/fdinfo/${link##*/}")
		! grep -q "^$mount " /proc/self/mountinfo || [ "$(readlink "$link")" = "$ROOT/c" ] || fail "$(readlink "$link")"
	done
}

@test "--pidfd-socket of create and exec" {
	only_ours 'newer than runc 1.1'
	local receiver
	receiver=$("$HELPERS/pidfdreceive" "$TMP/s1" "$TMP/got1" 3>&-)
	args sleep 1000
	ok runtime create --pidfd-socket "$TMP/s1" c
	gone "$receiver"
	equal "$(<"$TMP/got1")" "standard $(pid_of c)"
	ok runtime start c
	receiver=$("$HELPERS/pidfdreceive" "$TMP/s2" "$TMP/got2" 3>&-)
	ok runtime exec --detach --pidfd-socket "$TMP/s2" --pid-file "$TMP/pid" c sleep 1000
	gone "$receiver"
	equal "$(<"$TMP/got2")" "setns $(<"$TMP/pid")"
}
