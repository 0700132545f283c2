#!/usr/bin/env bats
# seccomp explain: what a profile does with system calls, and why.

load lib

setup_file() {
	load lib
	only_ours 'the command seccomp explain'
}

# explained ARGUMENT… prints, for each call, the actions and the causes of its outcomes.
explained() {
	ok runtime seccomp explain --format json "$@"
	jq -r '.calls[] | [.call, (.outcomes[] | .action, .errnoName // empty, .cause)] | join(" ")' <<<"$output"
}

# profile_file JSON writes a linux.seccomp object to a file of its own.
profile_file() { jq -n "$1" >"$TMP/profile.json"; }

@test "seccomp explain: an entry, the default, and what the runtime adds" {
	profile_file '{defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 13, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], syscalls: [
		{names: ["read", "write", "statx"], action: "SCMP_ACT_ALLOW"},
		{names: ["mount"], action: "SCMP_ACT_KILL_PROCESS"},
		{names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{index: 0, value: 8, op: "SCMP_CMP_EQ"}]}]}'
	equal "$(explained "$TMP/profile.json" read mount ptrace clone3 personality 8 personality 7 personality --arch x86_64)" \
		"read SCMP_ACT_ALLOW rule
mount SCMP_ACT_KILL_PROCESS rule
ptrace SCMP_ACT_ERRNO EACCES default
clone3 SCMP_ACT_ERRNO ENOSYS newer
personality(0x8) SCMP_ACT_ALLOW rule
personality(0x7) SCMP_ACT_ERRNO EACCES default
personality SCMP_ACT_ERRNO EACCES default SCMP_ACT_ALLOW rule"
	equal "$(explained "$TMP/profile.json" --arch aarch64 read)" 'read SCMP_ACT_KILL_THREAD architecture'
	equal "$(explained "$TMP/profile.json" 59 --arch x86_64)" 'execve SCMP_ACT_ERRNO EACCES default'
	ok runtime seccomp explain "$TMP/profile.json" clone3 personality --arch x86_64
	matches "$output" 'clone3 .* added by the runtime: the call is newer than statx, the newest that the profile names'
	matches "$output" "profile.json:[0-9]+:[0-9]+ syscalls\[2\] .*names the call, if args\[0\] == 0x8"
}

@test "seccomp explain: the place is that of the name in the file" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["chmod", "mkdir"], action: "SCMP_ACT_ERRNO"}]}'
	ok runtime seccomp explain . mkdir --format json
	local line
	line=$(jq '.calls[0].outcomes[0].reasons[0].line' <<<"$output")
	equal "$(sed -n "${line}p" config.json | tr -d ' ')" '"mkdir"'
	equal "$(jq -r '.calls[0].outcomes[0].reasons[0].pointer' <<<"$output")" /linux/seccomp/syscalls/0
	# The same for its container, whatever its status.
	sleeping c
	ok runtime seccomp explain c mkdir --format json
	equal "$(jq -r '.calls[0].outcomes[0].errnoName' <<<"$output")" EPERM
	equal "$(jq -r .file <<<"$output")" "$ROOT/c/config.json"
	ok runtime kill c KILL
	until_true stopped c
	equal "$(explained c mkdir)" 'mkdir SCMP_ACT_ERRNO EPERM rule'
	ok runtime delete c
	args true
	ok runtime create c
	equal "$(explained c mkdir)" 'mkdir SCMP_ACT_ERRNO EPERM rule'
}

@test "seccomp explain: a summary counts every system call once" {
	ok runtime spec --seccomp --bundle "$TMP"
	ok runtime seccomp explain "$TMP" --format json
	equal "$(jq '[.groups[].names[]] | (length > 350) and (unique | length) == length' <<<"$output")" true
	equal "$(jq -c '.groups | map(select(.names | index("mount")) | .outcomes[].errnoName)' <<<"$output")" '["EPERM"]'
	equal "$(jq -c '.groups | map(select(.names | index("clone")) | .outcomes | length)' <<<"$output")" '[2]'
	ok runtime seccomp explain "$TMP"
	matches "$output" '^CALLS +ACTION +CAUSE'
	matches "$output" $'\n[0-9]+ +SCMP_ACT_ERRNO EPERM +rule'
}

@test "seccomp explain: a profile of Docker or Podman is read for the container's capabilities" {
	profile_file '{defaultAction: "SCMP_ACT_ERRNO", archMap: [{architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"]},
		{architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"]}, {architecture: "SCMP_ARCH_RISCV64", subArchitectures: null}],
		syscalls: [{names: ["read", "bpf", "mseal"], action: "SCMP_ACT_ALLOW", includes: {caps: ["CAP_BPF"]}},
			{names: ["chroot", "openat2"], action: "SCMP_ACT_ALLOW", includes: {caps: ["CAP_SYS_CHROOT"], minKernel: "4.8"}},
			{names: ["mount"], action: "SCMP_ACT_ALLOW", includes: {minKernel: "99.1"}},
			{names: ["setns"], action: "SCMP_ACT_ALLOW", excludes: {caps: ["CAP_CHOWN"]}},
			{name: "umask", action: "SCMP_ACT_ALLOW"}]}'
	equal "$(explained "$TMP/profile.json" bpf chroot mount setns umask)" "bpf SCMP_ACT_ERRNO EPERM default
chroot SCMP_ACT_ALLOW rule
mount SCMP_ACT_ERRNO EPERM default
setns SCMP_ACT_ERRNO EPERM default
umask SCMP_ACT_ALLOW rule"
	equal "$(explained --cap CAP_BPF "$TMP/profile.json" bpf)" 'bpf SCMP_ACT_ALLOW rule'
	ok runtime seccomp explain "$TMP/profile.json" chroot
	matches "$output" "^an engine's profile, as it is for a container on .* with .*CAP_SYS_CHROOT"
	matches "$output" 'syscalls\[1\]'
}

@test "seccomp explain: errors" {
	exits 1 runtime seccomp explain nobody mkdir
	says '^nobody: no container, bundle or profile has this name$'
	exits 1 runtime seccomp explain . mkdir
	says 'config.json has no linux.seccomp: every system call is allowed'
	profile_file '{defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["no_such_call"], action: "SCMP_ACT_ALLOW"}]}'
	exits 1 runtime seccomp explain "$TMP/profile.json" mkdri
	says 'unknown system call "mkdri" .*did you mean "mkdir"'
	exits 1 runtime seccomp explain "$TMP/profile.json" no_such_call
	says "libseccomp .* doesn't know it either, and linux.seccomp.syscalls\[0\] has no effect"
	exits 1 runtime seccomp explain "$TMP/profile.json" --arch pdp11 mkdir
	says 'unknown architecture "pdp11"'
	exits 1 runtime seccomp explain "$TMP/profile.json" read 1 2 3 4 5 6 7
	says 'read has more than 6 arguments'
	echo '{"syscalls": []}' >"$TMP/profile.json"
	exits 1 runtime seccomp explain "$TMP/profile.json" mkdir
	says 'neither a config.json nor a seccomp profile'
	echo '{"defaultAction": 1}' >"$TMP/profile.json"
	exits 1 runtime seccomp explain "$TMP/profile.json" mkdir
	says "profile.json:1:19: defaultAction"
	exits 3 runtime seccomp
	says '"seccomp explain"'
}

@test "seccomp explain: the kernel does the same in a container" {
	[ "$(uname -m)" = x86_64 ] || skip 'the numbers are those of x86-64'
	# The errnos are none that these calls have otherwise.
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls: [
		{names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 101},
		{names: ["getpgid"], action: "SCMP_ACT_KILL_PROCESS"},
		{names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 102, args: [{index: 0, value: 4294967295, op: "SCMP_CMP_EQ"}]},
		{names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 103, args: [{index: 0, value: 24, valueTwo: 16, op: "SCMP_CMP_MASKED_EQ"}]},
		{names: ["alarm"], action: "SCMP_ACT_ERRNO", errnoRet: 104, args: [
			{index: 0, value: 1099511627776, op: "SCMP_CMP_GE"}, {index: 1, value: 5, op: "SCMP_CMP_NE"}]}]}'
	local calls=(getppid:110 'getpgid 0:121,0' 'getpgid 7:121,7' 'personality 0xffffffff:135,0xffffffff' 'personality 7:135,0xffffffffff'
		'umask 16:95,16' 'umask 24:95,24' 'umask 18:95,18' 'alarm 0x10000000000 4:37,0x10000000000,4' 'alarm 0x10000000000 5:37,0x10000000000,5'
		'alarm 0xffffffff 4:37,0,4' getpid:39)
	local call words=() numbers=() want
	for call in "${calls[@]}"; do
		# shellcheck disable=SC2206 # the words of a call
		words+=(${call%:*})
		numbers+=("${call#*:}")
	done
	ok runtime seccomp explain --format json . "${words[@]}"
	want=$(jq -r '.calls[].outcomes | if length != 1 then "?" else .[0] |
		if .action == "SCMP_ACT_ERRNO" then .errno elif .action == "SCMP_ACT_ALLOW" then 0 else -31 end end' <<<"$output")
	args /opt/syscalls "${numbers[@]}"
	run_container
	prints "$want"
	equal "$(sort -u <<<"$want" | tr '\n' ' ')" '-31 0 101 102 103 104 '
}
