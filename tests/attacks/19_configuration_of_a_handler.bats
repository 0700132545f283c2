#!/usr/bin/env bats
# 19. A handler of the runtime writes its own configuration into the image, through a symlink.
# CVE: CVE-2025-24965
# Succeeds: tests/attacks/weakened
# Verdict: absent: there are no handlers, and nothing of the runtime is written into the image

load lib

@test "annotations that ask for a handler write nothing" {
	canary
	local handler file
	for file in .krun_config.json .krun_vm.json krun-sev.json; do
		ln -s "$UP$TMP/canary/file" "rootfs/$file"
	done
	for handler in krun wasm sandbox; do
		config '.annotations = {"run.oci.handler": $h, "module.wasm.image/variant": "compat", "krun.cpus": "1"}' --arg h "$handler"
		invoke runtime run c
		canary_intact
		nothing_left
	done
}

@test "a run adds nothing to the image, and changes nothing in it" {
	needs_root 'create device nodes'
	args true
	find rootfs -printf '%P %y %m %U %s\n' | sort >"$TMP/before"
	ok runtime run c
	find rootfs -printf '%P %y %m %U %s\n' | sort >"$TMP/after"
	diff "$TMP/before" "$TMP/after"
}
