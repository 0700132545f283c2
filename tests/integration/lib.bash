# shellcheck shell=bash
# Lists of pids and of paths without blanks are what the loops below go over.
# shellcheck disable=SC2013,SC2044
# What the integration tests share. Each test has a bundle of its own (its
# working directory), a state root of its own and a cgroup name of its own, and
# its teardown fails when anything of them is left.

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
RUNTIME=${RUNTIME:-$TOP/runnel}
HELPERS=$TOP/tests/helpers/bin
# Who makes the cgroups: cgroupfs, the runtime itself, or systemd. With the
# latter `run` has put a program that adds --systemd-cgroup in place of RUNTIME.
DRIVER=${DRIVER:-cgroupfs}

setup() {
	# Short, because the path of a unix socket has to fit into 108 bytes.
	TMP=$(mktemp -d "${BATS_RUN_TMPDIR%/}/XXXXXX")
	ROOT=$TMP/state
	BUNDLE=$TMP/b
	CGROUP=runnel-test-$BATS_SUITE_TEST_NUMBER-$$-t
	case $DRIVER$(id -u) in
	systemd*) CGROUPS_PATH=::$CGROUP ;;
	cgroupfs0) CGROUPS_PATH=/$CGROUP ;;
	# Beside the tests' own cgroup, in what systemd has delegated to the user.
	*) CGROUPS_PATH=$CGROUP ;;
	esac
	# Found in the environment of whatever a test forgets to end.
	export RUNNEL_TEST=$CGROUP
	mkdir "$ROOT"
	make_bundle "$BUNDLE"
	cd "$BUNDLE" || return
}

teardown() {
	# A setup that didn't get that far has nothing to take down, and an empty name
	# would match everything.
	[ -n "${TMP:-}" ] && [ -n "${CGROUP:-}" ] || return 0
	local entry left
	for entry in "$ROOT"/*/; do
		[ -d "$entry" ] || continue
		timeout 20 "$RUNTIME" --root "$ROOT" delete --force "$(basename "$entry")" 3>&- </dev/null ||
			echo "teardown: delete --force $(basename "$entry") exits $?"
	done
	left=$(leftovers)
	cd / || return
	if [ -n "$left" ]; then
		echo "left behind:"
		echo "$left"
		sweep
		return 1
	fi
	rm -rf --one-file-system "$TMP"
}

# leftovers prints one line for each thing of this test that still exists.
leftovers() {
	local file
	find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*' -printf 'state: %f\n' 2>/dev/null
	grep -F "$TMP" /proc/self/mountinfo | sed 's/^/mount: /'
	find /sys/fs/cgroup -maxdepth "$(if rootless; then echo 7; else echo 4; fi)" -type d -name "$CGROUP*" -printf 'cgroup: %p\n' 2>/dev/null
	for file in $(grep -lsE "$CGROUP(\.scope)?(/|$)" /proc/[0-9]*/cgroup); do
		echo "process in cgroup: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%cgroup}cmdline" 2>/dev/null)"
	done
	# Hooks have an environment of their own; they start in the bundle.
	for file in $(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$TMP/*" 2>/dev/null); do
		case $(readlink "${file%cwd}exe" 2>/dev/null) in
		*/bash | '' | */find | */timeout) ;;
		*) echo "process of a hook: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%cwd}cmdline" 2>/dev/null)" ;;
		esac
	done
	# The shells of this test itself have it too: they are our ancestors and children.
	for file in $(grep -lszF "RUNNEL_TEST=$CGROUP" /proc/[0-9]*/environ); do
		case $(readlink "${file%environ}exe" 2>/dev/null) in
		*/bash | '' | */grep | */timeout) ;;
		*) echo "process: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%environ}cmdline" 2>/dev/null)" ;;
		esac
	done
}

# sweep removes by hand what the runtime left, so that one bad test doesn't
# spoil those after it.
sweep() {
	local file mount
	for file in $(grep -lsE "$CGROUP(\.scope)?(/|$)" /proc/[0-9]*/cgroup); do
		kill -9 "${file//[^0-9]/}" 2>/dev/null
	done
	for file in $(grep -lszF "RUNNEL_TEST=$CGROUP" /proc/[0-9]*/environ); do
		case $(readlink "${file%environ}exe" 2>/dev/null) in
		*/bash | '') ;;
		*) kill -9 "${file//[^0-9]/}" 2>/dev/null ;;
		esac
	done
	find /sys/fs/cgroup -maxdepth 6 -depth -type d -path "*/$CGROUP*" -exec rmdir {} \; 2>/dev/null
	for mount in $(grep -F "$TMP" /proc/self/mountinfo | cut -d' ' -f5 | sort -r); do
		umount -l "$mount" 2>/dev/null
	done
	rm -rf --one-file-system "$TMP" 2>/dev/null
}

# ---- saying what went wrong

fail() {
	printf '%s\n' "$*"
	return 1
}

# invoke COMMAND… runs it with its output in files, not in pipes: a detached
# container keeps its standard streams, and a reader of a pipe would wait for it.
# Sets $status, $output (standard output) and $error. Descriptor 3 is bats's own.
invoke() {
	status=0
	"$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null 3>&- || status=$?
	output=$(<"$TMP/stdout")
	error=$(<"$TMP/stderr")
}

# ok COMMAND… must succeed.
ok() {
	invoke "$@"
	[ "$status" = 0 ] || fail "exit code $status of: $*" "stdout: $output" "stderr: $error"
}

# exits N COMMAND… must exit with N.
exits() {
	local want=$1
	shift
	invoke "$@"
	[ "$status" = "$want" ] || fail "exit code $status, want $want, of: $*" "stdout: $output" "stderr: $error"
}

# prints TEXT: what the last command wrote to its standard output.
prints() {
	[ "$output" = "$1" ] || fail "got:  $output" "want: $1" "stderr: $error"
}

# says REGEX: one line of the last command's standard error matches.
says() {
	grep -qE -- "$1" <<<"$error" || fail "standard error: $error" "doesn't match: $1"
}

# equal GOT WANT
equal() {
	[ "$1" = "$2" ] || fail "got:  $1" "want: $2"
}

# matches TEXT REGEX
matches() {
	[[ $1 =~ $2 ]] || fail "text:  $1" "regex: $2"
}

# one_sentence: an error of ours is a single line on standard error.
one_sentence() {
	is_ours || return 0
	[ "$(wc -l <"$TMP/stderr")" = 1 ] || fail "more or less than one line: $error"
}

# nothing_left: no trace of any container, before teardown cleans up.
nothing_left() {
	local left
	left=$(leftovers)
	[ -z "$left" ] || fail "left behind: $left"
}

# ---- which runtime, which host

is_ours() { [[ $("$RUNTIME" --version) == runnel* ]]; }

# only_ours REASON skips a test of what another runtime lacks or does differently.
only_ours() { is_ours || skip "not in $(basename "$RUNTIME"): $1"; }

rootless() { [ "$(id -u)" != 0 ]; }

# needs_root WHAT skips a test of what an ordinary user may not do.
needs_root() { ! rootless || skip "only root may $1"; }

# needs_cgroupfs WHY skips a test that has systemd make no cgroups.
needs_cgroupfs() { [ "$DRIVER" = cgroupfs ] || skip "not with --systemd-cgroup: $1"; }

# cgroup_dir [CONTROLLER] is the directory of the bundle's cgroup.
cgroup_dir() {
	local top=/sys/fs/cgroup
	! cgroup_v1 || top+=/$1
	find "$top" -maxdepth 7 -type d \( -name "$CGROUP" -o -name "$CGROUP.scope" \) 2>/dev/null | head -n 1
}

cgroup_v1() { [ ! -e /sys/fs/cgroup/cgroup.controllers ]; }
needs_cgroup_v1() { cgroup_v1 || skip 'the host has cgroup v2 only'; }
needs_cgroup_v2() { ! cgroup_v1 || skip 'the host has no full cgroup v2'; }
needs_controller() {
	if cgroup_v1; then
		[ -d "/sys/fs/cgroup/$1" ] || skip "the host has no v1 controller $1"
	else
		grep -qw "$1" /sys/fs/cgroup/cgroup.controllers || skip "the host has no v2 controller $1"
	fi
}
needs_namespace() { [ -e "/proc/self/ns/$1" ] || skip "the kernel has no $1 namespaces"; }

# needs_capability NAME NUMBER: skips where root lacks it.
needs_capability() {
	local effective
	effective=$((16#$(awk '/^CapEff/ {print $2}' /proc/self/status)))
	[ $(((effective >> $2) & 1)) = 1 ] || skip "root here lacks $1"
}

# ---- bundles

# make_bundle DIR: a root file system linked from the template and a config.
make_bundle() {
	mkdir "$1"
	cp -al "$BATS_SUITE_TMPDIR/rootfs" "$1/rootfs"
	sed "s,@CGROUP@,$CGROUPS_PATH," "$BATS_SUITE_TMPDIR/config.json" >"$1/config.json"
}

# config FILTER [JQ OPTIONS…] rewrites the bundle's config.json with jq.
config() {
	local filter=$1
	shift
	jq "$filter" config.json "$@" >config.json.new && mv config.json.new config.json
}

# without_pid_namespace: the container shares the host's. A user can't mount a
# proc then, but has the host's as it is (mount_namespaces(7)).
without_pid_namespace() {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	! rootless || config 'del(.linux.maskedPaths, .linux.readonlyPaths) |
		(.mounts[] | select(.destination == "/proc")) *= {"type": "bind", "source": "/proc", "options": ["rbind"]}'
}

# args WORD… sets process.args.
args() { config '.process.args = $ARGS.positional' --args -- "$@"; }

# script TEXT makes a shell script the container's process.
script() { args sh -c "$1"; }

# ---- the runtime

# The time limit turns a command that hangs into exit code 124.
runtime() { timeout --foreground 20 "$RUNTIME" --root "$ROOT" "$@"; }

# status_of ID: its status in `state`, or `none`.
status_of() {
	local json
	json=$("$RUNTIME" --root "$ROOT" state "$1" 2>/dev/null) || {
		echo none
		return
	}
	jq -r .status <<<"$json"
}

has_status() { equal "$(status_of "$1")" "$2"; }

pid_of() { "$RUNTIME" --root "$ROOT" state "$1" | jq .pid; }

# run_container [ID] runs the bundle's process in the foreground; it must succeed.
# shellcheck disable=SC2120 # the tests give the id
run_container() { ok runtime run "${1:-c}"; }

# run_prints SCRIPT TEXT: what a container running the script prints.
run_prints() {
	script "$1"
	run_container
	prints "$2"
}

# sleeping [ID] starts a detached container that lives until it is killed.
sleeping() {
	args sleep 1000
	ok runtime run --detach "${1:-c}"
}

# ---- waiting without sleeping

# gone PID: waits until the process has ended (10 s at most).
gone() { "$HELPERS/pidwait" "$1" 10000; }

# hear FIFO: the next line that somebody writes into it.
hear() {
	local line
	# Opened for both, so that the open itself can't block.
	read -r -t 10 line <>"$1" || fail "nothing came through $1 in 10 s"
	echo "$line"
}

# until_true COMMAND…: polls where there is nothing to wait on, for 10 s at most.
until_true() {
	local i
	for i in {1..1000}; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.01
	done
	fail "still not so after 10 s ($i times): $*"
}

stopped() { [ "$(status_of "$1")" = stopped ]; }
