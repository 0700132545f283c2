#!/usr/bin/env bats
# process: rlimits, capabilities, user, umask, groups, noNewPrivileges, oomScoreAdj.

load lib

# status_field NAME prints a field of /proc/PID/status of the container's process.
status_field() { script "awk '/^$1:/ {\$1 = \"\"; print substr(\$0, 2)}' /proc/self/status"; }

@test "the annotation that keeps the caller's groups" {
	is_ours || [ "$(basename "$RUNTIME")" = crun ] || skip "others don't know the annotation"
	needs_root 'have groups'
	config '.annotations["run.oci.keep_original_groups"] = "1" | .process.user.additionalGids = [7]'
	args sh -c 'id -G'
	ok setpriv --groups 50,60 "$RUNTIME" --root "$ROOT" run c
	prints '0 50 60'
	sleeping c
	ok setpriv --groups 70,80 "$RUNTIME" --root "$ROOT" exec c id -G
	prints '0 70 80'
	ok runtime delete --force c
	# A user namespace whose root could drop them.
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
		.linux.gidMappings = .linux.uidMappings | .process.args = ["id", "-G"]'
	ok setpriv --groups 50,60 "$RUNTIME" --root "$ROOT" run c
	prints '0 65534 65534'
}

@test "rlimits" {
	config '.process.rlimits = [
		{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
		{"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
		{"type": "RLIMIT_STACK", "soft": 1048576, "hard": 2097152},
		{"type": "RLIMIT_FSIZE", "soft": 1000000, "hard": 2000000}]'
	script "awk '/Max (open files|core|stack|file size)/ {print \$(NF-2), \$(NF-1)}' /proc/self/limits | sort -n"
	run_container
	prints $'0 0\n100 200\n1000000 2000000\n1048576 2097152'
}

@test "rlimits that aren't set are the caller's" {
	only_ours 'runc 1.1 passes on the limit that Go has raised'
	ulimit -S -n 333
	run_prints "awk '/Max open files/ {print \$4}' /proc/self/limits" 333
	sleeping c
	ok runtime exec c awk '/Max open files/ {print $4}' /proc/self/limits
	prints 333
}

@test "rlimits of exec's process file" {
	sleeping c
	echo '{"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"], "args": ["awk", "/Max core file/ {print $5, $6}", "/proc/self/limits"], "rlimits": [{"type": "RLIMIT_CORE", "soft": 11, "hard": 12}]}' >"$TMP/process.json"
	ok runtime exec --process "$TMP/process.json" c
	prints '11 12'
}

@test "the five sets of capabilities" {
	config '.process.capabilities = {
		"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
		"permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
		"effective": ["CAP_CHOWN", "CAP_NET_RAW"],
		"inheritable": ["CAP_NET_RAW", "CAP_KILL"],
		"ambient": ["CAP_NET_RAW"]} | .process.user = {"uid": 1000, "gid": 1000}'
	# execve by a user other than root keeps only the ambient capabilities.
	script "awk '/^Cap/ {print \$1, \$2}' /proc/self/status"
	run_container
	prints 'CapInh: 0000000000002020
CapPrm: 0000000000002000
CapEff: 0000000000002000
CapBnd: 00000000000020a1
CapAmb: 0000000000002000'
}

@test "no capabilities at all" {
	config '.process.capabilities = {}'
	script "awk '/^Cap/ {print \$2}' /proc/self/status | sort -u"
	run_container
	prints 0000000000000000
}

@test "no inheritable capabilities are added (CVE-2022-29162)" {
	sleeping c
	ok runtime exec --cap CAP_SYS_PTRACE c awk '/CapInh/ {print $2}' /proc/self/status
	prints 0000000000000000
}

@test "user, group, additional groups, umask" {
	local last=2147483647
	! rootless || last=65535
	config '.process.user = {"uid": 1000, "gid": 5, "additionalGids": [10, $last]}' --argjson last $last
	run_prints 'id -u; id -g; id -G; umask' $'1000\n5\n5 10 '"$last"$'\n0022'
	config '.process.user.umask = 63'
	run_prints 'umask' 0077
}

@test "the caller's groups aren't inherited" {
	status_field Groups
	run_container
	equal "$(tr -d ' ' <<<"$output")" ''
}

@test "a user who isn't root has no effective capabilities" {
	config '.process.user = {"uid": 1000, "gid": 1000}'
	status_field CapEff
	run_container
	prints 0000000000000000
}

@test "noNewPrivileges" {
	status_field NoNewPrivs
	run_container
	prints 1
	config '.process.noNewPrivileges = false'
	run_container
	prints 0
}

@test "oomScoreAdj; unset it is the caller's" {
	config '.process.oomScoreAdj = 555'
	run_prints 'cat /proc/self/oom_score_adj' 555
	config 'del(.process.oomScoreAdj)'
	run_prints 'cat /proc/self/oom_score_adj' "$(</proc/self/oom_score_adj)"
}

@test "cwd is entered before the user changes, so it may be a directory of root's" {
	mkdir -m 700 rootfs/private
	config '.process.cwd = "/private" | .process.user = {"uid": 1000, "gid": 1000} | .process.capabilities = {}'
	args echo started
	run_container
	prints started
}

@test "ignored and blocked signals of the caller aren't inherited" {
	script "awk '/^Sig(Blk|Ign)/ {print \$2}' /proc/self/status | sort -u"
	trap '' USR1
	run_container
	trap - USR1
	only_ours 'runc 1.1 passes ignored signals on'
	prints 0000000000000000
}

@test "the process leads a session of its own" {
	run_prints 'cut -d" " -f6 /proc/1/stat' 1
	only_ours 'runc leaves the session of a foreground process as it is'
}

@test "the affinity of the caller isn't inherited" {
	[ "$(nproc --all)" -gt 1 ] || skip 'the host has one processor'
	only_ours 'newer than runc 1.1'
	status_field Cpus_allowed_list
	invoke taskset -c 0 "$RUNTIME" --root "$ROOT" run c
	equal "$output" "$(awk '/Cpus_allowed_list/ {print $2}' /proc/1/status)"
}

@test "init's name and dumpability: /proc/1 belongs to the container's user" {
	config '.process.user = {"uid": 1000, "gid": 1000}'
	run_prints 'stat -c %u /proc/1/environ; readlink /proc/1/exe' $'1000\n/bin/busybox'
}
