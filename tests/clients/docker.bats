#!/usr/bin/env bats
# Containers of Docker, as its users start them.

load lib

setup_file() { set_up_docker; }

teardown_file() { tear_down_docker; }

teardown() { remove_containers; }

@test "the runtime is the one under test" {
	equal "$(docker info --format '{{.DefaultRuntime}}')" tested
}

@test "run: output, exit status, signals" {
	equal "$(docker run --rm image echo hello)" hello
	run -42 docker run --rm image sh -c 'exit 42'
	equal "$(echo text | docker run --rm -i image cat)" text
	equal "$(docker run --rm image sh -c 'echo err >&2' 2>&1 >/dev/null)" err
}

@test "a program that isn't there, isn't executable, is a directory" {
	run -127 docker run --rm image nothing
	contains "$output" "nothing"
	contains "$output" "executable file not found"
	run -126 docker run --rm image /etc/passwd
	contains "$output" "permission denied"
	run -126 docker run --rm image /tmp
}

@test "a program that can't be executed" {
	run -255 docker run --name one image text
	contains "$output" "exec /bin/text: exec format error"
	equal "$(docker wait one)" 255
	equal "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' one)" "exited 255"
	contains "$(docker logs one 2>&1)" "exec /bin/text: exec format error"
	docker run -d --name again --restart on-failure:2 image text >/dev/null
	until_true sh -c '[ "$(docker inspect --format "{{.RestartCount}}" again)" = 2 ]'
	docker run -d --name two image sleep 1000
	run ! docker exec two text
	contains "$output" "exec format error"
}

@test "a file on a directory: Docker's hint" {
	run ! docker run --rm -v /etc/hostname:/tmp image true
	contains "$output" "not a directory"
	contains "$output" "Are you trying to mount a directory onto a file"
}

@test "a terminal, and its size after a resize" {
	docker run -dt --name one image sh -c 'while [ "$(stty size 2>/dev/null)" != "33 99" ]; do sleep 0.1; done; echo resized' >/dev/null
	curl -sf --unix-socket "$DIR/socket" -X POST "http://docker/containers/one/resize?h=33&w=99"
	equal "$(docker wait one)" 0
	equal "$(docker logs one)" $'resized\r'
}

@test "detached: logs, wait, exec, top, stats, inspect" {
	docker run -d --name one image sh -c 'echo begun; sleep 1000' >/dev/null
	until_true grep -q begun <(docker logs one)
	equal "$(docker exec one echo inside)" inside
	equal "$(docker exec -u guest -e A=b -w /tmp one sh -c 'echo $(id -u) $A $PWD')" "1000 b /tmp"
	run -3 docker exec one sh -c 'exit 3'
	run -126 docker exec one /etc/passwd
	run ! docker exec one nothing
	contains "$output" "executable file not found"
	contains "$(docker top one)" "sleep 1000"
	contains "$(docker stats --no-stream --format '{{.Name}} {{.PIDs}}' one)" "one 1"
	docker kill one >/dev/null
	equal "$(docker wait one)" 137
	equal "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' one)" "exited 137"
}

@test "stop with a signal that is handled, and one that isn't" {
	docker run -d --name handles image sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
	docker run -d --name ignores image sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
	docker stop -t 5 handles >/dev/null
	equal "$(docker wait handles)" 7
	docker stop -t 1 ignores >/dev/null
	equal "$(docker wait ignores)" 137
}

@test "pause and unpause" {
	docker run -d --name one image sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
	docker pause one >/dev/null
	equal "$(docker inspect --format '{{.State.Status}}' one)" paused
	run ! docker exec one true
	docker unpause one >/dev/null
	equal "$(docker exec one echo goes on)" "goes on"
}

@test "users, groups, capabilities, no-new-privileges, seccomp" {
	equal "$(docker run --rm -u guest --group-add 5 image sh -c 'id -u; id -G')" $'1000\n1000 5'
	local bounding='sed -n "s/^CapBnd:\t//p" /proc/self/status'
	equal "$(docker run --rm --cap-drop ALL image sh -c "$bounding")" 0000000000000000
	equal "$(docker run --rm --cap-drop ALL --cap-add NET_ADMIN image sh -c "$bounding")" 0000000000001000
	contains "$(docker run --rm --security-opt no-new-privileges image cat /proc/self/status)" $'NoNewPrivs:\t1'
	contains "$(docker run --rm image cat /proc/self/status)" $'Seccomp:\t2'
	contains "$(docker run --rm --security-opt seccomp=unconfined image cat /proc/self/status)" $'Seccomp:\t0'
	run ! docker run --rm image unshare -m true
	run ! docker run --rm image mount -t tmpfs none /tmp
	docker run --rm --privileged image mount -t tmpfs none /tmp
}

@test "read-only root, tmpfs, volumes, binds, /dev/shm" {
	run ! docker run --rm --read-only image touch /x
	docker run --rm --read-only --tmpfs /tmp:size=1m image touch /tmp/x
	mkdir "$DIR/volume"
	docker run --rm -v "$DIR/volume:/v" image touch /v/x
	[ -e "$DIR/volume/x" ]
	run ! docker run --rm -v "$DIR/volume:/v:ro" image touch /v/y
	contains "$output" "Read-only file system"
	docker volume create data >/dev/null
	docker run --rm -v data:/d image sh -c 'echo kept >/d/x'
	equal "$(docker run --rm -v data:/d image cat /d/x)" kept
	docker volume rm data >/dev/null
	contains "$(docker run --rm --shm-size 2m image df -k /dev/shm)" 2048
}

@test "a volume and a tmpfs on /sys" {
	docker run --rm -v "$DIR:/sys" image true
	docker run --rm --tmpfs /sys image true
	docker run --rm -v /sys:/sys image sh -c 'test -d /sys/kernel'
}

@test "masked and read-only paths of /proc" {
	equal "$(docker run --rm image sh -c 'cat /proc/kcore | wc -c')" 0
	run ! docker run --rm image sh -c 'echo x >/proc/sysrq-trigger'
	run ! docker run --rm image sh -c 'echo x >/proc/sys/kernel/core_pattern'
}

@test "devices, ulimits, sysctls, hostname, environment, working directory" {
	docker run --rm --device /dev/fuse:/dev/it image sh -c ': <>/dev/it'
	run ! docker run --rm --device /dev/fuse:/dev/it:r image sh -c ': <>/dev/it'
	contains "$output" "Operation not permitted"
	equal "$(docker run --rm --ulimit nofile=77:88 image sh -c 'ulimit -Sn; ulimit -Hn')" $'77\n88'
	equal "$(docker run --rm --sysctl net.ipv4.ip_forward=0 image cat /proc/sys/net/ipv4/ip_forward)" 0
	equal "$(docker run --rm -h name -e A=b -w /var image sh -c 'hostname; echo $A; pwd')" $'name\nb\n/var'
}

@test "limits, and docker update" {
	docker run -d --name one -m 64m --cpus 0.5 --pids-limit 30 --cpuset-cpus 0 image sleep 1000 >/dev/null
	local cgroup=/sys/fs/cgroup
	if [ -d $cgroup/memory ]; then
		equal "$(docker exec one cat $cgroup/memory/memory.limit_in_bytes $cgroup/cpu/cpu.cfs_quota_us $cgroup/pids/pids.max $cgroup/cpuset/cpuset.cpus)" \
			$'67108864\n50000\n30\n0'
	else
		equal "$(docker exec one cat $cgroup/memory.max $cgroup/cpu.max $cgroup/pids.max $cgroup/cpuset.cpus)" \
			$'67108864\n50000 100000\n30\n0'
	fi
	docker update -m 96m --memory-swap -1 --cpus 0.25 --pids-limit 40 one >/dev/null
	if [ -d $cgroup/memory ]; then
		equal "$(docker exec one cat $cgroup/memory/memory.limit_in_bytes $cgroup/cpu/cpu.cfs_quota_us $cgroup/pids/pids.max)" $'100663296\n25000\n40'
	else
		equal "$(docker exec one cat $cgroup/memory.max $cgroup/cpu.max $cgroup/pids.max)" $'100663296\n25000 100000\n40'
	fi
}

@test "out of memory" {
	docker run --name one -m 16m --memory-swap 16m image sh -c 'tail /dev/zero' || true
	contains "$(docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' one)" "true"
}

@test "--init, restart policies, health checks" {
	equal "$(docker run --rm --init image sh -c 'cat /proc/1/comm')" docker-init
	docker run -d --name again --restart on-failure:2 image false >/dev/null
	until_true sh -c '[ "$(docker inspect --format "{{.RestartCount}}" again)" = 2 ]'
	docker run -d --name healthy --health-cmd true --health-interval 100ms image sleep 1000 >/dev/null
	until_true sh -c '[ "$(docker inspect --format "{{.State.Health.Status}}" healthy)" = healthy ]'
}

@test "a container's network, and a published port" {
	docker run -d --name web -p 127.0.0.1:18080:80 image sh -c 'mkdir /www; echo page >/www/index.html; httpd -f -h /www' >/dev/null
	until_true busybox wget -qO- http://127.0.0.1:18080/
	equal "$(docker run --rm --network container:web image wget -qO- http://127.0.0.1/)" page
	equal "$(docker run --rm --network none image sh -c 'ls /sys/class/net')" lo
	docker run --rm --network host image true
}

@test "shared pid and ipc namespaces" {
	docker run -d --name first --ipc shareable image sleep 1000 >/dev/null
	contains "$(docker run --rm --pid container:first image ps)" "sleep 1000"
	docker run --rm --ipc container:first image true
	contains "$(docker run --rm --pid host image ps)" dockerd
}

@test "cp, diff, commit, export" {
	docker run -d --name one image sleep 1000 >/dev/null
	echo there >"$DIR/file"
	docker cp "$DIR/file" one:/tmp/file
	equal "$(docker exec one cat /tmp/file)" there
	docker cp one:/etc/passwd "$DIR/passwd"
	contains "$(<"$DIR/passwd")" guest
	contains "$(docker diff one)" "/tmp/file"
	docker commit one changed >/dev/null
	equal "$(docker run --rm changed cat /tmp/file)" there
	docker rmi changed >/dev/null
}

@test "attach, and rename" {
	docker run -d --name one image sh -c 'sleep 2; echo late' >/dev/null
	equal "$(timeout -s KILL 20 docker attach one)" late
	docker rename one two
	equal "$(docker wait two)" 0
}

@test "events" {
	local since
	since=$(date +%s)
	docker run --name one image true
	docker rm one >/dev/null
	contains "$(docker events --since "$since" --until "$(($(date +%s) + 1))" --filter type=container --format '{{.Action}}' | tr '\n' ' ')" "create attach start die destroy"
}

@test "containers outlive the daemon" {
	docker run -d --name one image sleep 1000 >/dev/null
	kill -9 "$(<"$DIR/dockerd")"
	until_true gone "$(<"$DIR/dockerd")"
	start_dockerd
	equal "$(docker exec one echo alive)" alive
}

@test "build" {
	mkdir "$DIR/context"
	printf 'FROM image\nRUN echo built >/made && id -u\nUSER guest\nCMD ["cat", "/made"]\n' >"$DIR/context/Dockerfile"
	DOCKER_BUILDKIT=0 docker build -t made "$DIR/context"
	equal "$(docker run --rm made)" built
	docker rmi made >/dev/null
}

@test "30 at once" {
	local i pids=()
	for i in {1..30}; do
		docker run --rm image sh -c "exit $i" 3>&- &
		pids+=($!)
	done
	for i in {1..30}; do
		local status=0
		wait "${pids[i - 1]}" || status=$?
		equal $status "$i"
	done
}

@test "one after the other" {
	local i
	for i in {1..30}; do
		equal "$(docker run --rm image echo "$i")" "$i"
	done
}

@test "checkpoint and start from it" {
	needs_criu
	local before
	docker run -d --name one image sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; sleep 0.1; done' >/dev/null
	until_true docker exec one test -s /count
	docker checkpoint create one first >/dev/null
	until_true sh -c '[ "$(docker inspect --format "{{.State.Status}}" one)" = exited ]'
	equal "$(docker checkpoint ls one | tail -n +2)" first
	# Docker doesn't start from what containerd has kept of its checkpoint: "already exists".
	ctr --address "$DIR/containerd.sock" --namespace moby content ls -q |
		xargs -r ctr --address "$DIR/containerd.sock" --namespace moby content rm >/dev/null
	run docker start --checkpoint first one
	[[ $output != */proc/0/ns/net* ]] || skip 'Docker 29 looks for the network of the process before it is restored'
	equal "$status" 0
	equal "$(docker inspect --format '{{.State.Status}}' one)" running
	before=$(docker exec one cat /count)
	sleep 0.5
	[ "$(docker exec one cat /count)" -gt "$before" ] || fail "it doesn't count on from $before"
	docker checkpoint create --leave-running one second >/dev/null
	equal "$(docker inspect --format '{{.State.Status}}' one)" running
}
