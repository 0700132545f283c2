#!/usr/bin/env bats
# 17. A string that is too long, or has a NUL byte, changes what the child reads.
# CVE: CVE-2021-43784
# Verdict: refused: NUL bytes and paths that are too long are errors; lengths have 32 bits and are checked

load lib

@test "strings with a NUL byte, and of 70 KB (CVE-2021-43784)" {
	local filter long
	long=$(printf 'a%.0s' {1..70000})
	cp config.json "$TMP/config.json"
	for filter in '.hostname = "a\u0000b"' '.process.cwd = "/\u0000x"' '.process.args = ["tr\u0000ue"]' '.process.env += ["A=\u0000"]' \
		'.mounts[0].destination = "/pr\u0000oc"' '.mounts[1].options += ["mode=7\u000055"]' '.linux.cgroupsPath += "\u0000b"' \
		'.linux.namespaces[0].path = "/proc/self/ns/p\u0000id"' '.root.path += "\u0000"' '.linux.maskedPaths = ["/x\u0000"]' \
		'.linux.sysctl = {"net.ipv4.ip_forward": "1\u0000"}' '.hooks = {"createContainer": [{"path": "/bin/true", "args": ["a\u0000"]}]}' \
		'.process.args = [$long]' '.process.cwd = "/" + $long' '.mounts[1].destination = "/" + $long' '.linux.maskedPaths = ["/" + $long]' \
		'.linux.namespaces[0].path = "/" + $long' '.root.path = "/" + $long' '.linux.cgroupsPath = "/" + $long' \
		'.linux.devices = [{"path": ("/" + ("a/" * 30000) + "x"), "type": "c", "major": 1, "minor": 3}]'; do
		jq --arg long "$long" "$filter" "$TMP/config.json" >config.json
		invoke runtime run c
		[ "$status" != 0 ] || fail "took $filter"
		nothing_left
	done
	jq --arg long "$long" '.process.env += ["LONG=" + $long] | .annotations = {($long): $long} |
		.process.args = ["sh", "-c", "echo ${#LONG}"]' "$TMP/config.json" >config.json
	run_container
	prints 70000
}
