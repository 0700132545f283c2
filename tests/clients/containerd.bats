#!/usr/bin/env bats
# Tasks of containerd, by its own client.

load lib

setup_file() {
	export DIR
	DIR=$(mktemp -d)
	find_criu
	start_containerd
	make_image "$DIR/rootfs"
}

teardown_file() {
	local left
	stop "$(<"$DIR/containerd")"
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

teardown() {
	ctl task kill -s KILL one >/dev/null 2>&1 || true
	ctl task delete -f one >/dev/null 2>&1 || true
	ctl container delete one >/dev/null 2>&1 || true
}

# ctl COMMAND… is the client.
ctl() { ctr --address "$DIR/containerd.sock" --namespace test "$@" 3>&-; }

has_stopped() { ctl task ls | grep -q STOPPED; }

# begin OPTION… -- PROGRAM… runs a program as a container in the foreground; with -d in
# the options, in the background.
begin() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ctl run --runc-binary "$RUNTIME" "${options[@]}" --rootfs "$DIR/rootfs" one "$@"
}

@test "run: output and exit status" {
	equal "$(begin --rm -- echo hello)" hello
	run -42 begin --rm -- sh -c 'exit 42'
	run ! begin --rm -- nothing
	contains "$output" "executable file not found"
}

@test "a program that can't be executed" {
	run -255 begin --rm -- /bin/text
	contains "$output" "exec /bin/text: exec format error"
}

@test "a task: exec, ps, metrics, signals" {
	begin -d -- sleep 1000
	equal "$(ctl task exec --exec-id other one echo inside)" inside
	contains "$(ctl task ls)" RUNNING
	equal "$(ctl task ps one | wc -l)" 2
	contains "$(ctl task metrics one)" memory
	ctl task kill -s KILL one
	until_true has_stopped
	ctl task delete one
}

@test "pause and resume" {
	begin -d -- sleep 1000
	ctl task pause one
	contains "$(ctl task ls)" PAUSED
	ctl task resume one
	contains "$(ctl task ls)" RUNNING
}

@test "privileges, limits, mounts" {
	contains "$(begin --rm --privileged -- sed -n 's/^CapEff:\t//p' /proc/self/status)" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status | tail -c 6)"
	begin --rm --seccomp -- grep -q '^Seccomp:.2' /proc/self/status
	begin --rm --memory-limit 67108864 --cpus 0.5 -- true
	begin --rm --mount "type=bind,src=$DIR,dst=/mnt,options=rbind:ro" -- test -e /mnt/rootfs
	run ! begin --rm --read-only -- touch /x
}

@test "a task is deleted after its shim was killed" {
	begin -d -- sleep 76543
	local shim
	shim=$(pgrep -f "containerd-shim-runc-v2.*-id one.*$DIR/")
	kill -9 "$shim"
	until_true sh -c "! ctr --address $DIR/containerd.sock --namespace test task ls | grep -q RUNNING"
	ctl task delete -f one || true
	until_true sh -c "! pgrep -f 'slee[p] 76543'"
}

@test "one after the other" {
	local i
	for i in {1..20}; do
		equal "$(begin --rm -- echo "$i")" "$i"
	done
}

# import_image gives containerd an image of the root file system, for what needs one.
import_image() {
	local flags=(--snapshotter native)
	is_containerd_1 || flags+=(--local)
	image_archive "$DIR/rootfs" example.org/image:latest "$DIR/image.tar"
	ctl image import "${flags[@]}" "$DIR/image.tar" >/dev/null
}

@test "checkpoint and restore" {
	needs_criu
	import_image
	mkdir "$DIR/data"
	ctl run -d --runc-binary "$RUNTIME" --snapshotter native --mount "type=bind,src=$DIR/data,dst=/data,options=rbind" example.org/image:latest one \
		sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/data/new; mv /data/new /data/count; sleep 0.1; done'
	until_true test -s "$DIR/data/count"
	ctl container checkpoint --task one example.org/one
	contains "$(ctl task ls)" RUNNING
	ctl task kill -s KILL one
	until_true has_stopped
	ctl task delete one
	ctl container delete one
	local before
	before=$(<"$DIR/data/count")
	ctl container restore --live one example.org/one
	contains "$(ctl task ls)" RUNNING
	until_true sh -c '[ "$(cat "$1")" -gt "$2" ]' sh "$DIR/data/count" "$before"
}
