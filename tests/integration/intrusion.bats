#!/usr/bin/env bats
# Attacks by running containers, by configs and by other containers on the commands of the
# runtime, beside the known classes of attacks, which tests/attacks has. attack.bats is
# about images.

load lib

@test "a create whose cgroup is in use doesn't affect its processes" {
	needs_cgroupfs 'units have names, systemd.bats has that'
	sleeping c
	exits 1 runtime create d
	says 'not empty'
	has_status c running
	ok runtime delete --force d
	has_status c running
}

@test "delete of a stopped container doesn't affect another one in its cgroup" {
	needs_cgroupfs 'units have names, systemd.bats has that'
	only_ours 'runc behaves differently'
	sleeping c
	ok runtime kill c KILL
	until_true stopped c
	ok runtime run --detach d
	invoke runtime delete c
	[ "$status" != 0 ]
	has_status d running
	ok runtime delete --force d
	ok runtime delete c
}

# member_cgroups prints the directories of the container's cgroups in which runnel lists,
# freezes and kills processes.
member_cgroups() {
	cgroup_dir freezer
	! cgroup_v1 || cgroup_dir unified
}

@test "delete removes cgroups nested deeper than a path is long" {
	only_ours 'runc removes cgroups by path'
	sleeping c
	local top
	for top in $(member_cgroups); do
		(
			cd "$top" || exit
			name=$(printf 'x%.0s' {1..200})
			for _ in {1..25}; do
				mkdir "$name" && cd -P "./$name" || exit
			done
		)
	done
	ok runtime ps --format json c
	ok runtime delete --force c
	nothing_left
}

# few COMMAND… runs a command of the runtime with few descriptors.
few() { timeout --foreground 60 prlimit --nofile=64 "$RUNTIME" --root "$ROOT" "$@"; }

@test "commands need no descriptor for each nested cgroup" {
	only_ours 'runc opens the cgroups by path'
	sleeping c
	sleep 1000 3>&- &
	local top
	for top in $(member_cgroups); do
		(
			cd "$top" || exit
			mkdir wide{1..100}
			for _ in {1..300}; do
				mkdir nested && cd -P ./nested || exit
			done
			echo "$!" >cgroup.procs
		)
	done
	ok few ps --format json c
	equal "$(jq length <<<"$output")" 2
	ok few state c
	ok few exec c true
	ok few pause c
	has_status c paused
	ok few resume c
	ok few events --stats c
	ok few kill --all c KILL
	until_true stopped c
	ok few delete c
	nothing_left
	sleeping c
	ok few delete --force c
}

@test "a container that makes nested cgroups all the time is listed, paused, killed and deleted" {
	only_ours 'runc opens the cgroups by path'
	needs_root 'have cgroups mounted that the container may write to'
	config '.linux.namespaces += [{"type": "cgroup"}] |
		.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "rw"]}]'
	script 'cd /sys/fs/cgroup; ! cd freezer || sleep 0
		for i in 1 2 3; do (
			while mkdir -p $i/down/down/down; do
				sh -c "echo \$\$ >$i/cgroup.procs; exec sleep 0.01"
				rmdir $i/down/down/down $i/down/down $i/down
				mkdir $i/next$i && cd -P $i/next$i
			done
		) & done 2>/dev/null; wait'
	ok runtime run --detach c
	local _
	for _ in {1..5}; do
		ok few ps c
		ok few state c
		ok few pause c
		ok few resume c
	done
	ok few kill --all c TERM
	ok few kill --all c KILL
	ok few delete --force c
	nothing_left
}

@test "a container that freezes itself in a cgroup of its own is killed and deleted" {
	only_ours 'runc waits for its init'
	needs_root 'have cgroups mounted that the container may write to'
	config '.linux.namespaces += [{"type": "cgroup"}] |
		.mounts += [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "rw"]}]'
	script 'cd /sys/fs/cgroup; ! cd freezer || sleep 0
		mkdir own own/frozen; (
			echo 1 >own/frozen/cgroup.procs
			echo FROZEN >own/frozen/freezer.state || echo 1 >own/frozen/cgroup.freeze
			exec sleep 1000
		) & exec sleep 1000'
	local way
	# When the file has its value, the kernel has stopped init.
	is_frozen() { grep -qsE '^(FROZEN|frozen 1)$' "$(cgroup_dir freezer)"/own/frozen/{freezer.state,cgroup.events}; }
	for way in 'kill c KILL' 'kill --all c KILL' 'delete --force c'; do
		ok runtime run --detach c
		until_true is_frozen
		# shellcheck disable=SC2086 # words of a command
		ok runtime $way
		[ "$way" = 'delete --force c' ] || until_true stopped c
		ok runtime delete --force c
		nothing_left
	done
}

@test "tmpcopyup of a tree with hostile file types" {
	needs_root 'create devices'
	only_ours 'the expected tree is specific to runnel'
	mkdir rootfs/full
	(
		cd rootfs/full || exit
		mkfifo fifo
		mknod null c 1 3
		ln -s /etc/passwd link
		ln -s ../../../../../../../../etc/passwd out
		ln -s loop loop
		touch $'a\nb' 'suid'
		chmod 4755 suid
		truncate -s 1M sparse
		mkdir -p "$(printf 'd/%.0s' {1..50})"
	)
	config '.mounts += [{"destination": "/full", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=8m"]}]'
	run_prints 'cd /full; stat -c "%F %a" fifo null suid; for l in link out loop; do readlink $l; done; find d | wc -l; stat -c %s sparse; mount | grep -c " /full "' \
		$'fifo 644\ncharacter special file 644\nregular empty file 4755\n/etc/passwd\n../../../../../../../../etc/passwd\nloop\n50\n1048576\n1'
	# More than fits, and an infinite tree: an error, and nothing remains.
	truncate -s 1T rootfs/full/huge
	exits 1 runtime run c
	says 'no space left'
	rm rootfs/full/huge
	mkdir -p "rootfs/full/$(printf 'd/%.0s' {1..500})"
	exits 1 runtime run c
	one_sentence
	nothing_left
}
