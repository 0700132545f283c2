#!/usr/bin/env bats
# 34. While the rules of devices are replaced, a device that is denied can be opened.
# Verdict: harmless: the new rules are in force before the old ones end
# Guests: v2

load lib

# probing makes a container try to open devices that the host has, for SECONDS.
probing() {
	config '.process.capabilities |= map_values(. + ["CAP_SYSLOG"])'
	script "cd /dev; mknod kmsg c 1 11; /opt/attack opened $1 kmsg >/tmp/said; exec sleep 1000"
	chmod 1777 rootfs/tmp
	ok runtime run --detach c
	until_true grep -q waiting rootfs/tmp/said
}

@test "a device that is allowed is opened" {
	needs_root 'create device nodes'
	config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]'
	probing 2
	until_true grep -q opened rootfs/tmp/said
	equal "$(tail -n1 rootfs/tmp/said)" 'opened kmsg'
}

@test "updates of limits and of devices" {
	needs_root 'create device nodes'
	probing 3
	local i
	for i in {1..40}; do
		grep -q opened rootfs/tmp/said && break
		ok runtime update --cpu-share $((100 + i)) c
		echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": '$((i % 3 + 7))', "access": "rwm"}]}' >"$TMP/resources"
		invoke runtime update --resources "$TMP/resources" c
	done
	until_true grep -qE 'opened|few' rootfs/tmp/said
	equal "$(<rootfs/tmp/said)" $'waiting\nnothing opened'
}
