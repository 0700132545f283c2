# shellcheck shell=bash
# AppArmor profiles for tests.

apparmor() { [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; }
needs_apparmor() {
	apparmor || skip 'the kernel runs without AppArmor'
	needs_root 'load AppArmor profiles'
	command -v apparmor_parser >/dev/null || skip 'the host has no apparmor_parser'
}

# profile NAME RULES… loads a profile until the end of the test.
profile() {
	local name=$1
	shift
	{
		echo "profile $name flags=(attach_disconnected,mediate_deleted) {"
		echo 'file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, change_profile,'
		printf '%s\n' "$@" '}'
	} >"$TMP/$name.profile"
	apparmor_parser --skip-cache --replace "$TMP/$name.profile"
}

eval "common_$(declare -f teardown)"
teardown() {
	local loaded
	for loaded in "$TMP"/*.profile; do
		[ ! -e "$loaded" ] || apparmor_parser --skip-cache --remove "$loaded" 3>&-
	done
	common_teardown
}
