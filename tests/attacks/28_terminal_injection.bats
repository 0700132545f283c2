#!/usr/bin/env bats
# 28. The container types commands into the terminal of the host (TIOCSTI).
# CVE: CVE-2016-7545, CVE-2016-2568 (class)
# Verdict: harmless: a session of its own, in which the caller's terminal isn't the controlling one

load lib

# typed COMMAND… runs a command in a terminal of the host and prints what it shows.
typed() { timeout 20 "$HELPERS/console" run "$@" </dev/null 2>"$TMP/stderr" 3>&- | tr -d '\r'; }

@test "outside of a container the attack works" {
	[ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1)" = 1 ] || skip 'the kernel has no TIOCSTI'
	matches "$(typed "$HELPERS/attack" type x)" 'stdin.*tty'
}

@test "run and exec with the caller's terminal as standard input" {
	args /opt/attack type 'x'
	equal "$(typed "$RUNTIME" --root "$ROOT" run c)" ''
	config '.process.user = {"uid": 1000, "gid": 1000}'
	equal "$(typed "$RUNTIME" --root "$ROOT" run c)" ''
	sleeping d
	equal "$(typed "$RUNTIME" --root "$ROOT" exec d /opt/attack type x)" ''
	equal "$(typed "$RUNTIME" --root "$ROOT" exec --user 1000 d /opt/attack type x)" ''
}

@test "the container has no controlling terminal" {
	script '(: </dev/tty) 2>/dev/null && echo opened; ps -o tty,comm 2>/dev/null | grep -c pts; cut -d" " -f7 /proc/self/stat'
	config '.linux.devices = [{"path": "/dev/tty", "type": "c", "major": 5, "minor": 0, "fileMode": 438}] | .linux.resources.devices = []'
	equal "$(typed "$RUNTIME" --root "$ROOT" run c)" $'0\n0'
}

@test "a new terminal doesn't lead to the caller's" {
	config '.process.terminal = true'
	args /opt/attack type x
	# What was typed into the caller's terminal is read after the container's end.
	equal "$(typed bash -c '"$@" >/dev/null; read -r -t 0.3 -n 1 typed && echo "typed: $typed"' bash "$RUNTIME" --root "$ROOT" run c)" ''
}

@test "names that a container chooses can't control the terminal" {
	only_ours 'runc prints it unescaped'
	args sh -c 'sleep 1000; true' $'\n\033[31mroot 1 forged'
	ok runtime run --detach c
	ok runtime ps c
	[[ $output != *$'\033'* && $(wc -l <<<"$output") -le 3 ]] || fail "$output"
	printf '#!/no\033[31m/such\007\n' >rootfs/bin/entry
	chmod +x rootfs/bin/entry
	invoke runtime exec c /bin/entry
	[ "$status" != 0 ]
	[[ $error != *$'\033'* && $error != *$'\007'* ]] || fail "$error"
}
