#!/usr/bin/env bats
# 5. A volume of the image covers /proc, and labels are written to its files.
# CVE: CVE-2019-16884, CVE-2019-19921
# Succeeds: crun 1.8.1
# Verdict: refused: nothing but procfs is mounted on /proc; labels are written to a verified procfs
# Guests: v2 selinux-policy

load lib
load ../integration/apparmor
load ../integration/selinux

@test "a mount on the root, and over /proc" {
	config '.mounts += [{"destination": "/", "type": "tmpfs", "source": "tmpfs"}]'
	invoke runtime run c
	nothing_left
	local destination
	for destination in /proc /proc/self/attr; do
		config '.mounts[-1] = {"destination": $d, "type": "bind", "source": "/tmp", "options": ["bind"]}' --arg d "$destination"
		exits 1 runtime run c
		says '/proc'
		is_ours || continue
		config '.mounts[-1] = {"destination": $d, "type": "tmpfs", "source": "tmpfs"}' --arg d "$destination"
		exits 1 runtime run c
		says '/proc'
	done
	nothing_left
}

@test "a destination below /proc through a symlink of the image" {
	ln -s /proc/self rootfs/link
	config '.mounts += [{"destination": "/link/attr", "type": "bind", "source": "/tmp", "options": ["bind"]}]'
	exits 1 runtime run c
	nothing_left
}

# own_proc makes a directory of the image /proc, in which a label could be written to a file.
own_proc() {
	mkdir -p rootfs/fake/self/attr/apparmor rootfs/fake/thread-self/attr/apparmor
	touch rootfs/fake/{self,thread-self}/attr/{current,exec}
	config '.mounts |= map(if .destination == "/proc" then {"destination": "/proc", "type": "bind", "source": $fake, "options": ["rbind"]} else . end) |
		del(.linux.maskedPaths, .linux.readonlyPaths)' --arg fake "$BUNDLE/rootfs/fake"
}

@test "selinux: a container can't forge the label with its own /proc" {
	needs_selinux
	config '.process.selinuxLabel = $label' --arg label "$CONTAINER_LABEL"
	own_proc
	exits 1 runtime run c
	nothing_left
	config '.mounts |= map(select(.destination != "/proc"))'
	sleeping c
	equal "$(tr -d '\0' <"/proc/$(pid_of c)/attr/current")" "$CONTAINER_LABEL"
}

@test "apparmor: a container can't forge the profile with its own /proc" {
	needs_apparmor
	profile "$CGROUP"
	config '.process.apparmorProfile = $p' --arg p "$CGROUP"
	own_proc
	exits 1 runtime run c
	nothing_left
	config '.mounts |= map(select(.destination != "/proc"))'
	args sleep 1000
	ok runtime run --detach c
	equal "$(cat "/proc/$(pid_of c)/attr/current")" "$CGROUP (enforce)"
}
