#!/usr/bin/env bats
# Containers of Podman as an ordinary user. The user exists in a mount namespace only.

load lib

setup_file() {
	export DIR
	DIR=$(mktemp -d)
	chmod 755 "$DIR"
	install -m 755 "$RUNTIME" "$DIR/runnel"
	mkdir -p "$DIR/home/.config/containers"
	mkdir -m 700 "$DIR/run"
	printf '{"default": [{"type": "insecureAcceptAnything"}]}' >"$DIR/home/.config/containers/policy.json"
	# Podman asks for more than it has itself, which needs CAP_SYS_RESOURCE.
	cat >"$DIR/home/.config/containers/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[engine]
		runtime = "$DIR/runnel"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
	chown -R 4343:4343 "$DIR/home" "$DIR/run"
	make_user
	make_image "$DIR/rootfs"
	tar -C "$DIR/rootfs" -cf "$DIR/rootfs.tar" .
	pod import "$DIR/rootfs.tar" box >/dev/null
}

# make_user makes a mount namespace with a user "tester" who has subordinate ids, and may open
# /dev/net/tun. A process of its own, whose pid is in $DIR/holder, keeps it.
make_user() {
	local file
	(cat /etc/passwd && echo "tester:x:4343:4343::$DIR/home:/bin/sh") >"$DIR/passwd"
	(cat /etc/group && echo 'tester:x:4343:' && echo 'shared:x:4344:') >"$DIR/group"
	echo tester:200000:65536 | tee "$DIR/subuid" >"$DIR/subgid"
	mknod -m 666 "$DIR/tun" c 10 200
	for file in subuid subgid; do [ -e /etc/$file ] || touch /etc/$file; done
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount sh -c 'cd "$1" && for file in passwd group subuid subgid; do mount --bind $file /etc/$file; done &&
		mount --bind tun /dev/net/tun && touch ready && exec sleep infinity' sh "$DIR" 3>&- 4>&- &
	echo $! >"$DIR/holder"
	until_true test -e "$DIR/ready"
}

teardown_file() {
	local left
	pod rm -fa -t 0 >/dev/null
	# Podman's own process, which keeps its namespaces.
	pkill -u 4343 || true
	until_true no_processes "$DIR"
	stop "$(<"$DIR/holder")"
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

teardown() {
	pod pod rm -fa -t 0 >/dev/null
	pod rm -fa -t 0 >/dev/null
}

# pod COMMAND… is Podman of the user, who is in the group "shared", too.
pod() {
	nsenter --mount --target "$(<"$DIR/holder")" setpriv --reuid 4343 --regid 4343 --groups 4343,4344 \
		env -i PATH="$PATH" HOME="$DIR/home" XDG_RUNTIME_DIR="$DIR/run" podman "$@" 3>&-
}

@test "run: ids, output, exit status" {
	equal "$(pod run --rm --network none box id -u)" 0
	equal "$(pod run --rm --network none box cat /proc/self/uid_map | awk '{print $1, $2, $3}')" $'0 4343 1\n1 200000 65536'
	run -42 pod run --rm --network none box sh -c 'exit 42'
	run -127 pod run --rm --network none box nothing
	run -126 pod run --rm --network none box /etc/passwd
}

@test "the user's own ids and groups: --userns keep-id, --group-add keep-groups" {
	mkdir -p "$DIR/shared"
	chgrp 4344 "$DIR/shared"
	chmod 770 "$DIR/shared"
	equal "$(pod run --rm --network none --userns keep-id box id -u)" 4343
	pod run --rm --network none --group-add keep-groups --volume "$DIR/shared:/shared" box touch /shared/file
	equal "$(stat -c %u "$DIR/shared/file")" 4343
	run ! pod run --rm --network none --volume "$DIR/shared:/shared" box touch /shared/other
	contains "$output" 'Permission denied'
}

@test "detached: logs, exec, stop, health check" {
	pod run -d --name one --network none --health-cmd 'test -e /tmp/healthy' --health-interval 1h box sh -c 'echo started; trap "exit 5" TERM; while :; do sleep 0.1; done'
	until_true eval 'pod logs one | grep -q started'
	run ! pod healthcheck run one
	pod exec one touch /tmp/healthy
	pod healthcheck run one
	equal "$(pod exec --user guest one id -un)" guest
	pod stop -t 10 one
	equal "$(pod inspect --format '{{.State.ExitCode}}' one)" 5
}

@test "secrets, tmpfs, read-only, capabilities" {
	echo hidden >"$DIR/home/secret"
	pod secret create key "$DIR/home/secret"
	equal "$(pod run --rm --network none --secret key box cat /run/secrets/key)" hidden
	pod secret rm key
	run ! pod run --rm --network none --read-only box touch /file
	contains "$output" 'Read-only file system'
	pod run --rm --network none --read-only --tmpfs /data box touch /data/file
	contains "$(pod run --rm --network none --cap-drop all box cat /proc/self/status)" $'CapEff:\t0000000000000000'
}

@test "a network with a published port" {
	pod run -d --name web --network slirp4netns -p 127.0.0.1:18080:8080 box httpd -f -p 8080 -h /etc
	until_true curl -sf http://127.0.0.1:18080/group
	contains "$(curl -s http://127.0.0.1:18080/group)" guest
}

@test "a pod, and play kube" {
	cat >"$DIR/home/pod.yaml" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata:
		  name: two
		spec:
		  containers:
		  - name: server
		    image: localhost/box
		    command: [httpd, -f, -p, "8080", -h, /etc]
		  - name: client
		    image: localhost/box
		    command: [sleep, "1000"]
	END
	pod play kube "$DIR/home/pod.yaml"
	until_true pod exec two-client wget -q -O /dev/null 127.0.0.1:8080/group
	equal "$(pod exec two-client readlink /proc/self/ns/net)" "$(pod exec two-server readlink /proc/self/ns/net)"
	pod play kube --down "$DIR/home/pod.yaml"
	equal "$(pod ps -aq)" ''
}

@test "build" {
	mkdir -p "$DIR/home/context"
	printf 'FROM localhost/box\nRUN id -u >/user\nUSER guest\nCMD ["cat", "/user"]\n' >"$DIR/home/context/Containerfile"
	pod build --quiet --network none -t built "$DIR/home/context" >/dev/null
	equal "$(pod run --rm --network none built)" 0
}
