#!/usr/bin/env bats
# 33. A hook runs with what the container, or the environment of the runtime, puts in.
# Succeeds: runc 1.1.5
# Verdict: harmless: hooks get the environment of config.json and the state; those of the host are programs of the host

load lib

@test "hooks see nothing of the runtime's environment and descriptors" {
	printf '#!/bin/sh\nenv | grep -c HOST_SECRET >>%s\nls /proc/self/fd | wc -l >>%s\n' "$TMP/seen" "$TMP/seen" >"$TMP/hook"
	chmod +x "$TMP/hook"
	local kind
	for kind in createRuntime createContainer poststart poststop; do
		rm -f "$TMP/seen"
		config '.hooks = {($k): [{"path": $p, "env": ["PATH=/bin:/usr/bin"]}]}' --arg k $kind --arg p "$TMP/hook"
		args true
		HOST_SECRET=x ok runtime run c 7<"$BUNDLE" 8</dev/null
		# 0, 1, 2 and the directory that ls reads
		equal "$(<"$TMP/seen")" $'0\n4'
	done
}

@test "the image can't put its own program in place of a hook of the host" {
	printf '#!/bin/sh\ncat >/dev/null; echo host >>%s\n' "$TMP/seen" >"$TMP/hook"
	mkdir -p "rootfs$TMP"
	printf '#!/bin/sh\necho image >>/tmp/seen\n' >"rootfs$TMP/hook"
	chmod +x "$TMP/hook" "rootfs$TMP/hook"
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		rm -f "$TMP/seen"
		config '.hooks = {($k): [{"path": $p}]}' --arg k $kind --arg p "$TMP/hook"
		ok runtime run c
		equal "$(<"$TMP/seen")" host
		[ ! -e rootfs/tmp/seen ] || fail "$kind ran the program of the image"
	done
}

@test "a hook in the container gets its own environment, and ends at the root of the image" {
	printf '#!/bin/sh\nenv >/tmp/seen; ls %s >>/tmp/seen 2>/dev/null; cat >/tmp/state\n' "$UP$BUNDLE" >rootfs/bin/hook
	chmod +x rootfs/bin/hook
	config '.hooks = {"startContainer": [{"path": "/bin/hook", "env": ["PATH=/bin", "HOOK=1"]}]} |
		.annotations = {"a\"b": "c\n\\", "d": "\u0001"}'
	HOST_SECRET=x ok runtime run c
	! grep -qE 'HOST_SECRET|RUNNEL_TEST|config.json' rootfs/tmp/seen || fail "$(<rootfs/tmp/seen)"
	jq -e '.annotations["a\"b"] == "c\n\\"' rootfs/tmp/state >/dev/null
}
