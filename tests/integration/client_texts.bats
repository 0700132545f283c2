#!/usr/bin/env bats
# What clients read in the output: each line of the table in contrib/clients/texts.md.

load lib

TABLE=$TOP/contrib/clients/texts.md

# rows SITUATION prints exit code, pattern and client of its lines, separated by tabs.
rows() {
	sed -n 's/\\|/\x01/g; s/^| *//; s/ *| */\t/gp' "$TABLE" | tr '\001' '|' |
		awk -F '\t' -v OFS='\t' -v situation="$1" '$1 == situation { print $3, $4, $2 }'
}

# as_in_table SITUATION COMMAND… runs the command, and compares with each of its lines.
as_in_table() {
	local situation=$1 code where pattern client text case count=0
	shift
	invoke "$@"
	while IFS=$'\t' read -r code pattern client; do
		equal "$status" "$code"
		text=$error case=
		where=${pattern%%\`*} pattern=${pattern#*\`} pattern=${pattern%\`}
		case $where in
		stdout:*) text=$output ;;
		log:*) text=$(<"$TMP/log") ;;
		esac
		[[ $client != *'(i)'* ]] || case=-i
		grep -qE $case -- "$pattern" <<<"$text" || fail "$situation: $client looks for $pattern" "in: $text"
		count=$((count + 1))
	done < <(rows "$situation")
	[ $count -gt 0 ] || fail "$situation isn't in $TABLE"
}

@test "clients: kill and delete" {
	args true
	ok runtime run --keep c
	as_in_table 'kill a stopped container' runtime kill c 15
	as_in_table 'kill --all of a stopped container' runtime kill --all c 9
	as_in_table 'kill an absent container' runtime kill absent 15
	as_in_table 'delete an absent container' runtime delete absent
	as_in_table 'delete --force an absent container' runtime delete --force absent
}

@test "clients: programs that can't be run, in create and exec" {
	touch rootfs/data
	args /data
	as_in_table "create with a program that isn't executable" runtime create c
	args nowhere
	as_in_table 'create without the program' runtime create c
	sleeping c
	as_in_table 'exec without the program' runtime exec c nowhere
	as_in_table "exec with a program that isn't executable" runtime exec c /data
}

@test "clients: mounts" {
	touch file
	mkdir rootfs/directory
	config '.mounts += [{"destination": "/directory", "source": ($dir + "/file"), "options": ["bind"]}]' --arg dir "$BUNDLE"
	as_in_table 'bind a file onto a directory' runtime create c
}

@test "clients: the log" {
	as_in_table 'an error with --log-format json' runtime --log "$TMP/log" --log-format json start absent
	equal "$(jq -s length "$TMP/log")" 1
}

@test "clients: state and ps" {
	args sleep 1000
	ok runtime create c
	as_in_table 'state of a created container' runtime state c
	ok runtime start c
	as_in_table 'state of a running container' runtime state c
	as_in_table 'ps --format json' runtime ps --format json c
	if ! rootless; then # it needs a cgroup
		ok runtime pause c
		as_in_table 'state of a paused container' runtime state c
		ok runtime resume c
	fi
	ok runtime kill c 9
	until_true stopped c
	as_in_table 'state of a stopped container' runtime state c
}

@test "clients: version" {
	as_in_table version runtime --version
}

@test "clients: features" {
	only_ours 'newer than runc 1.1'
	as_in_table features runtime features
}

@test "clients: each line of the table is tried" {
	local situation
	sed -n 's/^| *\([^|]*[^ |]\) *|.*/\1/p' "$TABLE" | grep -vE '^(situation|-+)$' | sort -u >"$TMP/all"
	[ "$(wc -l <"$TMP/all")" -gt 15 ]
	while read -r situation; do
		grep -qE "as_in_table ['\"]?${situation}['\"]? runtime " "$BATS_TEST_FILENAME" ||
			fail "nothing tries: $situation"
	done <"$TMP/all"
}
