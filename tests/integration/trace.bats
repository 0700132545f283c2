#!/usr/bin/env bats
# The account of a command: what it did, and how long each part took.

load lib

setup_file() {
	load lib
	only_ours 'the option --trace'
}

# names FILE TRACK prints the names of the parts in a Chrome trace: 1 is the command, 2 the child.
names() { jq -r ".traceEvents[] | select(.ph == \"X\" and .tid == $2) | .name" "$1"; }

@test "trace: run, with the steps of the child" {
	args true
	ok runtime --trace t.json run c
	equal "$(names t.json 1 | head -n 1)" 'runnel run'
	names t.json 1 | grep -qx 'read and check the bundle'
	names t.json 1 | grep -qx 'the child executes the program'
	names t.json 2 | grep -qx 'mount proc /proc'
	equal "$(jq -r '.traceEvents[] | select(.name == "mount proc /proc") | .args.place' t.json)" 'mounts[0] /proc'
	# Whatever the child does is within the command, and one step follows the other.
	equal "$(jq -c '.traceEvents | (map(select(.ph == "X" and .tid == 1))[0]) as $all |
		[map(select(.ph == "X" and .tid == 2)) | sort_by(.ts) | .[] | .ts >= $all.ts and .ts + .dur <= $all.ts + $all.dur] | all' t.json)" true
	equal "$(jq '.traceEvents | map(select(.ph == "X" and .tid == 2)) | sort_by(.ts) | [range(1; length) as $i | .[$i].ts - .[$i - 1].ts - .[$i - 1].dur] |
		map(fabs < 0.01) | all' t.json)" true
	# Messages of --debug are in it, and nowhere else.
	jq -e '.traceEvents | map(select(.ph == "i")) | length > 3' t.json
	equal "$(stat -c %a t.json)" 600
}

@test "trace: create, start, exec and delete" {
	args sleep 1000
	local command
	ok runtime create --trace create.json c
	ok runtime start --trace start.json c
	ok runtime --trace exec.json exec c sh -c 'ls -l /proc/self/fd; grep -c memfd /proc/self/maps || true'
	# The child has given the memory for its times back.
	equal "$(tail -n 1 <<<"$output")" 0
	! grep -q memfd <<<"$output" || fail "$output"
	ok runtime --trace pause.json pause c
	ok runtime --trace delete.json delete --force c
	for command in create start exec pause delete; do
		equal "$(names $command.json 1 | head -n 1)" "runnel $command"
	done
	names create.json 2 | grep -qx 'pivot'
	names exec.json 2 | grep -qx join-process
	names pause.json 1 | grep -qx freeze
	names delete.json 1 | grep -qx 'end the processes'
}

@test "trace: a container that waits has no trace of it" {
	args sleep 1000
	ok runtime create --trace t.json c
	local pid
	pid=$(pid_of c)
	equal "$(grep -c 'memfd:times' "/proc/$pid/maps")" 0
	equal "$(find "/proc/$pid/fd" -lname '*times*')" ''
	ok runtime start c
	ok runtime delete --force c
}

@test "trace: a command that fails" {
	config '.mounts += [{"destination": "/data", "type": "nosuchfs", "source": "x"}]'
	exits 1 runtime --trace t.json create c
	equal "$(jq -r '.traceEvents[] | select(.name == "runnel create") | .args.error' t.json | grep -c nosuchfs)" 1
	equal "$(jq -r '.traceEvents[] | select(.tid == 2 and .args.error) | .name' t.json)" 'mount nosuchfs /data'
	nothing_left
	exits 1 runtime --trace t.json state absent
	matches "$(jq -r '.traceEvents[] | select(.name == "runnel state") | .args.error' t.json)" 'does not exist'
}

@test "trace: OpenTelemetry, below the caller's span" {
	args true
	export TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
	ok runtime --trace t.otlp.json run c
	local spans='.resourceSpans[0].scopeSpans[0].spans'
	equal "$(jq -c "$spans | [(map(.traceId) | unique), (map(select(.name == \"runnel run\"))[0].parentSpanId)]" t.otlp.json)" \
		'[["0af7651916cd43dd8448eb211c80319c"],"b7ad6b7169203331"]'
	# Each other span is below one of these.
	equal "$(jq "$spans | (map(.spanId) + [\"b7ad6b7169203331\"]) as \$ids | map(.parentSpanId | IN(\$ids[])) | all" t.otlp.json)" true
	equal "$(jq -r '.resourceSpans[0].resource.attributes[] | select(.key == "service.name") | .value.stringValue' t.otlp.json)" runnel
	unset TRACEPARENT
	ok runtime --trace t2 --trace-format otlp run c
	equal "$(jq -r "$spans | map(select(.name == \"runnel run\"))[0] | has(\"parentSpanId\")" t2)" false
}

@test "trace: a page with a picture" {
	config '.mounts += [{"destination": "/<b>&\"x", "type": "tmpfs", "source": "tmpfs"}]'
	args true
	mkdir -p 'rootfs/<b>&"x'
	ok runtime --trace t.html run c
	grep -q '<svg ' t.html
	grep -q 'mount tmpfs /&lt;b&gt;&amp;&quot;x' t.html
	equal "$(grep -c '<b>\|<script\|href=\|src=' t.html)" 0
}

# browser FLAG… URL runs a browser without a window.
browser() {
	timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --user-data-dir="$TMP/chromium" "$@" 2>/dev/null 3>&-
}

@test "trace: a browser shows the page" {
	needs_root 'chromium without a sandbox'
	command -v chromium >/dev/null || skip 'needs chromium'
	script 'sleep 1'
	ok runtime --trace t.html run c
	# The browser takes the text apart, and prints what it has made of it.
	browser --dump-dom "file://$PWD/t.html" >"$TMP/dom"
	equal "$(grep -c '<rect class="\(runnel\|child\)"' "$TMP/dom")" "$(grep -c '<rect class="\(runnel\|child\)"' t.html)"
	grep -q '<text [^>]*>pivot</text>' "$TMP/dom"
	# The time in which only the container ran is cut.
	grep -q '<rect class="cut"' "$TMP/dom"
	browser --window-size=1300,900 --screenshot="$TMP/shot.png" "file://$PWD/t.html"
	[ "$(stat -c %s "$TMP/shot.png")" -gt 20000 ]
}

@test "plan --format dot: the graph of a plan" {
	# An ordinary user's container has a user namespace.
	rootless || config '.linux.namespaces += [{"type": "user"}] |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	config '.process.env += ["SECRET=xyzzy"]'
	ok runtime plan --format dot
	matches "$output" '^digraph plan \{'
	matches "$output" 'mount proc /proc\\nmounts\[0\] /proc'
	matches "$output" 'write id maps'
	equal "$(grep -c xyzzy <<<"$output")" 0
	# Each node that an edge names is there.
	local node
	for node in $(grep -o '[pc][0-9]* -> [pc][0-9]*' <<<"$output" | tr -d '>-' | tr ' ' '\n' | sort -u); do
		grep -q "^	*$node \[label=" <<<"$output" || fail "no node $node"
	done
	ok runtime plan --format text
	matches "$output" 'SECRET=xyzzy'
	exits 1 runtime plan --format svg
	says 'invalid format option'
	command -v dot >/dev/null || return 0
	"$RUNTIME" plan --format dot | dot -Tsvg >plan.svg
}

@test "trace: what can't be, and nothing without it" {
	exits 1 runtime --trace /no/such/dir/t create c
	says '\-\-trace: open /no/such/dir/t: no such file or directory'
	exits 1 runtime --trace t --trace-format svg create c
	says 'invalid value "svg" for --trace-format'
	exits 1 runtime --trace-format html create c
	says '\-\-trace-format is for --trace'
	nothing_left
	# Under strace, newuidmap(1) has no privileges.
	! rootless || return 0
	command -v strace >/dev/null || skip 'there is no strace'
	args true
	strace -f -qq -o calls "$RUNTIME" --root "$ROOT" run c
	equal "$(grep -c 'memfd_create("times"' calls)" 0
}

@test "trace: commands that change a live container" {
	config '.mounts += [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"}]'
	sleeping
	ok runtime --trace mounts.json mounts add --type tmpfs --target /mnt/x c
	names mounts.json 2 | grep -qx 'mount tmpfs /mnt/x'
	needs_root 'add a device'
	[ -e /dev/fuse ] || skip 'the host has no /dev/fuse'
	ok runtime --trace update.json update --device-add /dev/fuse --pids-limit 50 c
	names update.json 1 | grep -qx 'change the container'
	names update.json 2 | grep -qx 'device /dev/fuse'
}
