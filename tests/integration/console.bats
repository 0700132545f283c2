#!/usr/bin/env bats
# Terminals: with a console socket, in the foreground, for exec.

load lib

# receive starts a console socket whose terminal follows the script on stdin; it sets $receiver to its pid.
receive() { receiver=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" 3>&-); }
shown() { tr -d '\r' <"$TMP/shown"; }

@test "create and start with a console socket" {
	config '.process.terminal = true'
	script 'tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal; read line; echo "got $line"'
	receive <<-'END'
		await terminal
		type hello
		await got hello
	END
	ok runtime create --console-socket "$TMP/tty" c
	local pid
	pid=$(pid_of c)
	ok runtime start c
	gone "$pid"
	gone "$receiver"
	equal "$(shown)" $'/dev/pts/0\nterminal\nhello\ngot hello'
}

@test "run --detach with a console socket" {
	config '.process.terminal = true'
	script 'echo here'
	receive <<<'await here'
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	equal "$(shown)" here
}

@test "consoleSize" {
	config '.process.terminal = true | .process.consoleSize = {"height": 33, "width": 77}'
	script 'stty size'
	receive </dev/null
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	equal "$(shown)" '33 77'
}

@test "/dev/console is the terminal" {
	config '.process.terminal = true'
	script 'echo by console >/dev/console; stat -c %F /dev/console'
	receive <<<'await special'
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	equal "$(shown)" $'by console\ncharacter special file'
}

@test "a terminal on a read-only /dev" {
	config '.process.terminal = true | (.mounts[] | select(.destination == "/dev")).options += ["ro"]'
	script 'echo by console >/dev/console; touch /dev/x 2>/dev/null || echo read-only'
	receive <<<'await read-only'
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	equal "$(shown)" $'by console\nread-only'
}

@test "a size set by the console's owner reaches the process" {
	config '.process.terminal = true'
	script 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.01; done'
	receive <<-'END'
		await ready
		size 11 22
		await 11 22
	END
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	[[ $(shown) == *'11 22'* ]]
}

@test "the terminal belongs to the container's user" {
	config '.process.terminal = true | .process.user = {"uid": 1000, "gid": 1000}'
	script 'stat -c %u $(tty); echo again >/dev/tty'
	receive <<<'await again'
	ok runtime run --detach --console-socket "$TMP/tty" c
	gone "$receiver"
	equal "$(shown)" $'1000\nagain'
}

@test "when the terminal is closed the session gets SIGHUP" {
	config '.process.terminal = true'
	args sh -c 'echo ready; exec sleep 1000'
	without_pid_namespace
	receive <<-'END'
		await ready
		hangup
	END
	ok runtime run --detach --pid-file "$TMP/pid" --console-socket "$TMP/tty" c
	gone "$(<"$TMP/pid")"
	gone "$receiver"
	has_status c stopped
}

@test "exec --tty with a console socket" {
	sleeping c
	receive <<-'END'
		type echo $((20 + 3))
		await 23
		type exit
	END
	ok runtime exec --tty --detach --console-socket "$TMP/tty" c sh
	gone "$receiver"
	[[ $(shown) == *$'\n23'* ]]
}

# in_terminal COMMAND… runs the runtime in a new terminal, which follows the script on stdin.
in_terminal() {
	status=0
	timeout 30 "$HELPERS/console" run "$RUNTIME" --root "$ROOT" "$@" >"$TMP/shown" 2>"$TMP/stderr" 3>&- || status=$?
	output=$(shown)
	error=$(<"$TMP/stderr")
}

# Because of the quotes the echo of the input differs from the output.
@test "run in the foreground: a shell with job control" {
	config '.process.terminal = true'
	args sh -i
	in_terminal run c <<-'END'
		await #
		type sh -c "echo run''ning; exec sleep 1000"
		await running
		key 3
		await #
		type echo status $?
		await status 130
		await #
		type sh -c "echo run''ning; exec sleep 1000"
		await running
		key 26
		await Stopped
		await #
		type kill -9 %1; sleep 0.1; exit 7
	END
	equal "$status" 7
	nothing_left
}

@test "run in the foreground: Ctrl-C ends a program that doesn't catch it" {
	without_pid_namespace
	config '.process.terminal = true'
	args sh -c 'echo ready; exec sleep 1000'
	in_terminal run c <<-'END'
		await ready
		key 3
	END
	equal "$status" 130
}

@test "run in the foreground: the size at the start and after a change" {
	config '.process.terminal = true'
	script 'stty size; trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.01; done'
	in_terminal run c <<-'END'
		await 24 80
		await ready
		size 50 132
		await 50 132
	END
	equal "$status" 0
}

@test "run in the foreground: the settings of the caller's terminal are restored" {
	config '.process.terminal = true'
	script 'stty -echo raw'
	status=0
	# shellcheck disable=SC2016
	timeout 30 "$HELPERS/console" run sh -c 'stty -g; "$1" --root "$2" run c; stty -g' sh "$RUNTIME" "$ROOT" </dev/null >"$TMP/shown" 3>&-
	equal "$(shown | head -1)" "$(shown | tail -1)"
	equal "$(shown | wc -l)" 2
}

@test "exec --tty in the foreground" {
	sleeping c
	in_terminal exec --tty c sh -c 'tty; exit 4' </dev/null
	equal "$status" 4
	prints /dev/pts/0
}

@test "exec without --tty has no terminal, even if the config does" {
	config '.process.terminal = true'
	args sleep 1000
	receive </dev/null
	ok runtime run --detach --console-socket "$TMP/tty" c
	ok runtime exec c sh -c '[ -t 1 ] || echo none'
	prints none
	ok runtime delete --force c
	gone "$receiver"
}

@test "a terminal when stdin, stdout and stderr aren't terminals" {
	config '.process.terminal = true'
	script 'tty'
	invoke runtime run c
	# Without a terminal to copy to, the runtime may refuse; it must not hang or leak.
	nothing_left
}

@test "a large output arrives complete" {
	config '.process.terminal = true'
	script 'seq 1 20000'
	in_terminal run c </dev/null
	equal "$(tail -1 <<<"$output")" 20000
	equal "$(wc -l <<<"$output")" 20000
}

@test "line feeds of a terminal in the foreground are those of the process" {
	config '.process.terminal = true'
	script 'echo one; echo two'
	in_terminal run c </dev/null
	# The terminal of the caller adds the carriage returns, once.
	equal "$(od -c <"$TMP/shown" | head -1)" "$(printf 'one\r\ntwo\r\n' | od -c | head -1)"
	config '.process.terminal = false'
	sleeping d
	in_terminal exec --tty d printf 'one\ntwo\n' </dev/null
	equal "$(od -c <"$TMP/shown" | head -1)" "$(printf 'one\r\ntwo\r\n' | od -c | head -1)"
	only_ours 'runc refuses without a terminal of its own'
	ok runtime exec --tty d printf 'one\ntwo\n'
	equal "$(od -c <"$TMP/stdout")" "$(printf 'one\ntwo\n' | od -c)"
	config '.linux.cgroupsPath += "2" | .process.terminal = true'
	script 'echo one; echo two'
	ok runtime run c
	equal "$(od -c <"$TMP/stdout")" "$(printf 'one\ntwo\n' | od -c)"
}
