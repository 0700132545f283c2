#!/usr/bin/env bats
# The output of state, list, ps, spec, features and --version, which clients parse.

load lib

@test "state: keys, their order, and their values" {
	config '.annotations = {"k": "v", "empty": ""}'
	sleeping c
	ok runtime state c
	equal "$(jq -r 'keys_unsorted | join(" ")' <<<"$output")" \
		'ociVersion id pid status bundle rootfs created annotations owner'
	equal "$(jq -r '"\(.id) \(.status) \(.bundle) \(.rootfs) \(.annotations.k) \(.owner)"' <<<"$output")" \
		"c running $BUNDLE $BUNDLE/rootfs v "
	matches "$(jq -r .created <<<"$output")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z$'
	equal "$(head -2 <<<"$output")" $'{\n  "ociVersion": '"$(jq .ociVersion <<<"$output"),"
	kill -0 "$(jq .pid <<<"$output")"
}

@test "state: no key without annotations; pid 0 when stopped" {
	args true
	ok runtime run --keep c
	ok runtime state c
	equal "$(jq -c '[.status, .pid, has("annotations")]' <<<"$output")" '["stopped",0,false]'
}

@test "state of an absent container" {
	exits 1 runtime state absent
	says 'container does not exist'
	one_sentence
	equal "$output" ''
}

@test "state and delete without an id" {
	exits 1 runtime state
	exits 1 runtime delete
	exits 1 runtime kill
	exits 1 runtime start
}

@test "list: table, --quiet and JSON" {
	config '.linux.cgroupsPath += "1"'
	sleeping one
	config '.linux.cgroupsPath += "2"'
	ok runtime create two
	ok runtime list
	equal "$(awk '{print $1, $2, $3, $4, $5, $6}' <<<"$output" | head -1)" 'ID PID STATUS BUNDLE CREATED OWNER'
	equal "$(awk 'NR > 1 {print $1, $2, $3, $4, $6}' <<<"$output")" \
		"one $(pid_of one) running $BUNDLE $(id -un)
two $(pid_of two) created $BUNDLE $(id -un)"
	ok runtime list --quiet
	prints $'one\ntwo'
	ok runtime list -q
	prints $'one\ntwo'
	ok runtime list --format json
	equal "$(jq -r '.[] | "\(.id) \(.status) \(.owner)"' <<<"$output")" "one running $(id -un)"$'\n'"two created $(id -un)"
	ok runtime list --format=json
	ok runtime list -f table
	exits 1 runtime list --format xml
	says 'invalid format option'
}

@test "list without containers" {
	ok runtime list
	equal "$(wc -l <<<"$output")" 1
	ok runtime list --quiet
	prints ''
	ok runtime list --format json
	[ "$output" = '[]' ] || { ! is_ours && [ "$output" = null ]; }
}

@test "list continues after a broken entry" {
	sleeping c
	mkdir "$ROOT/broken"
	echo '{' >"$ROOT/broken/state.json"
	ok runtime list --quiet
	prints c
	says broken
	rm -r "$ROOT/broken"
}

@test "ps: JSON has the pids, the table has the host's columns" {
	script 'sleep 1000 & exec sleep 1000'
	ok runtime run --detach c
	local init
	init=$(pid_of c)
	two_processes() { [ "$(runtime ps --format json c | jq length)" = 2 ]; }
	until_true two_processes
	ok runtime ps --format json c
	jq -e "index($init) != null" <<<"$output"
	ok runtime ps -f json c
	ok runtime ps c
	matches "$(head -1 <<<"$output")" '^UID +PID +PPID +C +STIME +TTY +TIME +CMD'
	equal "$(wc -l <<<"$output")" 3
	grep -qE "^$(id -un) +$init " <<<"$output"
	ok runtime ps c -o pid,args
	matches "$(head -1 <<<"$output")" 'PID COMMAND'
	grep -qE "^ *$init +sleep 1000" <<<"$output"
}

@test "spec writes a config.json that runs, and doesn't overwrite one" {
	needs_root 'do without a user namespace'
	mkdir "$TMP/spec"
	cp -al rootfs "$TMP/spec/rootfs"
	cd "$TMP/spec"
	ok runtime spec
	grep -q $'^\t"ociVersion"' config.json
	equal "$(jq -c '[.root.readonly, .process.terminal, .process.args, .process.cwd]' config.json)" \
		'[true,true,["sh"],"/"]'
	exits 1 runtime spec
	says 'File config.json exists. Remove it first'
	config '.process.terminal = false | .process.args = ["id", "-u"] | .linux.cgroupsPath = $c' --arg c "$CGROUPS_PATH"
	run_container
	prints 0
	mkdir "$TMP/other"
	ok runtime spec --bundle "$TMP/other"
	[ -s "$TMP/other/config.json" ]
}

@test "spec --rootless has a user namespace and maps" {
	rm config.json
	ok runtime spec --rootless
	equal "$(jq -c '[.linux.namespaces[].type] | [index("user") != null, index("network") != null]' config.json)" '[true,false]'
	equal "$(jq -c '.linux.uidMappings' config.json)" "[{\"containerID\":0,\"hostID\":$(id -u),\"size\":1}]"
	config '.process.terminal = false | .process.args = ["id", "-u"] | .linux.cgroupsPath = $c' --arg c "$CGROUPS_PATH"
	run_container
	prints 0
}

@test "features is JSON about the build" {
	ok runtime features
	equal "$(jq -r '.hooks | join(" ")' <<<"$output")" \
		'prestart createRuntime createContainer startContainer poststart poststop'
	equal "$(jq -c '.linux.namespaces | contains(["cgroup","ipc","mount","network","pid","user","uts"])' <<<"$output")" true
	equal "$(jq -c '[.ociVersionMin, .linux.cgroup.v1, .linux.cgroup.v2, .linux.seccomp.enabled]' <<<"$output")" \
		'["1.0.0",true,true,true]'
	jq -e '.mountOptions | index("rro") and index("tmpcopyup") and index("rbind")' <<<"$output"
}

@test "features reports to containerd that idmapped mounts are supported" {
	only_ours 'newer than runc 1.1'
	ok runtime features
	equal "$(jq -c '.linux.mountExtensions.idmap.enabled' <<<"$output")" true
	equal "$(jq -r '.linux.namespaces | join(" ")' <<<"$output")" 'cgroup ipc mount network pid time user uts'
	matches "$(jq -r .ociVersionMax <<<"$output")" '^1\.3\.'
}

@test "features lists every supported mount option" {
	only_ours 'the list is checked against our own planner'
	local option
	ok runtime features
	for option in $(jq -r '.mountOptions[]' <<<"$output"); do
		case $option in
		bind | rbind | remount | idmap | ridmap | mand | nomand | *shared | *slave | *private | *unbindable | r*) continue ;;
		esac
		config '.mounts += [{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": [$o]}]' --arg o "$option"
	done
	run_container
}

@test "--version: the lines that clients look for" {
	ok "$RUNTIME" --version
	matches "$(head -1 <<<"$output")" '^(runc|runnel) version [^ ]+$'
	grep -q '^commit: ' <<<"$output"
	grep -q '^spec: 1\.' <<<"$output"
	grep -q '^go: go1' <<<"$output"
	grep -q '^libseccomp: 2\.' <<<"$output"
	ok "$RUNTIME" -v
}

@test "help and wrong usage" {
	ok "$RUNTIME"
	ok "$RUNTIME" --help
	[[ $output == *create* ]] && [[ $output == *--root* ]]
	exits 3 "$RUNTIME" no-such-command
	exits 1 "$RUNTIME" --no-such-flag state c
	exits 1 runtime state --no-such-flag c
	exits 1 runtime state a b
}

@test "global flags after the command: the last one counts" {
	only_ours 'only newer versions of runc accept them there'
	args sleep 1000
	ok runtime run --detach c
	ok "$RUNTIME" list --root "$ROOT" --quiet
	prints c
	ok "$RUNTIME" --root "$TMP/absent" state c --root "$ROOT"
	exits 1 runtime state c --root "$TMP/absent"
	exits 1 runtime state absent --log "$TMP/log" --log-format json
	equal "$(jq -r .level "$TMP/log")" error
	ok "$RUNTIME" exec --root "$ROOT" c echo --root x
	prints '--root x'
}

@test "checkpoint --help and the annotation in features: clients ask with them whether it is supported" {
	ok runtime checkpoint --help
	ok runtime features
	equal "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' <<<"$output")" true
}

@test "--log: JSON, one object for an error, which is on stderr, too" {
	exits 1 runtime --log "$TMP/log" --log-format json state absent
	equal "$(jq -rs 'map(select(.level == "error")) | length' "$TMP/log")" 1
	matches "$(jq -r 'select(.level == "error") | .msg' "$TMP/log")" 'container does not exist'
	jq -re 'select(.level == "error") | .time' "$TMP/log" | grep -qE '^20[0-9-]+T[0-9:]+(\.[0-9]+)?(Z|[+-][0-9:]+)$'
	says 'container does not exist'
}

@test "--log: JSON is the whole file (podman parses it as one object)" {
	only_ours 'runc 1.1 writes more than one line with some errors'
	config '.hooks.createRuntime = [{"path": "/bin/false"}]'
	exits 1 runtime --log "$TMP/log" --log-format json create c
	equal "$(jq -s length "$TMP/log")" 1
}

@test "--log: text is appended; the file is created even if nothing is logged" {
	exits 1 runtime --log "$TMP/log" state absent
	exits 1 runtime --log "$TMP/log" state absent
	equal "$(grep -c '^time=.* level=error msg=".*container does not exist' "$TMP/log")" 2
	ok runtime --log "$TMP/fresh" list
	[ -e "$TMP/fresh" ]
	exits 1 runtime --log "$TMP/log" --log-format xml list
}

@test "--log-level: what is less severe is left out; --debug is more than a level" {
	only_ours 'runc has no --log-level'
	config '.hooks.createRuntime = [{"path": "/bin/echo", "args": ["echo", "from a hook"]}] | .process.capabilities.bounding += ["CAP_NEW"]'
	args true
	ok runtime --log-level warn run c
	says '^time=.* level=warning .*CAP_NEW'
	ok runtime --log-level error run c
	equal "$error" ''
	ok runtime --log-level info run c
	says 'level=info msg=".*from a hook"'
	[[ $error != *level=debug* ]] || fail "$error"
	ok runtime run --log-level debug c
	says level=debug
	ok runtime --log-level error --debug run c
	says level=debug
	ok runtime --log file:"$TMP/warnings" --log-level warning run c
	equal "$(grep -c level= "$TMP/warnings")$(grep -c level=warning "$TMP/warnings")" 11
	exits 1 runtime --log-level error state absent
	says 'does not exist'
}

# listening DESTINATION COMMAND… runs a command in a mount namespace of its own with a socket
# for the messages of journald or syslog, and sets $output to the first message, in one line.
listening() {
	local place=/run/systemd/journal/socket
	# The socket of syslog is /dev/log, a link to the second if there is systemd; or the third.
	[ "$1" = journald ] || place=/run/log
	[ "$1" = journald ] || [ ! -e /dev/log ] || place=$(readlink -f /dev/log)
	shift
	invoke unshare --mount sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && "$@"' sh \
		perl -e 'use Socket; $SIG{ALRM} = sub { exit 9 }; alarm 60;
			socket($s, AF_UNIX, SOCK_DGRAM, 0) && bind($s, sockaddr_un(shift)) || die;
			my $pid = fork; if (!$pid) { close $s; exec @ARGV } waitpid $pid, 0;
			recv($s, $m, 65536, 0); $m =~ s/\n/|/g; print "$m\n"; exit $? >> 8' "$place" "$@"
}

@test "--log journald: and syslog:" {
	only_ours 'runc has neither'
	! rootless || skip 'an ordinary user has no mount namespace to put the socket in'
	listening journald "$RUNTIME" --root "$ROOT" --log journald:box --log-format json state absent
	equal "$status" 1
	says '^container does not exist: absent'
	matches "$output" 'PRIORITY=3\|MESSAGE=container does not exist: absent in the state root '
	matches "$output" 'SYSLOG_IDENTIFIER=box\|'
	matches "$output" 'RUNNEL_CODE=container_not_found\|'
	listening journald "$RUNTIME" --root "$ROOT" --log=journald: state absent
	matches "$output" 'SYSLOG_IDENTIFIER=runnel\|'
	listening syslog "$RUNTIME" --root "$ROOT" --log syslog:box state absent
	matches "$output" '^<11>.* box\[[0-9]+\]: container does not exist: absent in the state root '
	config '.process.capabilities.bounding += ["CAP_NEW"] | .process.args = ["true"]'
	listening syslog "$RUNTIME" --root "$ROOT" --log syslog: run c
	matches "$output" '^<12>.* runnel\[[0-9]+\]: .*CAP_NEW'
}

@test "--log journald: and syslog: where nothing listens" {
	only_ours 'runc has neither'
	! rootless || skip 'an ordinary user has no mount namespace to hide the sockets in'
	local destination
	for destination in journald syslog; do
		exits 1 unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh "$RUNTIME" --root "$ROOT" --log "$destination:" list
		says "^open log $destination: nothing listens on /"
		one_sentence
	done
}

@test "--root / is refused" {
	only_ours 'newer than runc 1.1'
	exits 1 "$RUNTIME" --root / list
	one_sentence
}

@test "features: the memory policies that it lists are accepted" {
	only_ours 'newer than runc 1.3'
	local mode flag
	ok runtime features
	cp "$TMP/stdout" "$TMP/features"
	equal "$(jq -c '[(.linux.memoryPolicy.modes, .linux.memoryPolicy.flags) | length]' "$TMP/features")" '[7,3]'
	for mode in $(jq -r '.linux.memoryPolicy.modes[]' "$TMP/features"); do
		case $mode in
		MPOL_DEFAULT | MPOL_LOCAL) config '.linux.memoryPolicy = {"mode": $m}' --arg m "$mode" ;;
		*) config '.linux.memoryPolicy = {"mode": $m, "nodes": "0"}' --arg m "$mode" ;;
		esac
		ok runtime plan
	done
	for flag in $(jq -r '.linux.memoryPolicy.flags[]' "$TMP/features"); do
		config '.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0", "flags": [$f]}' --arg f "$flag"
		ok runtime plan
	done
}

# debug_lines prints what each command tells with --debug, one regular expression in a line,
# after the command. They are in an order in which they succeed.
debug_lines() {
	cat <<-END
		spec --bundle $TMP|spec: $TMP/config.json is written, [0-9]+ bytes
		features|features: runnel, version .*, specification 1.0.0 to [0-9.]+
		check --host .|check: bundle ".", on this host: true, [0-9]+ problems
		explain .|explain: bundle ".", [0-9]+ findings
		seccomp explain . swapon|seccomp: profile of .*config.json, [0-9]+ entries
		info|info: [0-9]+ facts
		plan|plan: bundle $BUNDLE, rootfs $BUNDLE/rootfs, [0-9]+ steps
		create c|create c: bundle $BUNDLE, rootfs $BUNDLE/rootfs, config.json of [0-9]+ bytes
		|create c: state $ROOT/c is reserved
		|create c: cgroup \($DRIVER\) .*$CGROUP
		|create c: plan of [0-9]+ steps, seccomp filter: true
		|child [0-9]+ is started in its cgroup: (true|false)
		|create c: device rules are set
		|create c: limits are set in .*$CGROUP
		|child [0-9]+ carries out [0-9]+ steps
		|create c: namespaces and mounts exist, pid [0-9]+, namespaces .*\{mount \}
		|hooks.createRuntime\[0\] /bin/true: ended after [0-9.]+[^0-9. ]*s
		|create c: created, pid [0-9]+
		start c|open $ROOT/c: pid [0-9]+
		|start c: pid [0-9]+ continues
		|start c: the program runs
		|hooks.poststart\[0\] /bin/true: ended after [0-9.]+[^0-9. ]*s
		state c|open $ROOT/c: pid [0-9]+
		list|list: state root $ROOT, [1-9] containers
		ps c|c: 1 processes in cgroup .*$CGROUP
		mounts list c|open $ROOT/c: pid [0-9]+
		inspect c|inspect c: 1 processes, [0-9]+ mounts
		top --no-stream --interval 1ms c|top c: 1 processes
		stats --no-stream --interval 1ms c|stats: 1 containers
		events --stats c|events c: statistics of cgroup .*$CGROUP
		exec c true|exec c: \["true"\] as 0:0, plan of [0-9]+ steps, seccomp filter: true
		|exec c: the program runs, pid [0-9]+
		debug c true|exec c: \["true"\] as 0:0, plan of [0-9]+ steps
		update --pids-limit 30 c|update c: limits are set in .*$CGROUP
		pause c|pause c: cgroup .*$CGROUP.* is frozen
		resume c|resume c: cgroup .*$CGROUP.* is thawed
		kill c 0|kill c: signal 0, pid [0-9]+, all processes: false
		|kill c: the signal is sent
		kill --all c 9|kill c: signal 9 is sent to all processes of cgroup .*$CGROUP
		wait c|wait c: pid [0-9]+ ha[sd] ended
		gc|gc: state root $ROOT, [1-9] containers
		delete --force c|delete c: pid [0-9]+, state $ROOT/c
		|delete c: cgroup .*$CGROUP.* is removed
		|delete c: state $ROOT/c is removed
		run --detach c|create c: created, pid [0-9]+
		|start c: the program runs
	END
}

# debug_config makes a config whose commands have something to tell.
debug_config() {
	args sleep 1000
	profile='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}'
	config '.linux.seccomp = $p | .linux.resources.pids.limit = 50 |
		.hooks = {createRuntime: [{path: "/bin/true"}], poststart: [{path: "/bin/true"}]}' --argjson p "$profile"
}

@test "--debug tells what each command does, in text and in JSON" {
	only_ours 'the steps of runc are others'
	needs_root 'set limits everywhere'
	local command line format told tested=' '
	debug_config
	for format in text json; do
		rm -f "$TMP/config.json"
		while IFS='|' read -r command line; do
			if [ -n "$command" ]; then
				# shellcheck disable=SC2086 # words of a command line
				invoke runtime --debug --log-format "$format" $command
				# The exit code of wait is that of the process, which was killed.
				[ "$status" = 0 ] || [[ $command == wait* ]] || fail "exit code $status of $command: $error"
				told=$error
				tested+="${command%% *} "
			fi
			case $format in
			text) grep -F level=debug <<<"$told" | sed 's/.* msg="//; s/"$//; s/\\//g' ;;
			json) jq -r 'select(.level == "debug") | .msg' <<<"$told" ;;
			esac | grep -qE "^$line" || fail "$command ($format): no line $line in:" "$told"
		done < <(debug_lines)
		ok runtime delete --force c
	done
	# help isn't about anything; checkpoint and restore need a criu that works.
	for command in $("$RUNTIME" --help | sed -n '/^COMMANDS:/,/^GLOBAL/s/^     \([a-z]*\) .*/\1/p'); do
		[[ $command =~ ^(help|checkpoint|restore)$ || $tested == *" $command "* ]] || fail "not in the table: $command"
	done
	ok runtime list
	equal "$error" ''
}
