#!/usr/bin/env bats
# 35. An annotation sets a property of the systemd unit that runs a program on the host.
# Succeeds: tests/attacks/weakened
# Verdict: harmless: systemd runs no programs for a scope; `features` lists the annotations as unsafe
# Guests: v2-systemd

load lib

@test "features lists the annotations as potentially unsafe" {
	ok runtime features
	jq -e '.potentiallyUnsafeConfigAnnotations | any(startswith("org.systemd.property."))' <<<"$output" >/dev/null
}

@test "properties that run programs on the host, or move the unit" {
	[ "$DRIVER" = systemd ] || skip 'only with --systemd-cgroup'
	canary
	local property value
	args sleep 1
	while read -r property value; do
		config '.annotations = {("org.systemd.property." + $p): $v}' --arg p "$property" --arg v "$value"
		invoke runtime run c
		# What systemd does, it does after the command.
		sleep 0.3
		canary_intact
		nothing_left
	done <<-END
		ExecStartPre '/bin/touch $TMP/canary/new'
		ExecStopPost '/bin/touch $TMP/canary/new'
		ExecStart [['/bin/touch', ['/bin/touch', '$TMP/canary/new'], false]]
		ExecStopPost [('/bin/touch', ['/bin/touch', '$TMP/canary/new'], false)]
		OnFailure ['emergency.target']
		User 'root'
		Slice '-.slice'
	END
}
