#!/usr/bin/env bats
# mounts: what is mounted in a container that exists, and changes of it.

load lib

setup_file() {
	load lib
	only_ours 'the command mounts'
}

# mount_at DESTINATION [FILTER] prints what `mounts list --format json` has for it.
mount_at() {
	ok runtime mounts list --format json c
	jq -r --arg d "$1" "map(select(.destination == \$d)) | last | ${2:-.}" <<<"$output"
}

# source_dir makes a directory of the host to mount, which a mapped user may read.
source_dir() {
	mkdir -p "$TMP/source/below"
	echo content >"$TMP/source/file"
	chmod -R a+rX "$TMP"
}

with_user_namespace() {
	rootless && return
	needs_namespace user
	config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	rm -rf rootfs && cp -a "$BATS_SUITE_TMPDIR/rootfs" rootfs && chown -R 100000:100000 rootfs
	chmod 755 "$TMP"
}

@test "mounts list shows what the container's process sees" {
	sleeping c
	ok runtime mounts list c
	equal "$(head -n 1 <<<"$output" | tr -s ' ')" 'DESTINATION TYPE SOURCE OPTIONS PROPAGATION ID'
	equal "$(wc -l <<<"$output")" "$(($(runtime exec c cat /proc/self/mountinfo | wc -l) + 1))"
	ok runtime mounts list --format json c
	equal "$(jq -c 'map(keys) | unique' <<<"$output")" '[["destination","id","options","parent","propagation","root","source","type"]]'
	equal "$(mount_at /proc '.type')" proc
	matches "$(mount_at /proc '.options | join(",")')" '^rw,'
	matches "$(mount_at / .propagation)" '^(private|slave)$'
}

@test "a name of the container can't control the terminal" {
	sleeping c
	ok runtime mounts add --type tmpfs --target $'/tmp/\e[31mred' c
	ok runtime mounts list c
	[[ $output == *'/tmp/?[31mred'* ]]
	ok runtime mounts remove c $'/tmp/\e[31mred'
}

@test "mounts add: a bind mount, and remove" {
	source_dir
	sleeping c
	ok runtime mounts add --source "$TMP/source" --target /data/deep -o ro,nosuid,nodev,noexec c
	prints ''
	ok runtime exec c cat /data/deep/file
	prints content
	equal "$(mount_at /data/deep '.options | map(select(. == ("ro", "nosuid", "nodev", "noexec"))) | join(",")')" ro,nosuid,nodev,noexec
	exits 1 runtime exec c touch /data/deep/new
	[[ $error == *Read-only* ]]
	ok runtime mounts remove c /data/deep
	exits 1 runtime exec c cat /data/deep/file
	equal "$(mount_at /data/deep)" null
	! grep "$TMP/source" /proc/self/mountinfo || fail 'mounted on the host'
}

@test "mounts add: a file, and a source relative to the caller" {
	source_dir
	sleeping c
	cd "$TMP"
	ok runtime mounts add --source source/file --target /opt/file c
	ok runtime exec c cat /opt/file
	prints content
}

@test "mounts add: a tmpfs, and a list of mounts in a file as crun takes it" {
	source_dir
	sleeping c
	ok runtime mounts add --type tmpfs --target /scratch --options size=64k,mode=700 c
	ok runtime exec c sh -c 'stat -c %a /scratch; df -k /scratch | awk "END { print \$2 }"'
	prints $'700\n64'
	jq -n --arg s "$TMP/source" '[{destination: "/a", type: "bind", source: $s, options: ["rbind", "ro"]},
		{destination: "/a/below", type: "tmpfs", source: "tmpfs", options: ["ro"]}, {destination: "/b", type: "tmpfs"}]' >"$TMP/list.json"
	ok runtime mounts add c "$TMP/list.json"
	ok runtime exec c sh -c 'cat /a/file; stat -f -c %T /a/below /b; touch /a/below/x 2>/dev/null || echo read-only'
	prints $'content\ntmpfs\ntmpfs\nread-only'
	jq -n '{}' >"$TMP/list.json"
	exits 1 runtime mounts add c "$TMP/list.json"
	says "list.json"
}

@test "mounts of the container don't get out, and those of the host get in as its propagation says" {
	needs_root 'mount something in the source'
	source_dir
	mount -t tmpfs shared "$TMP/source"
	mount --make-shared "$TMP/source"
	mkdir "$TMP/source/late"
	args sleep 1000
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	ok runtime run --detach c
	ok runtime mounts add --source "$TMP/source" --target /data c
	equal "$(mount_at /data .propagation)" slave
	ok runtime mounts add --source "$TMP/source" --target /alone -o bind,private c
	equal "$(mount_at /alone .propagation)" private
	ok runtime exec c mount -t tmpfs inside /data/late
	! grep " inside " /proc/self/mountinfo || fail 'the container has mounted something on the host'
	umount -l "$TMP/source"
}

@test "mounts add with a user namespace" {
	with_user_namespace
	source_dir
	sleeping c
	ok runtime mounts add --source "$TMP/source" --target /data -o ro c
	ok runtime mounts add --type tmpfs --target /scratch c
	ok runtime exec c sh -c 'cat /data/file; touch /scratch/x; stat -c %u /scratch/x /scratch /data/..'
	prints $'content\n0\n0\n0'
	ok runtime mounts remove c /data
	ok runtime mounts remove c /scratch
}

@test "mounts add: the flags of the host's mount stay locked in a user namespace" {
	needs_root 'make the source read-only'
	with_user_namespace
	source_dir
	mount -t tmpfs locked "$TMP/source"
	mount -o remount,bind,ro "$TMP/source"
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	sleeping c
	ok runtime mounts add --source "$TMP/source" --target /data -o rbind c
	invoke runtime exec c mount -o remount,bind,rw /data
	[ "$status" != 0 ]
	ok runtime exec c sh -c '! touch /data/x 2>/dev/null'
	umount -l "$TMP/source"
}

@test "mounts add: an idmapped mount" {
	needs_root 'make idmapped mounts'
	needs_kernel 5 12
	source_dir
	chown 1000:1000 "$TMP/source/file"
	mount -t tmpfs idmapped "$TMP/source/below"
	touch "$TMP/source/below/file"
	sleeping c
	jq -n --arg s "$TMP/source/below" '[{destination: "/data", type: "bind", source: $s, options: ["bind"],
		uidMappings: [{containerID: 0, hostID: 1234, size: 1}], gidMappings: [{containerID: 0, hostID: 1234, size: 1}]}]' >"$TMP/list.json"
	ok runtime mounts add c "$TMP/list.json"
	ok runtime exec c stat -c %u:%g /data/file
	prints 1234:1234
	umount -l "$TMP/source/below"
}

@test "errors name the mount and the place, and nothing is mounted" {
	sleeping c
	local before
	before=$(runtime mounts list c)
	exits 1 runtime mounts add --source "$TMP/absent" --target /data c
	says "unable to add mounts: mounts\[0\] /data: bind source $TMP/absent: no such file or directory"
	one_sentence
	exits 1 runtime mounts add --source /etc --target /data -o nosiud c
	says 'mounts\[0\] /data.*unknown option "nosiud"'
	exits 1 runtime mounts add --type tmpfs --target / c
	says "is the container's root itself"
	exits 1 runtime mounts add --type tmpfs --target /proc/self c
	says 'inside /proc'
	exits 1 runtime mounts add --type proc --target /other c
	says "\"proc\" can't be added to a container that exists, only bind mounts and tmpfs"
	exits 1 runtime mounts add --target /data c
	says 'without a file system type'
	exits 1 runtime mounts add --source /etc/passwd --target /tmp c
	says 'mounts\[0\] /tmp.*not a directory'
	ln -s /proc/self rootfs/link
	exits 1 runtime mounts add --source /etc --target /link/attr c
	[ "$(runtime mounts list c)" = "$before" ]
}

@test "mounts remove refuses the root, mounts of config.json, and what is in use" {
	sleeping c
	exits 1 runtime mounts remove c /
	exits 1 runtime mounts remove --force c /
	says "the root of the container can't be unmounted"
	config '.mounts += [{"destination": "/conf", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/var/conf", "type": "tmpfs"}]'
	mkdir -p rootfs/real
	rm -rf rootfs/var
	ln -s /real rootfs/var
	ok runtime delete --force c
	sleeping c
	exits 1 runtime mounts remove c /conf
	says '/conf: it is mounts\[[0-9]*\] /conf in config.json; --force'
	exits 1 runtime mounts remove c /real/conf
	says '/real/conf: it is mounts\[[0-9]*\] /var/conf in config.json'
	exits 1 runtime mounts remove c /proc
	says 'isolates the container'
	exits 1 runtime mounts remove c /dev
	exits 1 runtime mounts remove c /nothing
	says '/nothing: nothing is mounted there'
	ok runtime mounts remove --force c /conf
	equal "$(mount_at /conf)" null
	ok runtime mounts add --type tmpfs --target /busy c
	ok runtime exec --detach --cwd /busy c sleep 1000
	exits 1 runtime mounts remove c /busy
	says 'unmount /busy: device or resource busy.*--lazy'
	ok runtime mounts remove --lazy c /busy
	equal "$(mount_at /busy)" null
}

@test "mounts of a container that is created, paused, stopped, or isn't there" {
	source_dir
	ok runtime create c
	ok runtime mounts add --source "$TMP/source" --target /data c
	equal "$(mount_at /data .destination)" /data
	ok runtime delete --force c
	sleeping c
	if runtime pause c; then
		ok runtime mounts add --source "$TMP/source" --target /data c
		equal "$(mount_at /data .destination)" /data
		ok runtime mounts remove c /data
		ok runtime mounts add --type tmpfs --target /data c
		has_status c paused
		ok runtime resume c
		ok runtime exec c touch /data/x
	fi
	ok runtime kill c KILL
	until_true stopped c
	exits 1 runtime mounts list c
	says 'cannot list the mounts of a stopped container'
	exits 1 runtime mounts add --type tmpfs --target /data c
	says 'cannot add mounts to a stopped container'
	exits 1 runtime mounts remove c /data
	says 'cannot remove mounts of a stopped container'
	exits 1 runtime mounts list absent
	exits 1 runtime mounts add --type tmpfs --target /x absent
	exits 1 runtime mounts remove absent /x
	says 'container does not exist'
}

@test "a container without a mount namespace of its own" {
	needs_root 'do without a mount namespace'
	config 'del(.linux.namespaces[] | select(.type == "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	args sleep 1000
	ok runtime run --detach c
	ok runtime mounts list c
	exits 1 runtime mounts add --type tmpfs --target /data c
	says 'c has no mount namespace of its own: mount\(8\)'
}

@test "mounts with wrong words" {
	exits 1 runtime mounts add c
	says -- '--target is missing'
	exits 1 runtime mounts add --target /x c "$TMP/list.json"
	says 'either FILE or --type'
	invoke runtime mounts remove c
	[ "$status" != 0 ]
	exits 1 runtime mounts list --format xml c
	says 'invalid format option'
}

@test "mounts list: a container has more mounts than anybody can read" {
	needs_root 'mount in a container'
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	# The kernel writes four characters for each blank.
	script 'cd /tmp; name=$(printf "%250s" ""); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do mkdir "$name" && cd "./$name"; done
		mount -t tmpfs a . && for i in 1 2 3 4 5 6 7 8 9 10; do mount --rbind . .; done; mount | wc -l >/tmp/ready; exec sleep 1000'
	chmod 1777 rootfs/tmp
	ok runtime run --detach c
	until_true test -s rootfs/tmp/ready
	exits 1 runtime mounts list c
	says 'mountinfo is longer than 16 MiB'
	exits 1 runtime mounts remove c /proc
	one_sentence
	ok runtime delete --force c
}
