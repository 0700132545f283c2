#!/usr/bin/env bats
# checkpoint and restore from one machine to another. The machines are network namespaces with
# a bridge between them, each with a state root and a bundle of its own.

load lib
load criu

setup_file() { find_criu; }

# two_machines makes the network namespaces $TMP/first, $TMP/second and $TMP/client, whose eth0
# are connected. They have the addresses 198.51.100.1, .2 and .3.
two_machines() {
	local name number=0 holder
	unshare --net sleep 1000 3>&- &
	holder=$!
	until_true grep -q sleep "/proc/$holder/comm"
	nsenter --net="/proc/$holder/ns/net" ip link add br0 type bridge ||
		skip 'the kernel has no network bridges'
	nsenter --net="/proc/$holder/ns/net" ip link set br0 up
	for name in first second client; do
		number=$((number + 1))
		touch "$TMP/$name"
		unshare --net="$TMP/$name" ip link set lo up
		nsenter --net="$TMP/$name" ip link add eth0 type veth peer name "$name" netns "$holder"
		nsenter --net="$TMP/$name" ip address add "198.51.100.$number/24" dev eth0
		nsenter --net="$TMP/$name" ip link set eth0 up
		nsenter --net="/proc/$holder/ns/net" ip link set "$name" master br0 up
	done
	# The bridge is there as long as the process, and this shell ends it.
	BRIDGE=$holder
}

# permit_pipes permits the pipes that criu needs for memory that is fetched, to a root without
# CAP_SYS_RESOURCE, until the end of the file.
permit_pipes() {
	local limit=/proc/sys/fs/pipe-max-size
	[ -e "$BATS_FILE_TMPDIR/pipes" ] || cp $limit "$BATS_FILE_TMPDIR/pipes"
	echo $((32 << 20)) >$limit || skip 'fs.pipe-max-size is read-only'
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/pipes" ] || cat "$BATS_FILE_TMPDIR/pipes" >/proc/sys/fs/pipe-max-size
}

# away removes what two_machines has made.
away() {
	kill "$BRIDGE"
	umount "$TMP/first" "$TMP/second" "$TMP/client"
}

# on MACHINE COMMAND… runs a command with the network of a machine.
on() { nsenter --net="$TMP/$1" "${@:2}"; }

# arrive copies the bundle and the images to the second machine, whose container needs a cgroup
# of its own.
arrive() {
	mkdir -p "$TMP/there/state"
	cp -a "$BUNDLE" "$TMP/there/b"
	cp -a "$TMP/images" "$TMP/there/images"
	jq --arg path "$CGROUPS_PATH-there" '.linux.cgroupsPath = $path' config.json >"$TMP/there/b/config.json"
}

# there COMMAND… runs the runtime on the second machine.
there() { on second timeout --foreground 20 "$RUNTIME" --root "$TMP/there/state" "$@"; }

# arrived reports whether the container counts beyond $1 on the second machine.
arrived() { [ "$(<"$TMP/there/b/rootfs/count")" -gt "$1" ]; }

# checkpoint_lazily checkpoints c in the background, and returns when its memory can be fetched
# from the first machine. CHECKPOINT is the process.
checkpoint_lazily() {
	mkfifo "$TMP/status"
	nsenter --net="$TMP/first" timeout --foreground 60 "$RUNTIME" --root "$ROOT" checkpoint --image-path "$TMP/images" \
		--lazy-pages --page-server 198.51.100.1:27777 --status-fd 9 c 9<>"$TMP/status" 3>&- >"$TMP/checkpoint.out" 2>&1 &
	CHECKPOINT=$!
	local ready
	IFS= read -r -d '' -t 10 ready <>"$TMP/status" || fail "$(<"$TMP/checkpoint.out")"
	equal "$ready" ''
}

# checkpoint_fails waits for it, and fails if it succeeds.
checkpoint_fails() {
	local status=0
	wait "$CHECKPOINT" || status=$?
	[ "$status" != 0 ] || fail 'the checkpoint succeeds'
}

# fetch starts the process that fetches the memory on the second machine.
fetch() {
	nsenter --net="$TMP/second" criu lazy-pages --images-dir "$TMP/there/images" --log-file fetch.log -v4 "$@" >/dev/null 2>&1 3>&- &
	FETCH=$!
	until_true test -S "$TMP/there/images/lazy-pages.socket"
}

@test "the memory follows when it is needed" {
	needs_criu
	permit_pipes
	two_machines
	counting
	checkpoint_lazily
	# Nothing of it runs meanwhile.
	local before
	before=$(count)
	arrive
	fetch --page-server --address 198.51.100.1 --port 27777
	ok there restore --detach --lazy-pages --image-path "$TMP/there/images" --bundle "$TMP/there/b" c
	until_true arrived "$before"
	wait "$FETCH"
	wait "$CHECKPOINT" || fail "$(<"$TMP/checkpoint.out")"
	grep -qE 'UFFD transferred pages: \([1-9]' "$TMP/there/images/fetch.log"
	has_status c none
	equal "$(count)" "$before"
	equal "$(there state c | jq -r .status)" running
	ok there exec c sh -c 'echo in it'
	ok there delete --force c
	away
}

@test "the memory stays where it is if nobody fetches it" {
	needs_criu
	permit_pipes
	two_machines
	counting
	checkpoint_lazily
	arrive
	# No criu lazy-pages there.
	exits 1 there restore --detach --lazy-pages --image-path "$TMP/there/images" --bundle "$TMP/there/b" c
	one_sentence
	says "criu lazy-pages"
	equal "$(ls "$TMP/there/state")" ''
	# The first machine gives up when the checkpoint is interrupted, and the container goes on.
	local before
	before=$(count)
	kill -TERM "$CHECKPOINT"
	checkpoint_fails
	equal "$(<"$TMP/checkpoint.out")" 'runnel checkpoint failed: interrupted'
	until_true counts_beyond "$before"
	has_status c running
	ok runtime delete --force c
	away
}

@test "the machine with the memory is lost: restore ends, and leaves nothing" {
	needs_criu
	permit_pipes
	two_machines
	counting
	checkpoint_lazily
	arrive
	fetch --page-server --address 198.51.100.1 --port 27777
	ok runtime delete --force c
	checkpoint_fails
	exits 1 there restore --detach --lazy-pages --image-path "$TMP/there/images" --bundle "$TMP/there/b" c
	equal "$(ls "$TMP/there/state")" ''
	kill "$FETCH" 2>/dev/null || true
	away
}

@test "checkpoint --lazy-pages: at one address only, and kill -9" {
	needs_criu
	permit_pipes
	two_machines
	counting
	exits 1 on first "$RUNTIME" --root "$ROOT" checkpoint --image-path "$TMP/images" --lazy-pages c
	one_sentence
	says 'add --page-server ADDRESS:PORT'
	has_status c running
	checkpoint_lazily
	# 198.51.100.1, port 27777
	equal "$(on first awk '$4 == "0A" {print $2}' /proc/self/net/tcp)" 016433C6:6C81
	# The runtime is killed, and criu goes on. Who wants the container to end says so.
	pkill -9 -f -- "--root $ROOT checkpoint"
	checkpoint_fails
	ok runtime kill c KILL
	until_true stopped c
	ok runtime delete c
	away
}

@test "restore --lazy-pages from a directory" {
	needs_criu
	counting
	checkpoint c
	mkdir "$TMP/there"
	ln -s "$TMP/images" "$TMP/there/images"
	local before
	before=$(count)
	criu lazy-pages --images-dir "$TMP/images" --log-file fetch.log -v4 >/dev/null 2>&1 3>&- &
	local fetch=$!
	until_true test -S "$TMP/images/lazy-pages.socket"
	restore c --lazy-pages
	until_true counts_beyond "$before"
	wait "$fetch"
	has_status c running
}

@test "an open TCP connection moves to the second machine" {
	needs_criu
	two_machines
	config '.linux.namespaces |= map(if .type == "network" then . + {path: $ns} else . end)' --arg ns "$TMP/first"
	script 'exec nc -l -p 7777 -e cat'
	ok runtime run --detach c
	mkfifo "$TMP/to" "$TMP/from"
	exec 6<>"$TMP/to" 7<>"$TMP/from"
	until_true on first grep -q ":1E61 .* 0A " /proc/self/net/tcp /proc/self/net/tcp6
	nsenter --net="$TMP/client" busybox nc 198.51.100.1 7777 <&6 >&7 3>&- &
	local client=$!
	echo first >&6
	equal "$(read_line "$TMP/from")" first
	checkpoint c --tcp-established
	arrive
	config '.linux.namespaces |= map(if .type == "network" then . + {path: $ns} else . end)' --arg ns "$TMP/second"
	jq '.linux.cgroupsPath += "-there"' config.json >"$TMP/there/b/config.json"
	# The address moves with it. Nothing may reach it there before the connection does: the
	# kernel would reset it.
	on first ip link set eth0 down
	nsenter --net="/proc/$BRIDGE/ns/net" ip link set second down
	on second ip address flush dev eth0
	on second ip address add 198.51.100.1/24 dev eth0
	on client ip neighbour flush dev eth0
	# Late, because the time between two attempts to send it doubles.
	echo between >&6
	ok there restore --detach --tcp-established --image-path "$TMP/there/images" --bundle "$TMP/there/b" c
	nsenter --net="/proc/$BRIDGE/ns/net" ip link set second up
	equal "$(read_line "$TMP/from")" between
	echo second >&6
	equal "$(read_line "$TMP/from")" second
	kill "$client"
	ok there delete --force c
	away
}
