# shellcheck shell=bash
# The vocabulary of the tests with clients. A file starts its daemon in setup_file, with
# everything of it below DIR, and teardown_file fails if something is left.

bats_require_minimum_version 1.5.0

# make_image DIR makes a root file system with busybox, a file that can't be executed, and two
# users.
make_image() {
	local applet
	mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp,var/tmp}
	chmod 1777 "$1/tmp" "$1/var/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	# Not a program, although execve(2) is the first that notices.
	echo text >"$1/bin/text"
	chmod +x "$1/bin/text"
	for applet in $("$1/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nguest:x:1000:\n' >"$1/etc/group"
}

# image_archive ROOTFS NAME FILE makes an image of a root file system, in the form of docker save.
image_archive() {
	local dir
	dir=$(mktemp -d "$DIR/XXXXXX")
	tar -C "$1" -cf "$dir/layer.tar" .
	jq -n --arg layer "sha256:$(sha256sum "$dir/layer.tar" | cut -d ' ' -f 1)" --arg architecture "$(dpkg --print-architecture)" \
		'{architecture: $architecture, os: "linux", config: {Env: ["PATH=/bin"], Cmd: ["sleep", "100000"]},
		rootfs: {type: "layers", diff_ids: [$layer]}}' >"$dir/config.json"
	jq -n --arg name "$2" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -cf "$3" manifest.json config.json layer.tar
	rm -r "$dir"
}

# fail TEXT… fails the test.
fail() {
	echo "$*" >&2
	return 1
}

# equal GOT WANT
equal() { [ "$1" = "$2" ] || fail "got: $1"$'\n'"want: $2"; }

# contains TEXT PART
contains() { [[ $1 == *"$2"* ]] || fail "got: $1"$'\n'"without: $2"; }

# until_true COMMAND… waits, for ten seconds at most, until a command succeeds.
until_true() {
	local _
	for _ in {1..100}; do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "never true: $*"
}

# find_criu puts a criu that works first in PATH, for setup_file: the clients ask it, too.
find_criu() {
	local dir
	if dir=$("$BATS_TEST_DIRNAME/../criu" 2>"$DIR/criu.err" 3>&-); then
		export PATH=$dir:$PATH HAS_CRIU=1
	elif [ -n "${CI-}" ]; then
		fail "$(<"$DIR/criu.err")"
	fi
}

# needs_criu skips a test without criu.
needs_criu() { [ -n "${HAS_CRIU-}" ] || skip "$(tail -n 1 "$DIR/criu.err")"; }

# is_containerd_1 reports whether it is containerd 1, which has another configuration.
is_containerd_1() { [[ $(containerd --version) == *" 1."* ]]; }

# start_containerd starts a containerd with everything of it below DIR.
start_containerd() {
	cat >"$DIR/containerd.toml" <<-END
		version = $(is_containerd_1 && echo 2 || echo 3)
		root = "$DIR/containerd-root"
		state = "$DIR/containerd-state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		address = "$DIR/containerd.sock"
	END
	TMPDIR=$DIR containerd --config "$DIR/containerd.toml" >>"$DIR/containerd.log" 2>&1 3>&- 4>&- &
	echo $! >"$DIR/containerd"
	until_true ctr --address "$DIR/containerd.sock" version
}

# set_up_docker starts a Docker of its own, for setup_file, with an image "image". DOCKER_HOST is
# its socket.
set_up_docker() {
	# The socket's name must be short.
	export DIR
	DIR=$(mktemp -d)
	find_criu
	export DOCKER_HOST=unix://$DIR/socket HOME=$DIR/home
	mkdir "$HOME"
	start_containerd
	start_dockerd
	make_image "$DIR/image"
	tar -C "$DIR/image" -c . | docker import - image >/dev/null
	rm -rf "$DIR/image"
}

# start_dockerd starts the daemon, whose containers outlive it (live-restore).
start_dockerd() {
	jq -n '{"exec-opts": ["native.cgroupdriver=cgroupfs"], "runtimes": {"tested": {"path": env.RUNTIME}},
		"default-runtime": "tested", "live-restore": true, "experimental": true}' >"$DIR/daemon.json"
	dockerd --config-file "$DIR/daemon.json" --data-root "$DIR/data" --exec-root "$DIR/exec" --pidfile "$DIR/pid" \
		--host "$DOCKER_HOST" --containerd "$DIR/containerd.sock" >>"$DIR/log" 2>&1 3>&- 4>&- &
	echo $! >"$DIR/dockerd"
	until_true docker version
}

# tear_down_docker ends it, and fails if something is left.
tear_down_docker() {
	local left
	remove_containers
	stop "$(<"$DIR/dockerd")"
	# The daemon leaves the namespace of --network host, and its data for live-restore.
	umount "$DIR"/exec/netns/* "$DIR/data" 2>/dev/null || true
	stop "$(<"$DIR/containerd")"
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

# remove_containers removes all containers of Docker.
remove_containers() {
	local containers
	containers=$(docker ps -aq)
	# shellcheck disable=SC2086 # one argument each
	[ -z "$containers" ] || docker rm -f $containers >/dev/null
}

# stop PID ends a daemon and waits for it.
stop() {
	kill "$1" 2>/dev/null || return 0
	until_true gone "$1" || kill -9 "$1"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# processes DIR prints the command lines that name a directory.
processes() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		# It may have ended meanwhile.
		{ tr '\0' ' ' <"$file" && echo; } 2>/dev/null | grep -F "$1/" || true
	done
}

no_processes() { [ -z "$(processes "$1")" ]; }

# below DIR prints the processes whose command line names a directory, the mounts below it,
# and the cgroups of clients.
below() {
	processes "$1"
	grep -F " $1/" /proc/self/mountinfo || true
	find /sys/fs/cgroup -type d \( -path '*/docker/*' -o -path '*/libpod_parent*' -o -path '*/test/one' \)
}
