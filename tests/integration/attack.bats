#!/usr/bin/env bats
# Images and configs that try to reach the host. Known attacks are named by their
# CVE. A runtime may refuse such a container or run it safely;
# it must not let it read or change anything of the host.

load lib

# canary creates a directory of the host that must not be changed.
canary() {
	mkdir "$TMP/canary"
	echo intact >"$TMP/canary/file"
}

canary_intact() {
	equal "$(find "$TMP/canary" -printf '%P %y\n' | sort)" $' d\nfile f'
	equal "$(<"$TMP/canary/file")" intact
	! grep -q "$TMP/canary" /proc/self/mountinfo || fail 'something is mounted on the host'
}

# host_dev_intact fails if the host's device nodes have changed.
host_dev_intact() {
	equal "$(stat -c '%F %t:%T' /dev/null /dev/zero)" $'character special file 1:3\ncharacter special file 1:5'
}

@test "/proc of the image is a symlink (CVE-2023-27561, CVE-2019-19921)" {
	canary
	rmdir rootfs/proc
	local target
	for target in /tmp "../../../../../..$TMP/canary" "$TMP/canary"; do
		ln -sfn "$target" rootfs/proc
		script 'cat /proc/self/comm; true'
		invoke runtime run c
		canary_intact
		nothing_left
	done
}

@test "/sys of the image is a symlink" {
	canary
	rmdir rootfs/sys
	ln -sfn "../../../../../..$TMP/canary" rootfs/sys
	invoke runtime run c
	canary_intact
	nothing_left
}

@test "/dev of the image is a symlink to the host (CVE-2026-41579)" {
	only_ours 'runc 1.1 is vulnerable'
	canary
	rmdir rootfs/dev
	ln -sfn "../../../../../../../../..$TMP/canary" rootfs/dev
	local filter
	for filter in . '.mounts |= map(select(.destination | startswith("/dev") | not))'; do
		config "$filter"
		invoke runtime run c
		canary_intact
		nothing_left
	done
}

@test "/dev/null of the image is a symlink, and paths are masked (CVE-2025-31133)" {
	canary
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths += ["/secret"]'
	echo secret >rootfs/secret
	ln -s /tmp/file rootfs/dev/null
	echo fake >rootfs/tmp/file
	script 'cat /secret; echo over >/dev/null; true'
	invoke runtime run c
	[[ $output != *secret* ]] && [[ $output != *fake* ]] || [ "$status" != 0 ] || fail "$output"
	host_dev_intact
	nothing_left
}

@test "/dev/null of the image is a symlink to the host's file, stdio is /dev/null (CVE-2026-88265)" {
	needs_root 'give a file away'
	canary
	chown 1:1 "$TMP/canary/file"
	config '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.user = {"uid": 1000, "gid": 1000}'
	ln -s "../../../../../../../..$TMP/canary/file" rootfs/dev/null
	status=0
	timeout 20 "$RUNTIME" --root "$ROOT" run c </dev/null >/dev/null 2>/dev/null 3>&- || status=$?
	canary_intact
	equal "$(stat -c %u "$TMP/canary/file")" 1
	equal "$(stat -c %u /dev/null)" 0
	nothing_left
}

@test "/dev/console of the image is a symlink (CVE-2025-52565, CVE-2026-88264)" {
	canary
	config '.process.terminal = true'
	ln -sf "../../../../../../../..$TMP/canary/file" rootfs/dev/console
	config '.mounts |= map(select(.destination | IN("/dev") | not))'
	script 'echo over >/dev/console; true'
	local receiver
	receiver=$("$HELPERS/console" receive "$TMP/tty" "$TMP/shown" </dev/null 3>&-)
	invoke runtime run --detach --console-socket "$TMP/tty" c
	[ "$status" = 0 ] || kill "$receiver"
	gone "$receiver"
	canary_intact
}

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

@test "exec: the container writes to the executable that enters it (CVE-2019-5736)" {
	local copy=$TMP/runtime before
	cp "$RUNTIME" "$copy"
	before=$(sha256sum <"$copy")
	args sh -c 'exec /opt/overwrite 1 /opt/overwrite /bin/busybox >/tmp/said'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])'
	RUNTIME=$copy ok runtime run --detach c
	local i pid
	pid=$(pid_of c)
	until_true grep -q waiting rootfs/tmp/said
	for i in {1..8}; do
		RUNTIME=$copy invoke runtime exec c true
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

@test "destinations that lead out of the root: .., absolute and dangling symlinks" {
	canary
	ln -s "$TMP/canary" rootfs/absolute
	ln -s "../../../../../../../../../..$TMP/canary" rootfs/relative
	ln -s "$TMP/canary/new" rootfs/dangling
	local destination
	for destination in /absolute /relative /dangling "/../../../../../../..$TMP/canary" /absolute/new /relative/deep/er /dangling/x; do
		config '.mounts = .mounts[:6] + [{"destination": $d, "type": "tmpfs", "source": "tmpfs"}]' --arg d "$destination"
		invoke runtime run c
		canary_intact
		config '.mounts = .mounts[:6] + [{"destination": $d, "type": "bind", "source": "/etc/hostname", "options": ["bind"]}]' --arg d "$destination"
		invoke runtime run c
		canary_intact
	done
	nothing_left
}

@test "a mount on the root, and over /proc" {
	config '.mounts += [{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]'
	invoke runtime run c
	nothing_left
	local destination
	for destination in /proc /proc/self/attr; do
		config '.mounts[-1] = {"destination": $d, "type": "bind", "source": "/tmp", "options": ["bind"]}' --arg d "$destination"
		exits 1 runtime run c
		says '/proc'
		one_sentence
		is_ours || continue
		config '.mounts[-1] = {"destination": $d, "type": "tmpfs", "source": "tmpfs"}' --arg d "$destination"
		exits 1 runtime run c
		says '/proc'
		one_sentence
	done
	nothing_left
}

@test "a destination below /proc through a symlink of the image" {
	ln -s /proc/self rootfs/link
	config '.mounts += [{"destination": "/link/attr", "type": "bind", "source": "/tmp", "options": ["bind"]}]'
	exits 1 runtime run c
	nothing_left
}

@test "a destination is replaced by a symlink while it is mounted (CVE-2021-30465)" {
	only_ours 'runc 1.1 is vulnerable'
	canary
	mkdir "$TMP/volume" "$TMP/volume/dir"
	ln -s "/../../../../../../../..$TMP/canary" "$TMP/volume/link"
	"$HELPERS/swap" "$TMP/volume/dir" "$TMP/volume/link" 3>&- &
	local swapper=$!
	config '.mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["rbind"]}] +
		[range(8) | {"destination": "/volume/dir/\(.)", "type": "tmpfs", "source": "tmpfs"}] +
		[{"destination": "/volume/dir", "type": "tmpfs", "source": "tmpfs"}]' --arg v "$TMP/volume"
	args true
	for _ in {1..20}; do
		invoke runtime run c
		canary_intact
	done
	kill $swapper
	nothing_left
}

@test "a cgroups path that leads out of the hierarchy" {
	needs_cgroup_v1
	config '.linux.cgroupsPath = "/../../../../" + $c + "/../" + $c' --arg c "$CGROUP"
	sleeping c
	# Other tests create and remove cgroups while find runs.
	find /sys/fs/cgroup -maxdepth 3 -name "$CGROUP" >"$TMP/found" 2>/dev/null || true
	[ -s "$TMP/found" ] || fail 'no group below /sys/fs/cgroup'
	! find /sys/fs /sys/kernel -maxdepth 1 -name "$CGROUP" | grep . || fail 'a group outside'
}

@test "masked and read-only paths, sysctl and cwd through symlinks of the image" {
	canary
	ln -s "../../../../../../../..$TMP/canary" rootfs/out
	config '.linux.maskedPaths += ["/out", "/out/file"] | .linux.readonlyPaths += ["/out", "/out/file"] | .process.cwd = "/out/new"'
	invoke runtime run c
	canary_intact
	touch "$TMP/canary/file"
	nothing_left
}

@test "/etc/passwd of the image is larger than what can be read" {
	rm rootfs/etc/passwd
	truncate -s 1T rootfs/etc/passwd
	args sh -c 'echo $HOME; exec sleep 1000'
	local began=$SECONDS
	ok runtime run --detach c
	until_true grep / "$TMP/stdout"
	ok runtime exec c sh -c 'echo $HOME'
	prints /
	[ $((SECONDS - began)) -lt 8 ] || fail "it took $((SECONDS - began)) s"
	ok runtime delete --force c
	# One that is large and ordinary counts.
	yes 'some:x:77:77:somebody:/elsewhere:/bin/sh' | head -n 100000 >rootfs/etc/passwd
	echo 'root:x:0:0:root:/root:/bin/sh' >>rootfs/etc/passwd
	run_prints 'echo $HOME' /root
}

@test "devices through symlinks of the image" {
	canary
	ln -s "../../../../../../../..$TMP/canary" rootfs/out
	config '.linux.devices = [{"path": "/out/device", "type": "c", "major": 1, "minor": 3}]'
	invoke runtime run c
	canary_intact
	nothing_left
}

@test "tmpcopyup copies nothing from outside" {
	canary
	ln -s "../../../../../../../..$TMP/canary" rootfs/out
	mkdir rootfs/full
	ln -s "../../../../../../../..$TMP/canary/file" rootfs/full/link
	config '.mounts += [{"destination": "/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]},
		{"destination": "/out", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]'
	script 'cat /full/link /out/file 2>/dev/null'
	invoke runtime run c
	[[ $output != *intact* ]]
	canary_intact
	nothing_left
}

@test "a symlink in the state root isn't followed" {
	only_ours 'runc uses it as a name below the state root'
	canary
	ln -s "$TMP/canary" "$ROOT/c"
	invoke runtime run c
	[ "$status" != 0 ]
	invoke runtime delete --force c
	canary_intact
	rm "$ROOT/c"
}

@test "run --no-pivot: no procfs or sysfs of the host is left" {
	needs_namespace user
	local flag i
	for i in 1 2; do
		for flag in --no-new-keyring --no-pivot; do
			args /opt/nested
			ok runtime run $flag c
			prints $'proc: Operation not permitted\nsysfs: Operation not permitted'
		done
		# Root's container with a user namespace, in which the host's mounts are locked.
		rootless && break
		config '.linux.namespaces += [{"type": "user"}] |
			.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	done
}

@test "run --no-pivot in a mount namespace that is joined" {
	needs_root 'join namespaces of others'
	only_ours 'runc leaves the mounts'
	unshare --mount --propagation private sleep 1000 3>&- &
	local holder=$!
	until_true test "$(readlink /proc/$holder/ns/mnt)" != "$(readlink /proc/self/ns/mnt)"
	config '(.linux.namespaces[] | select(.type == "mount")).path = $p' --arg p "/proc/$holder/ns/mnt"
	args /opt/nested
	ok runtime run --no-pivot c
	prints $'proc: Operation not permitted\nsysfs: Operation not permitted'
	kill $holder
}

# in_chroot COMMAND… runs it in a chroot to a mount that has the runtime and the bundle.
in_chroot() {
	mkdir -p "$TMP"/jail/{proc,sys,dev,run,bundle}
	cp -a "$BUNDLE/." "$TMP/jail/bundle"
	cp "$RUNTIME" "$TMP/jail/runtime"
	unshare --mount --propagation private sh -c 'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" &&
		mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" && cd / && exec chroot "$@"' \
		sh "$TMP/jail" "$@"
}

@test "a container of a runtime in a chroot doesn't climb out of it" {
	needs_root 'call chroot'
	needs_cgroupfs 'it is not in the chroot'
	only_ours 'runc 1.1 is vulnerable'
	canary
	config '.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])'
	args /opt/climb "$TMP/canary/file"
	local flag
	for flag in --no-new-keyring --no-pivot; do
		ok in_chroot /runtime --root /run/state run $flag --bundle /bundle c
		prints 'not found'
	done
}
