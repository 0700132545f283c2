#!/usr/bin/env bats
# The commands of README.md for an ordinary user. They require subordinate ids and a
# session with systemd, as in a guest. tests/readme runs the other commands.

load lib

# blocks prints the commands of a section.
blocks() {
	awk -v section="## $1" '/^## / { inside = $0 == section } inside && /^```/ { code = $0 == "```sh"; next } code' \
		"$TOP/README.md"
}

@test "README: the commands for an ordinary user" {
	rootless || skip 'tests/readme runs the commands for root'
	needs_cgroupfs 'the commands choose the driver themselves'
	[ -S "${XDG_RUNTIME_DIR:-}/systemd/private" ] || skip 'needs a session with systemd'
	mkdir "$TMP/bin" "$TMP/reader"
	# The container runs in a terminal. The command is typed until the container's shell
	# has read it.
	cat >"$TMP/bin/runnel" <<END
#!/bin/sh
case " \$* " in
*' run '*)
	while sleep 1 && echo 'echo map: \$(cat /proc/self/uid_map); exit' 2>/dev/null; do :; done |
		script -qefc "$RUNTIME --root $ROOT \$*" /dev/null
	;;
*) exec $RUNTIME --root $ROOT "\$@" ;;
esac
END
	chmod +x "$TMP/bin/runnel"
	blocks 'Run a container without root' >"$TMP/blocks"
	[ "$(grep -c 'runnel.* run ' "$TMP/blocks")" = 4 ] || fail 'README.md has other commands'
	cd "$TMP/reader"
	PATH=$TMP/bin:$PATH ok timeout 120 sh -eu "$TMP/blocks"
	matches "$output" "map: 0 $(id -u) 1"
	matches "$output" "map: 0 $(id -u) 1 1 $(awk -F: -v user="$(id -un)" '$1 == user { print $2; exit }' /etc/subuid)"
	cd "$BUNDLE"
}
