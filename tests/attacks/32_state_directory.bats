#!/usr/bin/env bats
# 32. Other users, or an id, reach the state of a container.
# Verdict: refused: ids are file names; the state is root's alone, and reached by descriptor

load lib

@test "ids are file names, not paths" {
	local id
	for id in .. . ../x a/b /tmp/x '' $'a\nb' 'a b' 'a;b'; do
		invoke runtime create -- "$id"
		[ "$status" != 0 ] || fail "created '$id'"
		invoke runtime delete --force -- "$id"
	done
	nothing_left
	only_ours 'the seccomp cache'
	exits 1 runtime create .seccomp
	says 'invalid container ID'
}

@test "other users can't access the state directory" {
	ROOT=$TMP/made
	sleeping c
	equal "$(stat -c %a "$ROOT/c")" "$(is_ours && echo 700 || echo 711)"
	equal "$(find "$ROOT/c" -type f -perm /022)" ''
	ok runtime delete --force c
	rmdir "$ROOT"
	mkdir "$TMP/state" 2>/dev/null || true
}

@test "a state root in which other users can replace the state of containers is refused" {
	needs_root 'have less privileged users'
	only_ours 'runc uses it'
	mkdir "$TMP/foreign" "$TMP/open" "$TMP/sticky"
	chown 1000 "$TMP/foreign"
	chmod 777 "$TMP/open"
	chmod 1777 "$TMP/sticky"
	args true
	local root
	for root in foreign open; do
		ROOT=$TMP/$root exits 1 runtime run c
		says "state root $TMP/$root"
		one_sentence
		equal "$(ls -A "$TMP/$root")" ''
	done
	ROOT=$TMP/sticky ok runtime run c
}

@test "a state that another user has made is refused by every command" {
	needs_root 'have less privileged users'
	only_ours 'runc uses it'
	# The other user claims that a process of the host is the init of a container.
	sleep 1000 3>&- &
	local victim=$! root command
	sleeping c
	mkdir "$TMP/foreign" "$TMP/open" "$TMP/sticky"
	for root in foreign open sticky; do
		cp -r "$ROOT/c" "$TMP/$root/c"
		jq --argjson pid "$victim" --argjson start "$(awk '{print $22}' "/proc/$victim/stat")" \
			'.pid = $pid | .startTime = $start | del(.pidfdInode)' "$TMP/$root/c/state.json" >"$TMP/state.json"
		mv "$TMP/state.json" "$TMP/$root/c/state.json"
	done
	chown 1000 "$TMP/foreign"
	chmod 777 "$TMP/open"
	chmod 1777 "$TMP/sticky"
	chown -R 1000 "$TMP/sticky/c"
	for root in foreign open sticky; do
		for command in 'state c' 'start c' 'exec c true' 'ps c' 'pause c' 'resume c' 'update --pids-limit 50 c' 'events --stats c' \
			'kill c KILL' 'kill --all c KILL' 'delete c' 'delete --force c' list; do
			# shellcheck disable=SC2086 # words of a command
			ROOT=$TMP/$root invoke runtime $command
			[ "$command $root" = 'list sticky' ] || [ "$status" != 0 ] || fail "$command exits 0"
			says "$TMP/$root.*: (it belongs to uid 1000|every user may write)"
			[ -z "$output" ] || [ "$command $root" = 'list sticky' ] || fail "$command: $output"
		done
	done
	kill -0 "$victim"
	kill "$victim"
	has_status c running
}

@test "a symlink in the state root isn't followed" {
	only_ours 'runc uses it as a name below the state root'
	canary
	ln -s "$TMP/canary" "$ROOT/c"
	invoke runtime run c
	[ "$status" != 0 ]
	invoke runtime delete --force c
	canary_intact
	rm "$ROOT/c"
}
