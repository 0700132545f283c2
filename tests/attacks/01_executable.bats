#!/usr/bin/env bats
# 1. The container overwrites the executable that enters it.
# CVE: CVE-2019-5736
# Verdict: harmless: what enters is the child, a sealed memfd; the executable of the host is never in a container

load lib

@test "exec: the container writes to the executable that enters it (CVE-2019-5736)" {
	local copy=$TMP/runtime before
	cp "$RUNTIME" "$copy"
	before=$(sha256sum <"$copy")
	printf '#!/proc/self/exe\n' >rootfs/bin/entry
	chmod +x rootfs/bin/entry
	args sh -c 'exec /opt/overwrite 2 /opt/overwrite /bin/busybox >/tmp/said'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])'
	RUNTIME=$copy ok runtime run --detach c
	local i pid
	pid=$(pid_of c)
	until_true grep -q waiting rootfs/tmp/said
	for i in {1..25}; do
		RUNTIME=$copy invoke runtime exec c true
		RUNTIME=$copy invoke runtime exec c /bin/entry
		RUNTIME=$copy invoke runtime exec c /proc/self/exe --version
	done
	gone "$pid"
	equal "$(<rootfs/tmp/said)" $'waiting\nnothing to write to'
	equal "$(sha256sum <"$copy")" "$before"
}

@test "the entrypoint is the runtime itself: #!/proc/self/exe (CVE-2019-5736)" {
	local copy=$TMP/runtime before
	cp "$RUNTIME" "$copy"
	before=$(sha256sum <"$copy")
	printf '#!/proc/self/exe\n' >rootfs/bin/entry
	chmod +x rootfs/bin/entry
	args /bin/entry
	RUNTIME=$copy invoke runtime run c
	args /proc/self/exe
	RUNTIME=$copy invoke runtime run c
	equal "$(sha256sum <"$copy")" "$before"
	nothing_left
}
