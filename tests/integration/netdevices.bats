#!/usr/bin/env bats
# linux.netDevices. The "host" is a network namespace of the test.

load lib

setup_file() {
	command -v ip >/dev/null || skip 'the host has no iproute2'
}

# on_host SCRIPT runs a script where device d0 is up and has an address. In the script
# $1 is the state root and $2 the runtime.
on_host() {
	only_ours 'not in runc 1.1'
	local kind
	for kind in dummy ifb; do
		unshare --net ip link add d0 type "$kind" 2>/dev/null && break
	done || skip 'the kernel has neither dummy nor ifb devices'
	cat >"$TMP/script" <<-END
		set -e
		ip link add d0 address 02:00:00:00:00:01 type $kind
		ip address add 10.1.0.1/24 dev d0
		ip link set d0 up
		runtime() { timeout --foreground 20 "$RUNTIME" --root "$ROOT" "\$@"; }
		$1
	END
	invoke unshare --net bash "$TMP/script"
}

@test "a device is moved with a new name and its address, and is up" {
	config '.linux.netDevices = {"d0": {"name": "eth0"}}'
	script 'ip address show eth0; ls /sys/class/net'
	on_host 'runtime run c; ip link show d0 2>/dev/null && echo still there'
	[ "$status" = 1 ] || fail "$error"
	[[ $output == *UP* && $output == *10.1.0.1/24* && $output == *02:00:00:00:00:01* ]] || fail "$output"
	[[ $output == *eth0*lo ]] && [[ $output != *'still there'* ]] || fail "$output"
}

@test "a network sysctl can refer to the device" {
	config '.linux.netDevices = {"d0": {}} | .linux.sysctl = {"net.ipv4.conf.d0.forwarding": "1"}'
	script 'cat /proc/sys/net/ipv4/conf/d0/forwarding'
	on_host 'runtime run c'
	equal "$status $output" '0 1'
}

@test "a device isn't moved back when its container is deleted" {
	config '.linux.netDevices = {"d0": {"name": "eth0"}}'
	args sleep 1000
	on_host 'runtime create c >/dev/null </dev/null; ip link show d0 2>/dev/null && echo there
		runtime start c; runtime delete --force c; ip link show d0 2>/dev/null && echo back; ip -o link show eth0 2>/dev/null && echo back; true'
	equal "$status $output" '0 '
	nothing_left
}

@test "a create that fails moves the device back" {
	config '.linux.netDevices = {"d0": {"name": "eth0"}} | .hooks.createContainer = [{"path": "/bin/false"}]'
	on_host 'runtime create c && exit 3; ip address show d0'
	equal "$status" 0
	[[ $output == *UP* && $output == *10.1.0.1/24* ]] || fail "$output"
	says 'createContainer hook #0'
	nothing_left
}

@test "a run whose program doesn't exist moves the device back" {
	config '.linux.netDevices = {"d0": {"name": "eth0"}}'
	args /no/such/program
	on_host 'runtime run c && exit 3; ip address show d0'
	equal "$status" 0
	[[ $output == *UP* && $output == *10.1.0.1/24* ]] || fail "$output"
	nothing_left
}

@test "no such device; the container's own loopback; no network namespace" {
	config '.linux.netDevices = {"nope": {}}'
	on_host 'runtime create c'
	equal "$status" 1
	says 'linux.netDevices\["nope"\]: find the device: no such device'
	one_sentence
	config '.linux.netDevices = {"d0": {"name": "lo"}}'
	on_host 'runtime create c || { ip address show d0; exit 1; }'
	equal "$status" 1
	says 'linux.netDevices\["d0"\]: a device lo is in the container already'
	[[ $output == *10.1.0.1/24* ]] || fail "$output"
	config '.linux.namespaces |= map(select(.type != "network"))'
	on_host 'runtime create c'
	equal "$status" 1
	says 'unable to move network devices without a NET namespace'
	nothing_left
}
