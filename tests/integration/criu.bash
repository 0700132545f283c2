# shellcheck shell=bash
# The vocabulary of the tests with criu(8).

# find_criu puts a criu that works first in PATH: for setup_file. Without one, the tests are
# skipped; in continuous integration they fail.
find_criu() {
	[ "$(id -u)" = 0 ] || return 0
	local dir
	if dir=$("$BATS_TEST_DIRNAME/../criu" 2>"$BATS_FILE_TMPDIR/criu.err" 3>&-); then
		export PATH=$dir:$PATH HAS_CRIU=1
	elif [ -n "${CI-}" ]; then
		cat "$BATS_FILE_TMPDIR/criu.err" >&2
		return 1
	fi
}

# needs_criu skips a test without criu.
needs_criu() {
	needs_root 'restore processes'
	[ -n "${HAS_CRIU-}" ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/criu.err")"
}

# checkpoint ID [FLAG…] checkpoints a container into $TMP/images.
checkpoint() {
	local id=$1
	shift
	ok runtime checkpoint --image-path "$TMP/images" "$@" "$id"
}

# restore ID [FLAG…] restores it.
restore() {
	local id=$1
	shift
	ok runtime restore --detach --image-path "$TMP/images" "$@" "$id"
}

# counting [ID] starts a container that writes one number after the other to /count.
counting() {
	script 'i=0; while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; sleep 0.02; done'
	ok runtime run --detach "${1:-c}"
	until_true counts_beyond 0
}

count() { cat rootfs/count; }

counts_beyond() { [ "$(count)" -gt "$1" ]; }
