#!/usr/bin/env bats
# Many containers, one after the other and at once.

load lib

@test "200 containers created, started and deleted" {
	local i
	args sleep 1000
	for i in {1..200}; do
		# sed, because jq takes longer to start than a container.
		sed -i "s|\"/${CGROUP}[^\"]*\"|\"/$CGROUP-$i\"|" config.json
		timeout 20 "$RUNTIME" --root "$ROOT" create "c$i" </dev/null >"$TMP/out" 2>&1 3>&- || fail "create $i: $(<"$TMP/out")"
		timeout 20 "$RUNTIME" --root "$ROOT" start "c$i" </dev/null >"$TMP/out" 2>&1 3>&- || fail "start $i: $(<"$TMP/out")"
	done
	equal "$(runtime list --quiet | wc -l)" 200
	equal "$(runtime list --format json | jq '[.[] | select(.status == "running")] | length')" 200
	for i in {1..200}; do
		timeout 20 "$RUNTIME" --root "$ROOT" delete --force "c$i" </dev/null >"$TMP/out" 2>&1 3>&- || fail "delete $i: $(<"$TMP/out")"
	done
	nothing_left
}

@test "20 at once" {
	local i pids=() pid
	for i in {1..20}; do
		make_bundle "$TMP/b$i"
		jq '.process.args = ["sh", "-c", "exit " + $i] | .linux.cgroupsPath = $c' --arg i "$i" --arg c "/$CGROUP-$i" \
			"$BUNDLE/config.json" >"$TMP/b$i/config.json"
		"$RUNTIME" --root "$ROOT" run --bundle "$TMP/b$i" "c$i" </dev/null >"$TMP/out$i" 2>&1 3>&- &
		pids+=($!)
	done
	i=1
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		equal "$status" $i || fail "$(<"$TMP/out$i")"
		i=$((i + 1))
	done
	nothing_left
}

@test "ten creates with the same id at once: one succeeds" {
	local i pids=() pid won=0
	args sleep 1000
	for i in {1..10}; do
		"$RUNTIME" --root "$ROOT" create c </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" && won=$((won + 1)) || true
	done
	equal $won 1
	has_status c created
	ok runtime delete --force c
	nothing_left
}

@test "ten deletes of the same container" {
	local i pids=() pid
	sleeping c
	for i in {1..10}; do
		"$RUNTIME" --root "$ROOT" delete --force c </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || true; done
	ok runtime delete --force c
	nothing_left
}

@test "two starts at once: one succeeds" {
	local pids=() pid won=0
	script 'echo ran >>/tmp/ran; exec sleep 1000'
	ok runtime create c
	for _ in 1 2; do
		"$RUNTIME" --root "$ROOT" start c </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" && won=$((won + 1)) || true
	done
	until_true test -s rootfs/tmp/ran
	equal $won 1
	equal "$(<rootfs/tmp/ran)" ran
}

@test "delete --force while it is paused" {
	local begun
	script 'while :; do :; done & exec sleep 1000'
	for _ in {1..20}; do
		ok runtime run --detach c
		"$RUNTIME" --root "$ROOT" pause c </dev/null >/dev/null 2>&1 3>&- &
		begun=${EPOCHREALTIME/./}
		"$RUNTIME" --root "$ROOT" delete --force c </dev/null >"$TMP/out" 2>&1 3>&- || fail "$(<"$TMP/out")"
		[ $((${EPOCHREALTIME/./} - begun)) -lt 5000000 ] || fail "it took $((${EPOCHREALTIME/./} - begun)) µs"
		wait $! || true
		nothing_left
	done
}
