#!/usr/bin/env bats
# 13. Without a mount on /dev, the image's /dev/console decides where the terminal goes.
# CVE: CVE-2026-88264
# Succeeds: runc 1.1.5, crun 1.8.1
# Verdict: refused: a symbolic link in place of /dev/console is an error

load lib

# terminal_without_dev runs a container with a terminal in the image's own /dev.
terminal_without_dev() {
	config '.process.terminal = true'
	without_dev
	config '.mounts += [{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]}]'
	script 'echo over >/dev/console; true'
	in_terminal run --detach c
}

@test "/dev/console of the image is a symlink out of the root" {
	canary
	ln -s "$UP$TMP/canary/file" rootfs/dev/console
	terminal_without_dev
	canary_intact
}

@test "/dev/console is a dangling symlink, which would create a file" {
	canary
	ln -s "$UP$TMP/canary/new" rootfs/dev/console
	terminal_without_dev
	canary_intact
	invoke runtime delete --force c
	ln -sfn "$TMP/canary/new" rootfs/dev/console
	terminal_without_dev
	canary_intact
}

@test "the directory of /dev/console is a symlink out of the root" {
	canary
	rm -r rootfs/dev
	mkdir "$TMP/canary/pts"
	ln -s "$UP$TMP/canary" rootfs/dev
	terminal_without_dev
	equal "$(find "$TMP/canary" -printf '%P %y\n' | sort)" $' d\nfile f\npts d'
	equal "$(<"$TMP/canary/file")" intact
	rmdir "$TMP/canary/pts"
}
