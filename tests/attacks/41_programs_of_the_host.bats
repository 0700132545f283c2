#!/usr/bin/env bats
# 41. A program of the host that joins namespaces of the container is traced, and the host's files are reached through it.
# CVE: CVE-2020-15257
# Verdict: harmless: it has all capabilities of the caller and none of the image's environment, and joins no namespaces in which the container can trace it

load lib

setup_file() {
	load ../integration/lib
	only_ours 'the option --ns'
}

# during LIST runs a program of the host while the container looks for it.
during() {
	"$RUNTIME" --root "$ROOT" exec --ns "$1" c sh -c 'sleep 3; exit 0' 4711 </dev/null 3>&-
	no_peek
}

# IS_OURS is true of its process in PROC.
IS_OURS="case \$(tr '\\0' ' ' <\$p/cmdline) in *4711*) true ;; *) false ;; esac 2>/dev/null"

@test "the container has the host's procfs, and the capabilities of its config" {
	needs_root 'keep the user namespace'
	config '.mounts += [{"destination": "/host", "type": "bind", "source": "/proc", "options": ["rbind", "ro"]}]'
	mkdir -p rootfs/host
	peeking /host "$IS_OURS"
	during net
}

@test "its root has all capabilities in a user namespace" {
	needs_root 'join a pid namespace without its user namespace'
	needs_namespace user
	config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"])'
	chmod 755 "$TMP"
	peeking /proc "$IS_OURS"
	during pid,net
}

@test "what it could trace is refused" {
	local user=
	! rootless || user=,user
	sleeping c
	exits 255 runtime exec --ns "pid$user" c true
	exits 255 runtime exec --ns "mnt,pid$user" c true
}

@test "it has unmounted the host's procfs, or has another one than that in /proc" {
	needs_root 'mount a procfs'
	needs_namespace user
	mkdir -p rootfs/host "$TMP/proc"
	chmod 755 "$TMP"
	mount -t proc proc "$TMP/proc"
	config '.linux.namespaces += [{"type": "user"}] | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings |
		.mounts += [{"destination": "/host", "type": "bind", "source": "/proc", "options": ["bind"]}]'
	sleeping c
	ok runtime exec c umount /host
	invoke runtime exec --ns net,user --cwd / c true
	equal "$status" 255
	ok runtime delete --force c
	config '.mounts[-1].source = $proc' --arg proc "$TMP/proc"
	sleeping c
	invoke runtime exec --ns net,user --cwd / c true
	umount "$TMP/proc"
	equal "$status" 255
}

@test "its environment makes the program load code of the image" {
	config '.process.env += ["LD_PRELOAD=/tmp/evil.so", "PATH=/proc/self/cwd:/bin", "BASH_ENV=/tmp/evil"]'
	sleeping c
	local user=
	! rootless || user=,user
	ok runtime exec --ns "net$user" c env
	[[ $output != *evil* && $output != *PATH=/proc* ]]
}
