#!/usr/bin/env bats
# 38. Flags of a mount, such as ro or nosuid, are lost or can be cleared from a user namespace.
# CVE: CVE-2014-5206, CVE-2014-5207 (class)
# Verdict: harmless: flags are set by mount_setattr on the whole mount, and locked by the kernel in a user namespace
# Guests: rootless

load lib
load ../integration/ordinary_user

# hardened mounts a tmpfs of the host with all flags, and a second one below it.
hardened() {
	mkdir "$TMP/hard"
	mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime tmpfs "$TMP/hard"
}

unharden() { umount "$TMP/hard"; }

# flags PATH is a script that prints the flags of a mount.
flags() { echo "awk '\$5 == \"$1\" {print \$6}' /proc/self/mountinfo"; }

# in_user_namespace gives the container one, with all capabilities there.
in_user_namespace() {
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	chmod 755 "$TMP" "$BUNDLE" "$BATS_RUN_TMPDIR"
}

@test "flags that the config asks for are there, also on mounts below" {
	needs_root 'mount'
	mkdir -p "$TMP/tree/below"
	mount -t tmpfs tmpfs "$TMP/tree/below"
	config '.mounts += [{"destination": "/data", "type": "bind", "source": $s, "options": ["rbind", "rro", "rnosuid", "rnodev", "rnoexec"]},
		{"destination": "/one", "type": "bind", "source": $s, "options": ["bind", "ro", "nosuid", "nodev", "noexec"]}]' --arg s "$TMP/tree"
	script "$(flags /data); $(flags /data/below); $(flags /one)
		for d in /data /data/below /one; do touch \$d/file 2>/dev/null && echo wrote; mount -o remount,rw,suid,dev,exec,bind \$d 2>/dev/null && echo remounted; done"
	invoke runtime run c
	umount "$TMP/tree/below"
	is_ours || [ "$status" = 0 ] || skip 'no recursive flags'
	equal "$(cut -d, -f1-4 <<<"$output")" $'ro,nosuid,nodev,noexec\nro,nosuid,nodev,noexec\nro,nosuid,nodev,noexec'
}

@test "a user namespace keeps flags that the host's mount has" {
	needs_root 'mount'
	needs_namespace user
	hardened
	in_user_namespace
	config '.mounts += [{"destination": "/hard", "type": "bind", "source": $s, "options": ["bind"]},
		{"destination": "/nodev", "type": "bind", "source": $s, "options": ["bind", "nodev"]}]' --arg s "$TMP/hard"
	script "$(flags /hard); $(flags /nodev); for d in /hard /nodev; do
		for o in rw suid dev exec atime; do mount -o remount,bind,\$o \$d 2>/dev/null; done; done; $(flags /hard); $(flags /nodev)"
	invoke runtime run c
	unharden
	[ "$status" != 0 ] || equal "$(grep -vc '^ro,nosuid,nodev,noexec,noatime$' <<<"$output")" 0 || fail "$output"
}

@test "an ordinary user can't clear what the host's mount has" {
	needs_root 'mount for an ordinary user'
	needs_cgroupfs 'a user without a session has no systemd'
	hardened
	chmod 755 "$TMP"
	USER_ID=4242
	become $USER_ID --clear-groups 2>/dev/null || true
	one_id
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) |
		.mounts += [{"destination": "/hard", "type": "bind", "source": $s, "options": ["bind", "rw", "suid", "dev", "exec"]}]' --arg s "$TMP/hard"
	script "$(flags /hard)"
	invoke runtime run c
	unharden
	[ "$status" != 0 ] || prints ro,nosuid,nodev,noexec,noatime
	config '.mounts[-1].options = ["bind"]'
}

@test "masked and read-only paths can't be uncovered in a new user namespace of the container" {
	config 'del(.process.capabilities)'
	script 'unshare -Urm sh -c "umount /proc/keys; umount /proc/sys; mount -o remount,bind,rw /proc/sys; mount -t proc proc /mnt && echo proc;
		(: >>/proc/sys/kernel/panic) && echo wrote" 2>/dev/null; stat -c %t:%T /proc/keys'
	ok runtime run c
	prints 1:3
}
