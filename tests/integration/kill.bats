#!/usr/bin/env bats
# kill, and signals by name and number.

load lib

# listener starts a container that prints the name of each signal that it receives.
listener() {
	mkfifo rootfs/tmp/said
	script 'for s in HUP INT USR1 USR2 TERM WINCH; do trap "echo $s >/tmp/said" $s; done
		echo ready >/tmp/said
		while :; do sleep 0.01; done'
	ok runtime run --detach c
	equal "$(read_line rootfs/tmp/said)" ready
}

@test "signals by name, with and without SIG, by number, TERM as the default" {
	listener
	local signal
	for signal in HUP SIGHUP hup 1; do
		ok runtime kill c $signal
		equal "$(read_line rootfs/tmp/said)" HUP
	done
	ok runtime kill c SIGUSR1
	equal "$(read_line rootfs/tmp/said)" USR1
	ok runtime kill c 28
	equal "$(read_line rootfs/tmp/said)" WINCH
	ok runtime kill c
	equal "$(read_line rootfs/tmp/said)" TERM
}

@test "unknown signals" {
	sleeping c
	local signal
	for signal in NOSUCH SIGNOSUCH 1x; do
		exits 1 runtime kill c $signal
		says 'unknown signal'
		one_sentence
	done
	has_status c running
}

@test "kill of a stopped and of an absent container" {
	args true
	ok runtime run --keep c
	exits 1 runtime kill c
	says 'container not running'
	one_sentence
	exits 1 runtime kill absent
	says 'container does not exist'
	ok runtime kill --all c 9
}

@test "kill of a created container" {
	ok runtime create c
	local pid
	pid=$(pid_of c)
	ok runtime kill c 9
	gone "$pid"
	has_status c stopped
}

@test "kill of a paused container takes effect" {
	sleeping c
	local pid
	pid=$(pid_of c)
	ok runtime pause c
	ok runtime kill c KILL
	gone "$pid"
	has_status c stopped
}

@test "delete right after kill KILL waits for the end" {
	only_ours 'runc refuses where the process has not ended yet'
	# Many processes take the kernel a while to end.
	script 'i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; echo ready >/tmp/ready; exec sleep 1000'
	mkfifo rootfs/tmp/ready
	local i
	for i in 1 2 3 4 5; do
		ok runtime run --detach c
		equal "$(read_line rootfs/tmp/ready)" ready
		ok runtime kill c KILL
		ok runtime delete c
	done
	sleeping c
	exits 1 runtime delete c
	says 'that is not stopped: running'
}

@test "kill --all reaches every process of a container without a pid namespace" {
	without_pid_namespace
	script 'sleep 1000 & sleep 1000 & echo ready >/tmp/ready; exec sleep 1000'
	mkfifo rootfs/tmp/ready
	ok runtime run --detach c
	equal "$(read_line rootfs/tmp/ready)" ready
	local pids pid
	pids=$(runtime ps --format json c | jq '.[]')
	[ "$(wc -w <<<"$pids")" -ge 3 ]
	ok runtime kill --all c KILL
	for pid in $pids; do gone "$pid"; done
	has_status c stopped
}

@test "KILL of a container in the host's pid namespace ends all its processes" {
	only_ours 'runc 1.1 kills only the first process'
	without_pid_namespace
	script 'sleep 1000 & echo $! >/tmp/child; exec sleep 1000'
	ok runtime run --detach c
	until_true test -s rootfs/tmp/child
	local child
	child=$(<rootfs/tmp/child)
	ok runtime kill c KILL
	gone "$child"
}

@test "a process that has reused the pid isn't signalled" {
	only_ours 'runc 1.1 kills the other process'
	args true
	ok runtime run --keep c
	# Simulate that another process has the pid of the container's init.
	sleep 1000 3>&- &
	local innocent=$! file
	for file in "$ROOT"/c/*.json; do
		sed -i -E "s/(\"pid\": ?)[0-9]+/\1$innocent/" "$file"
	done
	grep -q "$innocent" "$ROOT"/c/*.json
	exits 1 runtime kill c KILL
	ok runtime delete --force c
	kill -0 $innocent
	kill $innocent
}
