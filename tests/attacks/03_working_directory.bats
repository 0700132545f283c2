#!/usr/bin/env bats
# 3. The working directory is a descriptor of the runtime that leads to the host.
# CVE: CVE-2024-21626
# Verdict: refused: descriptors are closed, and the kernel is asked whether the directory is in the root

load lib

@test "cwd is a descriptor of the runtime (CVE-2024-21626)" {
	canary
	local fd
	for fd in 3 4 5 6 7 8 9 10 11 12; do
		config ".process.cwd = \"/proc/self/fd/$fd\""
		script 'pwd -P; ls -d ../../../../../../../..'"$TMP"'/canary 2>/dev/null'
		invoke runtime run c
		[[ $output != *canary* ]] || fail "descriptor $fd leads to the host"
	done
	is_ours && one_sentence || true
	nothing_left
}

@test "cwd of exec is a descriptor, also through a symlink of the image (CVE-2024-21626)" {
	canary
	local fd
	sleeping c
	for fd in 3 5 6 7 8 9 10; do
		ln -sfn /proc/self/fd/$fd rootfs/out
		invoke runtime exec --cwd "/proc/self/fd/$fd" c sh -c 'ls -d ../../../../../../../..'"$TMP"'/canary 2>/dev/null'
		[[ $output != *canary* ]]
		invoke runtime exec --cwd /out c sh -c 'ls -d ../../../../../../../..'"$TMP"'/canary 2>/dev/null'
		[[ $output != *canary* ]]
	done
}
