# shellcheck shell=bash
# The vocabulary of the attacks, on top of that of the integration tests. A runtime may
# refuse a hostile container or run it safely; nothing of the host may be read or changed.
# Where success can't be seen otherwise, an attack opens a file of the host for writing,
# and writes nothing.

load ../integration/lib

# UP leads from anywhere in a root to the host's root, if a path is followed there.
UP=../../../../../../../../../..

# host_dev_intact fails if the host's device nodes have changed.
host_dev_intact() {
	equal "$(stat -c '%F %t:%T' /dev/null /dev/zero)" $'character special file 1:3\ncharacter special file 1:5'
}

# without_dev makes the config leave the image's own /dev in place.
without_dev() { config '.mounts |= map(select(.destination | startswith("/dev") | not))'; }

# swapping A B exchanges two names until `unswap`, as an attacker does who shares a volume.
swapping() {
	"$HELPERS/swap" "$1" "$2" 3>&- &
	SWAPPER=$!
}

unswap() {
	kill "$SWAPPER"
	wait "$SWAPPER" 2>/dev/null || true
}

# in_terminal COMMAND ARGUMENT… runs the runtime with a console socket. What the terminal
# shows is in $TMP/shown when `closed` returns.
in_terminal() {
	rm -f "$TMP/tty"
	RECEIVER=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" </dev/null 3>&-)
	invoke runtime "$1" --console-socket "$TMP/tty" "${@:2}"
	[ "$status" = 0 ] || hang_up
}

# closed waits until nothing has the terminal open.
closed() { gone "$RECEIVER"; }

# hang_up closes the terminal.
hang_up() { kill "$RECEIVER" 2>/dev/null || true; }

# pristine restores the config that a test begins with.
pristine() { sed "s,@CGROUP@,$CGROUPS_PATH," "$BATS_SUITE_TMPDIR/config.json" >config.json; }

# peeking PROC TEST makes the container's process look, in this procfs, whether the root of one
# of the processes \$p for which TEST is true has a file of the host. It writes "seen" and
# "caught" to /tmp/said until `no_peek`.
peeking() {
	chmod 1777 rootfs/tmp
	: >"$TMP/host-only"
	cat >rootfs/peek <<-END
		echo waiting >/tmp/said
		while [ ! -e /tmp/end ]; do
			for p in $1/[0-9]*; do
				$2 || continue
				echo seen >>/tmp/said
				[ ! -e "\$p/root$TMP/host-only" ] || echo caught >>/tmp/said
			done
		done
		exec sleep 1000
	END
	args sh /peek
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
}

# no_peek fails if the container has reached a file of the host, or hasn't seen the process.
no_peek() {
	touch rootfs/tmp/end
	! grep caught rootfs/tmp/said || fail 'the container has reached the host'
	grep -q seen rootfs/tmp/said || fail 'it saw nobody'
}

# A runtime that can't run a harmless container holds off every attack.
eval "common_$(declare -f setup)"
setup() {
	common_setup
	if [ "$BATS_TEST_NUMBER" = 1 ]; then
		ok runtime run harmless
	fi
}
