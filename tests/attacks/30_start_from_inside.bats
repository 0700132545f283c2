#!/usr/bin/env bats
# 30. The container replaces what `start` waits at, or starts itself.
# Succeeds: crun 1.8.1
# Verdict: harmless: a socket in the state directory, which is out of the container's reach

load lib

@test "an exec in a created container neither starts it nor reaches the state directory" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"])'
	script 'echo ran >/tmp/ran; exec sleep 1000'
	ok runtime create c
	invoke runtime exec c sh -c 'for n in /proc/[0-9]*; do
			cat $n/fd/*/state.json $n/cwd/state.json $n/root/../../state.json 2>/dev/null
			for fd in $n/fd/[3-9] $n/fd/1[0-9]; do timeout 1 sh -c "printf 0000 >>$fd" 2>/dev/null; done
		done; kill -CONT 1'
	[[ $output != *ociVersion* && $output != *bundle* ]] || fail "it has read the state: $output"
	[ ! -e rootfs/tmp/ran ] || fail 'it has started itself'
	has_status c created
	ok runtime start c
	until_true test -e rootfs/tmp/ran
}

@test "a container can't make another start, by the network namespace of the host" {
	script 'echo ran >/tmp/ran'
	ok runtime create c
	args cat /proc/net/unix
	config '.linux.namespaces |= map(select(.type != "network")) | .linux.cgroupsPath += "2"'
	ok runtime run d
	# An abstract socket can be connected to from everywhere in the network namespace.
	! grep -E "@.*($TMP|runnel|start|exec)" <<<"$output" || fail 'an abstract socket'
	has_status c created
	[ ! -e rootfs/tmp/ran ]
}
