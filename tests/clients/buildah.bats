#!/usr/bin/env bats
# Images that Buildah builds, whose RUN is a container.

load lib

setup_file() {
	export DIR BUILDAH_ISOLATION=oci BUILDAH_RUNTIME=$RUNTIME STORAGE_DRIVER=vfs
	DIR=$(mktemp -d)
	export HOME=$DIR/home
	mkdir "$HOME"
	printf '{"default": [{"type": "insecureAcceptAnything"}]}' >"$DIR/policy.json"
	# Buildah asks for more than it has itself, which needs CAP_SYS_RESOURCE.
	export CONTAINERS_CONF=$DIR/containers.conf
	printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >"$CONTAINERS_CONF"
	make_image "$DIR/rootfs"
	local container
	container=$(build from scratch)
	build add --quiet "$container" "$DIR/rootfs" /
	build config --env PATH=/bin "$container"
	build commit --quiet "$container" box
	build rm "$container"
}

teardown_file() {
	local left
	build rm --all >/dev/null
	until_true no_processes "$DIR"
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

teardown() { build rm --all >/dev/null; }

# build COMMAND… is Buildah with roots of its own.
build() {
	local command=$1 flags=()
	shift
	case $command in
	add | build | commit | from) flags=(--signature-policy "$DIR/policy.json") ;;
	esac
	buildah --root "$DIR/data" --runroot "$DIR/run" "$command" "${flags[@]}" "$@" 3>&-
}

@test "the runtime is the one under test" {
	local container
	container=$(build from box)
	BUILDAH_RUNTIME=/bin/false run ! build run --network none "$container" true
}

@test "run: output, exit status, a program that isn't there" {
	local container
	container=$(build from box)
	equal "$(build run --network none "$container" echo hello)" hello
	run -42 build run --network none "$container" sh -c 'exit 42'
	run ! build run --network none "$container" nothing
	contains "$output" 'executable file not found in $PATH'
	equal "$(echo text | build run --network none "$container" cat)" text
}

@test "run: user, capabilities, volumes, environment, hostname" {
	local container
	container=$(build from box)
	mkdir -p "$DIR/volume"
	equal "$(build run --network none --user guest "$container" id -u)" 1000
	contains "$(build run --network none --cap-drop all "$container" cat /proc/self/status)" $'CapEff:\t0000000000000000'
	build run --network none --volume "$DIR/volume:/volume" "$container" touch /volume/file
	[ -e "$DIR/volume/file" ]
	run ! build run --network none --volume "$DIR/volume:/volume:ro" "$container" touch /volume/other
	contains "$output" 'Read-only file system'
	equal "$(build run --network none --env NAME=value --hostname box --workingdir /tmp "$container" sh -c 'echo $NAME $(hostname) $PWD')" 'value box /tmp'
}

@test "build: stages, arguments, a secret, a cache" {
	local context=$DIR/context container
	mkdir -p "$context"
	echo hidden >"$DIR/secret"
	cat >"$context/Containerfile" <<-'END'
		FROM box AS first
		ARG WORD
		RUN --mount=type=secret,id=key [ "$(cat /run/secrets/key)" = hidden ] && echo "$WORD" >/result
		RUN --mount=type=cache,target=/cache echo kept >/cache/file
		RUN --mount=type=cache,target=/cache cp /cache/file /cached
		FROM box
		COPY --from=first /result /cached /
		USER guest
		RUN id -un >/tmp/user
		CMD ["cat", "/result"]
	END
	build build --quiet --network none --no-cache --build-arg WORD=word --secret "id=key,src=$DIR/secret" -t built "$context" >/dev/null
	container=$(build from built)
	equal "$(build run --network none "$container" cat /result /cached /tmp/user)" $'word\nkept\nguest'
	run ! build run --network none "$container" ls /run/secrets/key
}

@test "build: a RUN that fails, with its output" {
	local context=$DIR/failing
	mkdir -p "$context"
	printf 'FROM box\nRUN echo before; exit 3\n' >"$context/Containerfile"
	run ! build build --network none --no-cache "$context"
	contains "$output" before
	contains "$output" 'exit status 3'
}
