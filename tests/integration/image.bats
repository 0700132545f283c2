#!/usr/bin/env bats
# spec --from-image: bundles from images. The images are written here, with tar, sha256sum and
# jq. Package image has the tests of layers; here is what a user sees.

load lib

eval "common_$(declare -f setup)"
setup() {
	common_setup
	only_ours 'runc makes no bundles from images'
	cd "$TMP" || return
	mkdir -p base/{bin,etc,home/web,data,tmp}
	cp -a "$BUNDLE/rootfs/bin/." base/bin
	printf 'root:x:0:0::/:/bin/sh\nweb:x:33:34::/home/web:/bin/sh\n' >base/etc/passwd
	printf 'root:x:0:\nweb:x:34:\nlogs:x:55:web\n' >base/etc/group
	echo lower >base/data/old
	chmod 1777 base/tmp
}

# digest_of FILE prints its digest.
digest_of() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }

# blob LAYOUT FILE TYPE moves a file to the blobs of a layout and prints its descriptor.
blob() {
	local digest size
	digest=$(digest_of "$2")
	size=$(stat -c %s "$2")
	mkdir -p "$1/blobs/sha256"
	mv "$2" "$1/blobs/sha256/${digest#*:}"
	jq -cn --arg digest "$digest" --argjson size "$size" --arg type "$3" '{mediaType: $type, digest: $digest, size: $size}'
}

# layout LAYOUT CONFIG DIR… makes an image layout. CONFIG is the JSON of the image's config, and
# each directory is a layer.
layout() {
	local layout=$1 config=$2 layers='' ids='' dir
	shift 2
	for dir in "$@"; do
		tar --numeric-owner -C "$dir" -cf "$TMP/layer" .
		ids+=$(jq -n --arg id "$(digest_of "$TMP/layer")" '$id')
		gzip -nf "$TMP/layer"
		layers+=$(blob "$layout" "$TMP/layer.gz" application/vnd.oci.image.layer.v1.tar+gzip)
	done
	jq -cn --argjson config "$config" --argjson ids "$(jq -s . <<<"$ids")" --arg arch "$(architecture)" \
		'{os: "linux", architecture: $arch, config: $config, rootfs: {type: "layers", diff_ids: $ids}}' >"$TMP/image.json"
	jq -cn --argjson config "$(blob "$layout" "$TMP/image.json" application/vnd.oci.image.config.v1+json)" --argjson layers "$(jq -s . <<<"$layers")" \
		'{schemaVersion: 2, config: $config, layers: $layers}' >"$TMP/manifest.json"
	jq -cn --argjson manifest "$(blob "$layout" "$TMP/manifest.json" application/vnd.oci.image.manifest.v1+json)" \
		'{schemaVersion: 2, manifests: [$manifest + {annotations: {"org.opencontainers.image.ref.name": "v1"}}]}' >"$layout/index.json"
	echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
}

architecture() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# without_terminal BUNDLE lets the container run without one, in the cgroup of the test.
without_terminal() {
	jq --arg path "$CGROUPS_PATH" '.process.terminal = false | .linux.cgroupsPath = $path' "$1/config.json" >"$TMP/new"
	mv "$TMP/new" "$1/config.json"
}

# names DIR prints the names in a directory, in one line.
names() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' '; }

@test "an image becomes a bundle, and the bundle runs" {
	mkdir -p upper/data upper/etc
	touch upper/data/.wh.old
	echo upper >upper/data/new
	layout image '{"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["id -u; id -G; pwd; echo $GREETING; cat /data/*"], "Env": ["GREETING=hello"],
		"WorkingDir": "/home/web", "User": "web", "StopSignal": "SIGINT", "Labels": {"a": "b"}}' base upper
	ok runtime spec --from-image image --bundle box
	equal "$(stat -c %a box) $(names box)" '700 config.json rootfs'
	equal "$(jq -c '[.annotations["org.opencontainers.image.stopSignal"], .annotations.a, .root.readonly // false]' box/config.json)" '["SIGINT","b",false]'
	equal "$(stat -c %a box/rootfs/tmp)" 1777
	without_terminal box
	ok runtime check --host box
	ok runtime run --bundle box c
	if rootless; then
		prints $'0\n0\n/home/web\nhello\nupper'
	else
		prints $'33\n34 55\n/home/web\nhello\nupper'
	fi
}

@test "a tar archive of a layout, with a tag, and spec's other flags" {
	layout image '{"Cmd": ["true"]}' base
	tar -C image -cf image.tar .
	ok runtime spec --from-image image.tar:v1 --bundle box --seccomp --file other.json
	[ "$(jq '.linux.seccomp.syscalls | length' box/other.json)" -gt 0 ]
	equal "$(jq -c .process.args box/other.json)" '["true"]'
	exits 1 runtime spec --from-image image.tar:v2 --bundle box2
	equal "$error" 'image image.tar: there is no image with the tag "v2", but: v1'
	exits 1 runtime spec --from-image image.tar --platform linux/s390x --bundle box2
	says '^image image.tar: it is for linux/.*, not for linux/s390x: choose with --platform$'
	[ ! -e box2 ]
	exits 1 runtime spec --platform linux/s390x
	equal "$error" '--platform has no meaning without --from-image'
	exits 1 runtime spec --from-image image --max-size x --bundle box2
	says '^--max-size x: '
}

@test "the bundle's directory: others may not enter it, and nothing in it is replaced" {
	layout image '{"Cmd": ["true"]}' base
	mkdir -m 755 box
	exits 1 runtime spec --from-image image --bundle box
	says '^bundle box: other users can enter it, and could run set-user-ID programs of the image \(mode 755, '
	chmod 700 box
	echo mine >box/config.json
	exits 1 runtime spec --from-image image --bundle box
	equal "$error" 'File config.json exists. Remove it first'
	equal "$(cat box/config.json)" mine
	rm box/config.json
	mkdir box/rootfs
	exits 1 runtime spec --from-image image --bundle box
	equal "$error" 'box/rootfs exists: remove it first'
	equal "$(names box)" rootfs
	rmdir box/rootfs
	(cd box && ok runtime spec --from-image ../image)
	equal "$(names box)" 'config.json rootfs'
	exits 1 runtime spec --from-image image --bundle absent/box
	equal "$error" 'bundle absent/box: no such file or directory'
	exits 1 runtime spec --from-image image --bundle image/index.json
	equal "$error" 'bundle image/index.json: not a directory'
}

@test "a failure leaves nothing" {
	layout image '{"Cmd": ["true"]}' base
	local biggest
	biggest=$(find image/blobs -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
	mkdir -m 700 empty
	exits 1 runtime spec --from-image image --bundle box --max-size 10k
	says '^image image: layer 1 of 1, sha256:.*: the files of the image are larger than 10240 bytes$'
	[ ! -e box ]
	# One bit of the compressed layer's end, which is its checksum.
	printf '\377' | dd of="$biggest" bs=1 seek="$(($(stat -c %s "$biggest") - 1))" conv=notrunc status=none
	exits 1 runtime spec --from-image image --bundle box
	one_sentence
	[ ! -e box ]
	exits 1 runtime spec --from-image image --bundle empty
	equal "$(names empty)" ''
	rm "$biggest"
	exits 1 runtime spec --from-image image --bundle empty
	says 'no such file or directory'
	equal "$(names empty)" ''
}

@test "a signal ends it, and nothing is left" {
	local pid
	mkdir bin
	cp "$(realpath "$TOP/runnel")" bin/runnel
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nfor dir; do :; done\nmkdir -p "$dir/a"\nchmod 0 "$dir/a"\nexec sleep 1000\n' >bin/runnel-image
	chmod +x bin/runnel-image
	bin/runnel spec --from-image x --bundle box 2>error 3>&- &
	pid=$!
	until_true sh -c 'test -d box/.image-*/rootfs/a'
	kill "$pid"
	wait "$pid" && fail 'it succeeded'
	equal "$(cat error)" 'interrupted by a signal'
	[ ! -e box ]
}

@test "without the program runnel-image" {
	mkdir bin
	cp "$(realpath "$TOP/runnel")" bin/runnel
	exits 1 env PATH=/usr/sbin:/usr/bin:/sbin:/bin bin/runnel spec --from-image x --bundle box
	equal "$error" "--from-image needs the program runnel-image, which is neither in $TMP/bin nor in \$PATH"
	[ ! -e box ]
	mkdir path
	cp "$TOP/runnel-image" path
	exits 1 env PATH="$TMP/path:$PATH" bin/runnel spec --from-image x --bundle box
	equal "$error" 'image x: no such file or directory'
}

@test "device nodes are left out, unless they are wanted" {
	needs_root 'make device nodes'
	mkdir base/dev
	mknod base/dev/null c 1 3 || skip 'device nodes can not be made here'
	layout image '{"Cmd": ["true"]}' base
	ok runtime spec --from-image image --bundle box
	says 'level=warning msg="1 device nodes of the image are left out, such as'
	[ ! -e box/rootfs/dev/null ]
	ok runtime spec --from-image image --bundle box2 --allow-devices
	[ -c box2/rootfs/dev/null ]
	rm -r box2
}

@test "images of podman: a layout, its archive, and that of docker save" {
	needs_root 'import an image into storage of its own'
	command -v podman >/dev/null || skip 'podman is not installed'
	pod() { podman --root "$TMP/data" --runroot "$TMP/run" --tmpdir "$TMP/tmp" --storage-driver vfs --events-backend file "$@" >&2; }
	local format
	tar -C base -cf base.tar .
	pod import --change 'CMD ["/bin/sh", "-c", "id -un"]' --change 'USER web' base.tar example.com/box:v1
	for format in oci-dir oci-archive docker-archive; do
		pod save --format $format --output image.$format example.com/box:v1
		ok runtime spec --from-image image.$format --bundle $format
		without_terminal $format
		ok runtime run --bundle $format c
		prints web
	done
	ok runtime spec --from-image image.docker-archive:example.com/box:v1 --bundle tagged
	pod rmi --all
}
