#!/usr/bin/env bats
# 4. Descriptors of the runtime, or of its caller, stay open in the container.
# CVE: golang/go#61751, runc#5007
# Verdict: harmless: all but the streams and what was asked for is close-on-exec before the program runs

load lib

# The caller has directories of the host open, at low and at high numbers.
leaky() { "$@" 7</ 9<"$BUNDLE" 100</etc 1000<"$ROOT"; }

@test "run, create and exec hand on the standard streams only" {
	args /opt/fdlist
	ok leaky runtime run c
	prints '0 1 2'
	leaky runtime create d >"$TMP/created" 2>&1 </dev/null 3>&- || fail "$(<"$TMP/created")"
	ok leaky runtime start d
	until_true stopped d
	equal "$(<"$TMP/created")" '0 1 2'
	ok runtime delete d
	sleeping e
	ok leaky runtime exec e /opt/fdlist
	prints '0 1 2'
	ok leaky runtime exec --user 1000 --cwd /tmp e /opt/fdlist
	prints '0 1 2'
}

@test "a terminal leaves no descriptor of its socket" {
	config '.process.terminal = true'
	args /opt/fdlist
	leaky in_terminal run --detach c
	closed
	equal "$(tr -d '\r' <"$TMP/shown")" '0 1 2'
	config '.process.terminal = false'
	ok runtime delete --force c
	sleeping d
	leaky in_terminal exec --tty --detach d /opt/fdlist
	closed
	equal "$(tr -d '\r' <"$TMP/shown")" '0 1 2'
}

@test "with preserved descriptors, a notify socket and a filter that notifies" {
	local receiver
	receiver=$("$HELPERS/notify" -l "$TMP/notify" "$TMP/messages" 3>&-)
	args sh -c '/opt/notify READY=1; exec /opt/fdlist'
	status=0
	NOTIFY_SOCKET=$TMP/notify leaky "$RUNTIME" --root "$ROOT" run --preserve-fds 1 c >"$TMP/out" 2>"$TMP/stderr" </dev/null 3</dev/null || status=$?
	kill "$receiver"
	equal "$status $(<"$TMP/out")" '0 0 1 2 3' || fail "$(<"$TMP/stderr")"
	receiver=$("$HELPERS/agent" "$TMP/agent" "$TMP/seen" 0 3>&-)
	config '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": $s,
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}' --arg s "$TMP/agent"
	args /opt/fdlist
	ok leaky runtime run c
	prints '0 1 2'
	gone "$receiver"
}

@test "hooks in the container get no descriptor either" {
	# ls opens the directory as the fourth.
	printf '#!/bin/sh\nls /proc/self/fd | wc -l >/tmp/seen\nls -l /proc/self/fd >>/tmp/seen\n' >rootfs/bin/hook
	chmod +x rootfs/bin/hook
	config '.hooks = {"startContainer": [{"path": "/bin/hook", "env": ["PATH=/bin"]}]}'
	args true
	ok leaky runtime run c
	equal "$(head -n1 rootfs/tmp/seen)" 4 || fail "$(<rootfs/tmp/seen)"
}

@test "an exec sees nothing through /proc/PID/fd of the container's first process" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])'
	args sleep 1000
	ok leaky runtime run --detach c
	ok runtime exec c sh -c 'ls /proc/1/fd | tr "\n" " "'
	prints '0 1 2 '
}
