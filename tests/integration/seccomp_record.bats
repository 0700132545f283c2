#!/usr/bin/env bats
# seccomp record: the smallest profile with which a container runs.

load lib

setup_file() {
	load lib
	only_ours 'the command seccomp record'
}

# recorded prints the names in the recorded profile.
recorded() { jq -r '.syscalls[] | select(.action == "SCMP_ACT_ALLOW") | .names[]' "$TMP/p.json"; }

# use_profile puts the recorded profile into the config.
use_profile() { config '.linux.seccomp = $p[0]' --slurpfile p "$TMP/p.json"; }

@test "seccomp record: the container runs with its profile, and nothing more is allowed" {
	script 'ls / >/dev/null; mkdir /tmp/d; rmdir /tmp/d; (exit 3); echo $?'
	ok runtime seccomp record --output "$TMP/p.json" c
	prints 3
	says '^.*/p.json: [0-9]+ system calls recorded$'
	nothing_left
	equal "$(jq -c '[.defaultAction, (.architectures | length), (.syscalls | length)]' "$TMP/p.json")" '["SCMP_ACT_ERRNO",1,1]'
	equal "$(recorded)" "$(recorded | LC_ALL=C sort)"
	recorded | grep -qx execve
	recorded | grep -qx mkdir
	use_profile
	local nnp
	for nnp in true false; do
		config ".process.noNewPrivileges = $nnp"
		ok runtime run c
		prints 3
	done
	# chmod wasn't called while the profile was recorded.
	script 'mkdir /tmp/d; rmdir /tmp/d; chmod 700 /tmp'
	exits 1 runtime run c
	says 'Operation not permitted'
}

@test "seccomp record: a profile that is there is replaced as a whole" {
	args true
	echo before >"$TMP/p.json"
	chmod 600 "$TMP/p.json"
	ln -s p.json "$TMP/link"
	exec 7<"$TMP/p.json"
	ok runtime seccomp record --output "$TMP/link" c
	equal "$(cat <&7)" before
	exec 7<&-
	equal "$(jq -r .defaultAction "$TMP/p.json") $(stat -c %a "$TMP/p.json")" 'SCMP_ACT_ERRNO 600'
	[ -L "$TMP/link" ]
	equal "$(find "$TMP" -name '.runnel-*')" ''
}

@test "seccomp record: processes of exec, hooks of the container, and the exit code" {
	mkfifo rootfs/go
	config '.hooks.startContainer = [{path: "/bin/ln", args: ["ln", "-s", "x", "/tmp/link"]}]'
	script 'read -r x </go; exit 7'
	runtime seccomp record --output "$TMP/p.json" c >"$TMP/out" 2>"$TMP/err" </dev/null 3>&- &
	local record=$!
	until_true running c
	ok runtime exec c chmod 700 /tmp
	echo x >rootfs/go
	local status=0
	wait "$record" || status=$?
	equal "$status" 7
	recorded | grep -qx symlink
	recorded | grep -qx chmod
	use_profile
	rm rootfs/tmp/link
	args true
	run_container
	rm rootfs/tmp/link
}

@test "seccomp record: the profile of the bundle is not in force, and a base is kept" {
	jq -n '{defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38, syscalls: [
		{names: ["mkdir", "rmdir"], action: "SCMP_ACT_ERRNO", errnoRet: 5},
		{names: ["kill"], action: "SCMP_ACT_ALLOW", args: [{index: 1, value: 10, op: "SCMP_CMP_EQ"}]},
		{names: ["execve", "read", "write", "close", "brk", "mprotect", "exit_group"], action: "SCMP_ACT_ALLOW"}]}' >"$TMP/base.json"
	config '.linux.seccomp = $p[0]' --slurpfile p "$TMP/base.json"
	script 'trap "" USR1; kill -10 $$; mkdir /tmp/d; echo $?'
	ok runtime seccomp record --base . --output "$TMP/p.json" c
	prints 0
	rmdir rootfs/tmp/d
	equal "$(jq -c '[.defaultErrnoRet, .syscalls[0].names, .syscalls[1].args[0].value, .syscalls[2].names[0]]' "$TMP/p.json")" '[38,["rmdir"],10,"execve"]'
	equal "$(jq -c '.syscalls[3].names | [index("mkdir") != null, index("read") != null, index("kill") != null]' "$TMP/p.json")" '[true,false,false]'
	use_profile
	run_container
	prints 0
	rmdir rootfs/tmp/d
}

@test "seccomp record: a signal ends the container, and the profile is written" {
	args sleep 1000
	runtime seccomp record --output "$TMP/p.json" c >/dev/null 2>"$TMP/err" </dev/null 3>&- &
	local record=$!
	until_true running c
	ok runtime kill c KILL
	local status=0
	wait "$record" || status=$?
	equal "$status" 137
	recorded | grep -qE '^(clock_)?nanosleep$'
	nothing_left
}

@test "seccomp record: errors are found before anything runs" {
	script 'touch /tmp/ran'
	exits 1 runtime seccomp record c
	says '^--output is required'
	exits 1 runtime seccomp record --output "$TMP/absent/p.json" c
	says "^write $TMP/absent/p.json: no such file or directory$"
	exits 1 runtime seccomp record --output "$TMP" c
	says "is a directory"
	exits 1 runtime seccomp record --output "$TMP/p.json" --base "$TMP/absent.json" c
	says 'no container, bundle or profile has this name'
	args /bin/absent
	exits 1 runtime seccomp record --output "$TMP/p.json" c
	says 'runnel seccomp record failed: .*/bin/absent'
	one_sentence
	[ ! -e rootfs/tmp/ran ]
	[ ! -e "$TMP/p.json" ]
	nothing_left
	args true
	ok runtime seccomp record --output - c
	equal "$(jq -r .defaultAction <<<"$output")" SCMP_ACT_ERRNO
}
