#!/usr/bin/env bats
# 25. The filter is loaded too late, too early, or not at all.
# Verdict: harmless: the program is the first thing that the filter sees

load lib

@test "exec: a filter that allows less than the runtime needs is still loaded" {
	only_ours 'it depends on the speed of the runtime'
	config '.process.noNewPrivileges = false | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["setsid", "capset"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	sleeping c
	ok runtime exec c awk '/^(Seccomp|CapEff):/ {print $2}' /proc/self/status
	equal "$(wc -l <<<"$output")$(tail -n1 <<<"$output")" 22
}

@test "no system call is made between the filter and the program" {
	only_ours 'runc needs other system calls'
	local nnp
	for nnp in true false; do
		config '.process.noNewPrivileges = $n | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
			{"names": ["close_range", "sendmsg", "sendto", "recvfrom", "capget", "capset", "setresuid", "setgroups", "clone", "openat2"],
			"action": "SCMP_ACT_KILL_PROCESS"}]}' --argjson n $nnp
		args echo over
		run_container
		prints over
		sleeping d
		ok runtime exec d echo over
		prints over
		ok runtime delete --force d
	done
}
