#!/usr/bin/env bats
# Containers of Podman as root, and its builds.

load lib

setup_file() {
	export DIR
	DIR=$(mktemp -d)
	find_criu
	export HOME=$DIR/home
	mkdir "$HOME"
	printf '{"default": [{"type": "insecureAcceptAnything"}]}' >"$DIR/policy.json"
	# Podman asks for more than it has itself, which needs CAP_SYS_RESOURCE.
	export CONTAINERS_CONF=$DIR/containers.conf
	printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >"$CONTAINERS_CONF"
	make_image "$DIR/image"
	tar -C "$DIR/image" -c . | pod import - image >/dev/null
}

teardown_file() {
	local left
	pod rm -fa -t 0 >/dev/null
	# Podman cleans up in the background. It leaves its mount, and the cgroups above its
	# containers.
	until_true no_processes "$DIR"
	umount "$DIR"/data/overlay 2>/dev/null || true
	find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} + 2>/dev/null || true
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

teardown() {
	pod rm -fa -t 0 >/dev/null
}

# pod COMMAND… is podman with roots of its own.
pod() {
	podman --root "$DIR/data" --runroot "$DIR/run" --tmpdir "$DIR/tmp" --cgroup-manager cgroupfs --events-backend file \
		--network-cmd-path "" --runtime "$RUNTIME" "$@" 3>&-
}

@test "run: output, exit status, a program that isn't there" {
	equal "$(pod run --rm --network none image echo hello)" hello
	run -42 pod run --rm --network none image sh -c 'exit 42'
	run -127 pod run --rm --network none image nothing
	run -126 pod run --rm --network none image /etc/passwd
}

@test "a program that can't be executed" {
	run -255 pod run --name one --network none image text
	contains "$output" "exec /bin/text: exec format error"
	equal "$(pod wait one)" 255
	run -0 pod run -d --name two --network none image text
	equal "$(pod wait two)" 255
	equal "$(pod inspect --format '{{.State.Status}} {{.State.ExitCode}}' two)" "exited 255"
	contains "$(pod logs two 2>&1)" "exec /bin/text: exec format error"
	run -0 pod start two
	equal "$(pod wait two)" 255
}

@test "detached: logs, exec, top, inspect, stop, wait" {
	pod run -d --network none --name one image sh -c 'echo begun; sleep 1000' >/dev/null
	until_true grep -q begun <(pod logs one)
	equal "$(pod exec one echo inside)" inside
	run -3 pod exec one sh -c 'exit 3'
	contains "$(pod top one args)" "sleep 1000"
	equal "$(pod inspect --format '{{.State.Status}}' one)" running
	pod stop -t 0 one >/dev/null
	equal "$(pod wait one)" 137
}

@test "pause, unpause, kill" {
	pod run -d --network none --name one image sleep 1000 >/dev/null
	pod pause one >/dev/null
	equal "$(pod inspect --format '{{.State.Status}}' one)" paused
	pod unpause one >/dev/null
	pod kill one >/dev/null
	equal "$(pod wait one)" 137
}

@test "users, capabilities, seccomp, masks" {
	equal "$(pod run --rm --network none -u guest image id -u)" 1000
	contains "$(pod run --rm --network none --cap-drop all image cat /proc/self/status)" $'CapBnd:\t0000000000000000'
	contains "$(pod run --rm --network none image cat /proc/self/status)" $'Seccomp:\t2'
	equal "$(pod run --rm --network none image sh -c 'cat /proc/kcore | wc -c')" 0
	pod run --rm --network none --privileged image mount -t tmpfs none /tmp
}

@test "a user namespace" {
	equal "$(pod run --rm --network none --uidmap 0:100000:65536 --gidmap 0:100000:65536 image sh -c 'id -u; sed "s/  */ /g" /proc/self/uid_map')" \
		$'0\n 0 100000 65536'
}

@test "volumes, read-only, tmpfs, limits" {
	mkdir -p "$DIR/volume"
	pod run --rm --network none -v "$DIR/volume:/v" image touch /v/x
	[ -e "$DIR/volume/x" ]
	run ! pod run --rm --network none -v "$DIR/volume:/v:ro" image touch /v/y
	run ! pod run --rm --network none --read-only image touch /x
	pod run --rm --network none --tmpfs /tmp:size=1m image touch /tmp/x
	equal "$(pod run --rm --network none --pids-limit 33 --ulimit nofile=55:66 --ulimit nproc=1024:1024 image sh -c 'ulimit -Sn; ulimit -Hn')" $'55\n66'
}

@test "30 at once" {
	local i pids=() status
	for i in {1..30}; do
		pod run --rm --network none image sh -c "exit $i" &
		pids+=($!)
	done
	for i in {1..30}; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		equal $status "$i"
	done
}

@test "build" {
	mkdir "$DIR/context"
	printf 'FROM localhost/image\nRUN echo built >/made && id -u\nUSER guest\nCMD ["cat", "/made"]\n' >"$DIR/context/Dockerfile"
	pod build --network none --isolation oci --signature-policy "$DIR/policy.json" -t made "$DIR/context"
	equal "$(pod run --rm --network none made)" built
}

@test "checkpoint and restore, also by way of a file" {
	needs_criu
	local before
	pod run -d --network none --name one image sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; sleep 0.1; done' >/dev/null
	until_true pod exec one test -s /count
	pod container checkpoint one >/dev/null
	equal "$(pod inspect --format '{{.State.Status}} {{.State.Checkpointed}}' one)" 'exited true'
	pod container restore one >/dev/null
	equal "$(pod inspect --format '{{.State.Status}}' one)" running
	before=$(pod exec one cat /count)
	sleep 0.5
	[ "$(pod exec one cat /count)" -gt "$before" ] || fail "it doesn't count on from $before"
	pod container checkpoint --leave-running --export "$DIR/one.tar.gz" one >/dev/null
	equal "$(pod inspect --format '{{.State.Status}}' one)" running
	pod rm -f -t 0 one >/dev/null
	pod container restore --import "$DIR/one.tar.gz" --name two >/dev/null
	[ "$(pod exec two cat /count)" -ge "$before" ] || fail 'it has begun again'
}
