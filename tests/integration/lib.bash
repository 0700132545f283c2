# shellcheck shell=bash
# The loops below iterate over pids and over paths without blanks.
# shellcheck disable=SC2013,SC2044
# The vocabulary of the integration tests. Each test has its own bundle (its working
# directory), its own state root and its own cgroup name, and its teardown fails if
# anything of them is left.

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
RUNTIME=${RUNTIME:-$TOP/runnel}
HELPERS=$TOP/tests/helpers/bin
# The cgroup driver: cgroupfs (the runtime itself), or systemd. With systemd, `run` has
# replaced RUNTIME by a script that adds --systemd-cgroup.
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
	# This identifies processes that a test has left running by their environment.
	export RUNNEL_TEST=$CGROUP
	mkdir "$ROOT"
	make_bundle "$BUNDLE"
	cd "$BUNDLE" || return
}

teardown() {
	# If setup failed early there is nothing to remove, and an empty name would match
	# everything.
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
	# A process whose cgroup is "(deleted)" has ended, and only its parent has to reap it.
	for file in $(grep -lsE "$CGROUP(\.scope)?(/[^ ]*)?$" /proc/[0-9]*/cgroup); do
		echo "process in cgroup: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%cgroup}cmdline" 2>/dev/null)"
	done
	# Hooks have their own environment; their working directory is the bundle.
	for file in $(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$TMP/*" 2>/dev/null); do
		case $(readlink "${file%cwd}exe" 2>/dev/null) in
		*/bash | '' | */find | */timeout) ;;
		*) echo "process of a hook: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%cwd}cmdline" 2>/dev/null)" ;;
		esac
	done
	# The shells of this test, our ancestors and children, have it in theirs, too.
	for file in $(grep -lszF "RUNNEL_TEST=$CGROUP" /proc/[0-9]*/environ); do
		case $(readlink "${file%environ}exe" 2>/dev/null) in
		*/bash | '' | */grep | */timeout) ;;
		*) echo "process: ${file//[^0-9]/} $(tr '\0' ' ' <"${file%environ}cmdline" 2>/dev/null)" ;;
		esac
	done
}

# sweep removes what the runtime has left, so that one failing test doesn't affect those
# after it.
sweep() {
	local file mount
	for file in $(grep -lsE "$CGROUP(\.scope)?(/[^ ]*)?$" /proc/[0-9]*/cgroup); do
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

# ---- assertions

# fail TEXT… prints the text and fails.
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

# ok COMMAND… runs a command and fails unless it succeeds.
ok() {
	invoke "$@"
	[ "$status" = 0 ] || fail "exit code $status of: $*" "stdout: $output" "stderr: $error"
}

# exits N COMMAND… runs a command and fails unless it exits with N.
exits() {
	local want=$1
	shift
	invoke "$@"
	[ "$status" = "$want" ] || fail "exit code $status, want $want, of: $*" "stdout: $output" "stderr: $error"
}

# prints TEXT fails unless the last command's standard output is TEXT.
prints() {
	[ "$output" = "$1" ] || fail "got:  $output" "want: $1" "stderr: $error"
}

# says REGEX fails unless a line of the last command's standard error matches.
says() {
	grep -qE -- "$1" <<<"$error" || fail "standard error: $error" "doesn't match: $1"
}

# equal GOT WANT fails unless both are the same.
equal() {
	[ "$1" = "$2" ] || fail "got:  $1" "want: $2"
}

# matches TEXT REGEX fails unless TEXT matches.
matches() {
	[[ $1 =~ $2 ]] || fail "text:  $1" "regex: $2"
}

# one_sentence fails unless the last command's standard error is a single line, if the
# runtime is ours.
one_sentence() {
	is_ours || return 0
	[ "$(wc -l <"$TMP/stderr")" = 1 ] || fail "more or less than one line: $error"
}

# nothing_left fails if anything of a container is left, before teardown cleans up.
nothing_left() {
	local left
	left=$(leftovers)
	[ -z "$left" ] || fail "left behind: $left"
}

# ---- the runtime under test, and the host

# is_ours succeeds if the runtime is runnel.
is_ours() { [[ $("$RUNTIME" --version) == runnel* ]]; }

# only_ours REASON skips a test for another runtime, which lacks the feature or differs.
only_ours() { is_ours || skip "not in $(basename "$RUNTIME"): $1"; }

rootless() { [ "$(id -u)" != 0 ]; }

# needs_root WHAT skips a test of something that only root may do.
needs_root() { ! rootless || skip "only root may $1"; }

# needs_cgroupfs WHY skips a test that requires the cgroupfs driver.
needs_cgroupfs() { [ "$DRIVER" = cgroupfs ] || skip "not with --systemd-cgroup: $1"; }

# cgroup_dir [CONTROLLER] prints the directory of the bundle's cgroup.
cgroup_dir() {
	local top=/sys/fs/cgroup
	! cgroup_v1 || top+=/$1
	find -H "$top" -maxdepth 7 -type d \( -name "$CGROUP" -o -name "$CGROUP.scope" \) 2>/dev/null | head -n 1
}

cgroup_v1() { [ ! -e /sys/fs/cgroup/cgroup.controllers ]; }
needs_cgroup_v1() { cgroup_v1 || skip 'the host has cgroup v2 only'; }
needs_cgroup_v2() { ! cgroup_v1 || skip 'the host has no full cgroup v2'; }
# needs_cgroup skips a test where a container has no cgroup of its own.
needs_cgroup() { if rootless && cgroup_v1; then skip 'an ordinary user has no cgroup on v1'; fi; }
needs_controller() {
	if cgroup_v1; then
		[ -d "/sys/fs/cgroup/$1" ] || skip "the host has no v1 controller $1"
	else
		grep -qw "$1" /sys/fs/cgroup/cgroup.controllers || skip "the host has no v2 controller $1"
	fi
}
needs_namespace() { [ -e "/proc/self/ns/$1" ] || skip "the kernel has no $1 namespaces"; }

# needs_kernel MAJOR MINOR skips a test on an older kernel.
needs_kernel() {
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	((major > $1 || major == $1 && minor >= $2)) || skip "the kernel is older than $1.$2"
}

# needs_capability NAME NUMBER skips a test if root lacks the capability.
needs_capability() {
	local effective
	effective=$((16#$(awk '/^CapEff/ {print $2}' /proc/self/status)))
	[ $(((effective >> $2) & 1)) = 1 ] || skip "root here lacks $1"
}

# ---- bundles

# make_bundle DIR creates a bundle: a root file system linked from the template, and a
# config.
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

# without_pid_namespace makes the container share the host's pid namespace. An ordinary
# user can't mount a procfs then, and bind mounts the host's (mount_namespaces(7)).
without_pid_namespace() {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
	! rootless || config 'del(.linux.maskedPaths, .linux.readonlyPaths) |
		(.mounts[] | select(.destination == "/proc")) *= {"type": "bind", "source": "/proc", "options": ["rbind"]}'
}

# args WORD… sets process.args.
args() { config '.process.args = $ARGS.positional' --args -- "$@"; }

# script TEXT makes a shell with this script the container's process.
script() { args sh -c "$1"; }

# ---- the runtime

# The time limit turns a command that hangs into exit code 124.
runtime() { timeout --foreground 20 "$RUNTIME" --root "$ROOT" "$@"; }

# status_of ID prints the container's status, or `none`.
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

# run_prints SCRIPT TEXT fails unless a container with this script prints TEXT.
run_prints() {
	script "$1"
	run_container
	prints "$2"
}

# sleeping [ID] starts a detached container that runs until it is killed.
sleeping() {
	args sleep 1000
	ok runtime run --detach "${1:-c}"
}

# ---- waiting without sleeping

# gone PID waits until the process has ended, for 10 s at most.
gone() { "$HELPERS/pidwait" "$1" 10000; }

# read_line FIFO prints the next line that is written to it.
read_line() {
	local line
	# Opened for reading and writing, so that open(2) can't block.
	read -r -t 10 line <>"$1" || fail "nothing came through $1 in 10 s"
	echo "$line"
}

# until_true COMMAND… repeats a command until it succeeds, for 10 s at most. It is for
# conditions that can't be waited for.
until_true() {
	local i
	for i in {1..1000}; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.01
	done
	fail "not true within 10 s ($i times): $*"
}

stopped() { [ "$(status_of "$1")" = stopped ]; }
running() { [ "$(status_of "$1")" = running ]; }

# canary creates a directory of the host that must not be changed.
canary() {
	mkdir "$TMP/canary"
	echo intact >"$TMP/canary/file"
}

canary_intact() {
	equal "$(find "$TMP/canary" -printf '%P %y\n' | sort)" $' d\nfile f'
	equal "$(<"$TMP/canary/file")" intact
	! grep -q "$TMP/canary" /proc/self/mountinfo || fail 'something is mounted on the host'
}
