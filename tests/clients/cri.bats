#!/usr/bin/env bats
# Pods and their containers by the container runtime interface, as the kubelet has them made:
# containerd with the configuration of contrib/clients. All of it has a network namespace of
# its own.

load lib

setup_file() {
	export DIR POD_IMAGE=example.org/box:1
	DIR=$(mktemp -d)
	find_criu
	(cd "$BATS_TEST_DIRNAME/cri" && go build -trimpath -o "$DIR/cri-client" .) || return
	touch "$DIR/net"
	unshare --net="$DIR/net" ip link set lo up
	start_cri
	make_image "$DIR/rootfs"
	image_archive "$DIR/rootfs" "$POD_IMAGE" "$DIR/image.tar"
	ctr --address "$DIR/containerd.sock" --namespace k8s.io images import "$DIR/image.tar" 3>&-
}

teardown_file() {
	local left
	stop "$(<"$DIR/containerd")"
	umount "$DIR/net"
	left=$(below "$DIR")
	rm -rf --one-file-system "$DIR"
	[ -z "$left" ] || fail "left: $left"
}

# A pod takes its containers with it.
teardown() {
	local pod
	for pod in $(cri ListPodSandbox | jq -r '.items[]?.id'); do
		cri StopPodSandbox "{\"podSandboxId\": \"$pod\"}" >/dev/null
		cri RemovePodSandbox "{\"podSandboxId\": \"$pod\"}" >/dev/null
	done
	rm -rf "$DIR/logs"
	! mountpoint -q "$DIR/volume/below" || umount "$DIR/volume/below"
}

# start_cri starts a containerd with its CRI, and the runtime as the handler "runnel".
start_cri() {
	local file=containerd2-config.toml plugin=io.containerd.cri.v1.runtime
	is_containerd_1 && file=containerd-config.toml plugin=io.containerd.grpc.v1.cri
	mkdir -p "$DIR/cni"
	jq -n --arg state "$DIR/cni-state" '{cniVersion: "0.4.0", name: "pods", plugins: [{type: "bridge", bridge: "pods0", isGateway: true,
		ipam: {type: "host-local", dataDir: $state, ranges: [[{subnet: "198.51.100.0/24"}]]}}]}' >"$DIR/cni/pods.conflist"
	{
		sed "s|/usr/local/sbin/runnel|$RUNTIME|; /^version/a root = \"$DIR/root\"\nstate = \"$DIR/state\"" \
			"$BATS_TEST_DIRNAME/../../contrib/clients/$file"
		cat <<-END
			[grpc]
			address = "$DIR/containerd.sock"
			[plugins."$plugin".cni]
			bin_dir$(is_containerd_1 || echo s) = $(is_containerd_1 && echo '"/usr/lib/cni"' || echo '["/usr/lib/cni"]')
			conf_dir = "$DIR/cni"
		END
		if is_containerd_1; then
			echo "[plugins.\"$plugin\"]"$'\n'"sandbox_image = \"$POD_IMAGE\""
		else
			echo '[plugins."io.containerd.cri.v1.images".pinned_images]'$'\n'"sandbox = \"$POD_IMAGE\""
			echo "[plugins.\"$plugin\"]"$'\n''enable_experimental_restore_via_create = true'
		fi
		# Root may lack CAP_SYS_RESOURCE here, which an adjustment below its own needs.
		echo 'restrict_oom_score_adj = true'
	} >"$DIR/containerd.toml"
	TMPDIR=$DIR nsenter --net="$DIR/net" containerd --config "$DIR/containerd.toml" >>"$DIR/containerd.log" 2>&1 3>&- 4>&- &
	echo $! >"$DIR/containerd"
	until_true ready || fail "$(grep -vE level=info "$DIR/containerd.log")"
}

ready() { cri Status | jq -e '[.status.conditions[] | select(.type == "RuntimeReady" or .type == "NetworkReady") | .status] == [true, true]'; }

# cri METHOD [REQUEST] calls a method; also exec, attach and port-forward.
cri() { nsenter --net="$DIR/net" "$DIR/cri-client" "$DIR/containerd.sock" "$@" 3>&-; }

# pod [FILTER] runs a pod, and prints its id. FILTER changes its configuration, which is kept in
# $DIR/pod.json.
pod() {
	mkdir -p "$DIR/logs"
	jq -n --arg logs "$DIR/logs" "{metadata: {name: \"pod\", uid: \"$RANDOM-$BATS_TEST_NUMBER\", namespace: \"test\"}, log_directory: \$logs,
		hostname: \"pod\", linux: {cgroup_parent: \"/runnel-test-pods\"}} | ${1:-.}" >"$DIR/pod.json"
	cri RunPodSandbox "$(jq '{config: ., runtime_handler: "runnel"}' "$DIR/pod.json")" | jq -r .podSandboxId
}

# container POD SCRIPT [FILTER] creates and starts a container with a shell script, and prints its
# id.
container() {
	local id
	id=$(create "$@") || return
	cri StartContainer "{\"containerId\": \"$id\"}" >/dev/null && echo "$id"
}

create() {
	jq --arg pod "$1" --arg script "$2" --arg image "$POD_IMAGE" '{pod_sandbox_id: $pod, sandbox_config: ., config: ({metadata: {name: "one"},
		image: {image: $image}, command: ["sh", "-c", $script], log_path: "one.log", linux: {}} | '"${3:-.}"')}' "$DIR/pod.json" >"$DIR/request.json"
	cri CreateContainer "$(<"$DIR/request.json")" | jq -r .containerId
}

# status ID [KEY] prints what CRI says of a container.
status() { cri ContainerStatus "{\"containerId\": \"$1\", \"verbose\": true}" | jq -r ".${2:-status.state}"; }

has_exited() { [ "$(status "$1")" = CONTAINER_EXITED ]; }

# sync ID COMMAND… runs a command in a container, and prints its output.
sync() {
	cri ExecSync "$(jq -n --arg id "$1" '{container_id: $id, cmd: $ARGS.positional}' --args -- "${@:2}")" | jq -r '(.stdout // "") | @base64d'
}

@test "the handler, and what it can do" {
	# The kernel has what containerd 2 asks features of the runtime for.
	is_containerd_1 && skip 'containerd 1 has no list of handlers'
	equal "$(cri Status | jq -c '.runtimeHandlers[] | select(.name == "runnel") | .features')" \
		'{"recursiveReadOnlyMounts":true,"userNamespaces":true}'
}

@test "the life of a container: output, exit code, log" {
	local pod id
	pod=$(pod)
	id=$(container "$pod" 'echo hello; read -r line; echo "$line" >&2; exit 3' '.stdin = true | .stdin_once = true')
	equal "$(status "$id")" CONTAINER_RUNNING
	contains "$("$RUNTIME" --root /run/containerd/runc/k8s.io list --quiet)" "$id"
	echo word | cri attach "$id" >/dev/null 2>&1
	until_true has_exited "$id"
	equal "$(status "$id" status.exitCode)" 3
	equal "$(cut -d ' ' -f 2- "$DIR/logs/one.log")" $'stdout F hello\nstderr F word'
	cri RemoveContainer "{\"containerId\": \"$id\"}" >/dev/null
	equal "$(cri ListContainers | jq -c '.containers // []')" '[]'
}

@test "stop: the signal, and then KILL" {
	local pod id
	pod=$(pod)
	id=$(container "$pod" 'trap "exit 7" TERM; while :; do sleep 0.1; done')
	cri StopContainer "{\"containerId\": \"$id\", \"timeout\": 10}" >/dev/null
	equal "$(status "$id" status.exitCode)" 7
	id=$(container "$pod" 'trap "" TERM; while :; do sleep 0.1; done' '.metadata.name = "two"')
	cri StopContainer "{\"containerId\": \"$id\", \"timeout\": 1}" >/dev/null
	equal "$(status "$id" status.exitCode)" 137
}

@test "a program that doesn't exist, and one that can't be executed" {
	local pod id
	pod=$(pod)
	id=$(create "$pod" '' '.command = ["/nothing"]')
	run -1 cri StartContainer "{\"containerId\": \"$id\"}"
	contains "$output" 'no such file or directory'
	equal "$(status "$id" status.exitCode)" 128
	id=$(create "$pod" '' '.command = ["/bin/text"] | .metadata.name = "two"')
	cri StartContainer "{\"containerId\": \"$id\"}" >/dev/null
	until_true has_exited "$id"
	equal "$(status "$id" status.exitCode)" 255
}

@test "exec, with streams and an exit code" {
	local pod id
	pod=$(pod)
	id=$(container "$pod" 'sleep 1000')
	equal "$(sync "$id" hostname)" pod
	equal "$(echo word | cri exec "$id" sh -c 'read -r line; echo "$line from $(hostname)"')" 'word from pod'
	run -5 cri exec "$id" sh -c 'exit 5'
	equal "$(cri ExecSync "{\"containerId\": \"$id\", \"cmd\": [\"sh\", \"-c\", \"exit 4\"]}" | jq .exitCode)" 4
	# A command that takes too long.
	run ! cri ExecSync "{\"containerId\": \"$id\", \"cmd\": [\"sleep\", \"60\"], \"timeout\": 1}"
	until_true eval '! sync "$id" ps | grep -q "sleep 60"'
}

@test "containers of a pod share its network; port-forward" {
	local pod first second
	pod=$(pod)
	first=$(container "$pod" 'echo page >/tmp/index.html; exec httpd -f -p 8080 -h /tmp')
	second=$(container "$pod" 'sleep 1000' '.metadata.name = "two"')
	until_true sync "$second" wget -q -O - 127.0.0.1:8080
	equal "$(sync "$second" wget -q -O - 127.0.0.1:8080)" page
	contains "$(printf 'GET / HTTP/1.0\r\n\r\n' | cri port-forward "$pod" 8080)" page
	contains "$(sync "$first" ip address show eth0)" "$(cri PodSandboxStatus "{\"podSandboxId\": \"$pod\"}" | jq -r .status.network.ip)"
}

@test "namespaces: of the node, of the pod, of another container" {
	local pod id other
	pod=$(pod '.hostname = "" | .linux.security_context.namespace_options = {network: "NODE", pid: "POD"}')
	id=$(container "$pod" 'sleep 1000' '.linux.security_context.namespace_options = {network: "NODE", pid: "POD"}')
	equal "$(sync "$id" readlink /proc/self/ns/net)" "$(nsenter --net="$DIR/net" readlink /proc/self/ns/net)"
	other=$(container "$pod" 'sleep 1001' '.metadata.name = "two" | .linux.security_context.namespace_options = {network: "NODE", pid: "POD"}')
	contains "$(sync "$other" ps)" 'sleep 1000'
}

@test "security: user, capabilities, seccomp, read-only root, masked paths" {
	local pod id
	pod=$(pod '.linux.security_context.seccomp.profile_type = "RuntimeDefault"')
	id=$(container "$pod" 'sleep 1000' '.linux.security_context = {run_as_user: {value: 1000}, run_as_group: {value: 1000}, supplemental_groups: [5],
		capabilities: {drop_capabilities: ["ALL"]}, no_new_privs: true, readonly_rootfs: true, seccomp: {profile_type: "RuntimeDefault"},
		masked_paths: ["/proc/timer_list"], readonly_paths: ["/proc/sys"]}')
	equal "$(sync "$id" id)" 'uid=1000(guest) gid=1000(guest) groups=5,1000(guest)'
	contains "$(sync "$id" cat /proc/self/status)" $'CapBnd:\t0000000000000000'
	contains "$(sync "$id" cat /proc/self/status)" $'NoNewPrivs:\t1'
	contains "$(sync "$id" cat /proc/self/status)" $'Seccomp:\t2'
	run ! cri exec "$id" touch /file </dev/null
	contains "$output" 'Read-only file system'
	equal "$(sync "$id" cat /proc/timer_list)" ''
	pod=$(pod '.metadata.name = "privileged" | .linux.security_context.privileged = true')
	id=$(container "$pod" 'sleep 1000' '.linux.security_context.privileged = true')
	contains "$(sync "$id" cat /proc/self/status)" $'Seccomp:\t0'
	contains "$(sync "$id" ls /dev)" kmsg
}

@test "limits, an update of them, and statistics" {
	local pod id cgroup
	pod=$(pod)
	id=$(container "$pod" 'sleep 1000' '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_quota: 20000, cpu_period: 100000}')
	cgroup=$(find /sys/fs/cgroup -path "*/runnel-test-pods/$id" \( -path '*/memory/*' -o -path '/sys/fs/cgroup/runnel-test-pods/*' \))
	equal "$(cat "$cgroup"/memory.{limit_in_bytes,max} 2>/dev/null)" 67108864
	cri UpdateContainerResources "{\"containerId\": \"$id\", \"linux\": {\"memoryLimitInBytes\": 33554432}}" >/dev/null
	equal "$(cat "$cgroup"/memory.{limit_in_bytes,max} 2>/dev/null)" 33554432
	equal "$(cri ContainerStats "{\"containerId\": \"$id\"}" | jq '.stats | (.memory.workingSetBytes.value | tonumber > 0) and (.cpu.usageCoreNanoSeconds.value | tonumber > 0)')" true
}

@test "a container that is out of memory" {
	local pod id
	pod=$(pod)
	id=$(container "$pod" 'dd if=/dev/zero of=/dev/null bs=200M count=1' '.linux.resources.memory_limit_in_bytes = 16777216')
	until_true has_exited "$id"
	equal "$(status "$id" status.reason)" OOMKilled
}

@test "volumes: read-only, recursively, and with propagation" {
	local pod id filter
	mkdir -p "$DIR/volume/below"
	mount -t tmpfs tmpfs "$DIR/volume/below"
	pod=$(pod)
	id=$(container "$pod" 'sleep 1000' ".mounts = [{host_path: \"$DIR/volume\", container_path: \"/volume\", readonly: true}]")
	run ! cri exec "$id" touch /volume/file </dev/null
	contains "$output" 'Read-only file system'
	sync "$id" touch /volume/below/file
	[ -e "$DIR/volume/below/file" ]
	if ! is_containerd_1; then
		filter=".metadata.name = \"two\" | .mounts = [{host_path: \"$DIR/volume\", container_path: \"/volume\", readonly: true, recursive_read_only: true}]"
		id=$(container "$pod" 'sleep 1000' "$filter")
		run ! cri exec "$id" touch /volume/below/other </dev/null
		contains "$output" 'Read-only file system'
	fi
}

@test "a pod with a user namespace" {
	is_containerd_1 && skip 'containerd 1 has none'
	local pod id options
	options='{namespace_options: {userns_options: {mode: "POD", uids: [{host_id: 100000, length: 65536}], gids: [{host_id: 100000, length: 65536}]}}}'
	pod=$(pod ".linux.security_context = $options")
	id=$(container "$pod" 'sleep 1000' ".linux.security_context = $options")
	equal "$(sync "$id" awk '{print $1, $2, $3}' /proc/self/uid_map)" '0 100000 65536'
	equal "$(sync "$id" stat -c %u /bin/busybox)" 0
}

@test "checkpoint, and a container from it in another pod" {
	needs_criu
	is_containerd_1 && skip 'containerd 1 has none'
	local pod id before
	pod=$(pod)
	id=$(container "$pod" 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done')
	until_true grep -q 'F 3$' "$DIR/logs/one.log"
	cri CheckpointContainer "{\"containerId\": \"$id\", \"location\": \"$DIR/checkpoint.tar\"}" >/dev/null
	contains "$(tar -tf "$DIR/checkpoint.tar")" checkpoint/inventory.img
	equal "$(status "$id")" CONTAINER_RUNNING
	before=$(tail -n 1 "$DIR/logs/one.log")
	cri StopContainer "{\"containerId\": \"$id\"}" >/dev/null
	pod=$(pod '.metadata.name = "other"')
	rm "$DIR/logs/one.log"
	id=$(container "$pod" '' "del(.command) | .image.image = \"$DIR/checkpoint.tar\"")
	# It goes on where it was: the log, which is part of the checkpoint, has each number once.
	until_true goes_on "$before"
	cut -d ' ' -f 4 "$DIR/logs/one.log" | sort -nuC || fail "$(<"$DIR/logs/one.log")"
}

# goes_on LINE reports whether the log has numbers beyond the one of a line.
goes_on() { [ "$(tail -n 1 "$DIR/logs/one.log" | cut -d ' ' -f 4)" -gt "$((${1##* } + 2))" ]; }
