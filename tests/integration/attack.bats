#!/usr/bin/env bats
# Images and configs that try to reach the host, beside the known classes of attacks, which
# tests/attacks has. A runtime may refuse such a container or run it safely; it must not
# let it read or change anything of the host.

load lib

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

@test "tmpcopyup copies nothing of a device that replaces a file" {
	needs_root 'create devices'
	only_ours 'runc copies by path'
	mkdir -p rootfs/full
	head -c 4096 /dev/zero | tr '\0' x >rootfs/full/file
	mknod rootfs/full/zero c 1 5
	"$HELPERS/swap" "$BUNDLE/rootfs/full/file" "$BUNDLE/rootfs/full/zero" 3>&- &
	local swapper=$! i wrong=0
	config '.mounts += [{"destination": "/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=8m"]}]'
	script 'for f in /full/*; do [ ! -f $f ] || tr -d x <$f; done | wc -c'
	for i in {1..40}; do
		invoke runtime run c
		[ "$status" != 0 ] || [ "$output" = 0 ] || wrong=$((wrong + 1))
	done
	kill $swapper
	equal "$wrong" 0
	nothing_left
}

@test "a read-only volume can't be written before it is read-only" {
	needs_root 'join a mount namespace'
	only_ours 'the system calls are those of runnel'
	command -v strace >/dev/null || skip 'no strace'
	mkdir "$TMP/volume" rootfs/volume
	hold_mounts
	config '(.linux.namespaces[] | select(.type == "mount")).path = $p |
		.mounts += [{"destination": "/volume", "type": "bind", "source": $v, "options": ["bind", "ro"]}]' \
		--arg p "/proc/$holder/ns/mnt" --arg v "$TMP/volume"
	args true
	# Each change of attributes takes a while, in which a process of the namespace writes.
	nsenter "--mount=/proc/$holder/ns/mnt" sh -c 'while :; do echo >"$1" || true; done 2>/dev/null' sh "$BUNDLE/rootfs/volume/written" 3>&- &
	local writer=$!
	invoke timeout 30 strace -f -o "$TMP/trace" -e trace=mount_setattr -e inject=mount_setattr:delay_enter=50000 \
		"$RUNTIME" --root "$ROOT" run c
	kill "$writer" "$holder"
	equal "$(ls "$TMP/volume")" ''
	equal "$status" 0
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

# hold_mounts starts a process with a mount namespace of its own and sets $holder.
hold_mounts() {
	unshare --mount --propagation private sleep 1000 3>&- &
	holder=$!
	until_true has_own_mounts "$holder"
}

has_own_mounts() { [ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]; }

@test "run --no-pivot in a mount namespace that is joined" {
	needs_root 'join namespaces of others'
	only_ours 'runc leaves the mounts'
	hold_mounts
	config '(.linux.namespaces[] | select(.type == "mount")).path = $p' --arg p "/proc/$holder/ns/mnt"
	args /opt/nested
	ok runtime run --no-pivot c
	prints $'proc: Operation not permitted\nsysfs: Operation not permitted'
	kill "$holder"
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
