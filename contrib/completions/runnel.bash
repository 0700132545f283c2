# bash completion for runnel.
# Made from the command table by go test ./internal/cli -update.

# _runnel_flags COMMAND: the flags of a command, the global ones for "".
_runnel_flags() {
	case $1 in
	"") echo '--debug --log --log-format --root --systemd-cgroup --rootless --version -v --help -h' ;;
	"check") echo '--bundle -b --json --host --help -h' ;;
	"create") echo '--bundle -b --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --help -h' ;;
	"delete") echo '--force -f --regex -r --help -h' ;;
	"events") echo '--interval --stats --help -h' ;;
	"exec") echo '--console-socket --pidfd-socket --cwd --env -e --tty -t --user -u --additional-gids -g --process -p --detach -d --pid-file --process-label --apparmor --no-new-privs --cap -c --preserve-fds --cgroup --ignore-paused --help -h' ;;
	"features") echo '--help -h' ;;
	"help") echo '--help -h' ;;
	"kill") echo '--all -a --regex -r --help -h' ;;
	"list") echo '--format -f --quiet -q --help -h' ;;
	"pause") echo '--help -h' ;;
	"plan") echo '--bundle -b --no-pivot --help -h' ;;
	"ps") echo '--format -f --help -h' ;;
	"resume") echo '--help -h' ;;
	"run") echo '--bundle -b --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --detach -d --keep --no-subreaper --help -h' ;;
	"spec") echo '--bundle -b --rootless --help -h' ;;
	"start") echo '--help -h' ;;
	"state") echo '--help -h' ;;
	"update") echo '--resources -r --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --cpu-idle --l3-cache-schema --mem-bw-schema --help -h' ;;
	esac
}

# _runnel_value "COMMAND FLAG": what the flag's value is; nothing if it takes none.
_runnel_value() {
	case $1 in
	" --log") echo files ;;
	" --log-format") echo words 'text json' ;;
	" --root") echo directories ;;
	" --rootless") echo words 'auto true false' ;;
	"check --bundle") echo directories ;;
	"check -b") echo directories ;;
	"create --bundle") echo directories ;;
	"create -b") echo directories ;;
	"create --console-socket") echo files ;;
	"create --pidfd-socket") echo files ;;
	"create --pid-file") echo files ;;
	"create --preserve-fds") echo words '' ;;
	"events --interval") echo words '' ;;
	"exec --console-socket") echo files ;;
	"exec --pidfd-socket") echo files ;;
	"exec --cwd") echo directories ;;
	"exec --env") echo words '' ;;
	"exec -e") echo words '' ;;
	"exec --user") echo words '' ;;
	"exec -u") echo words '' ;;
	"exec --additional-gids") echo words '' ;;
	"exec -g") echo words '' ;;
	"exec --process") echo files ;;
	"exec -p") echo files ;;
	"exec --pid-file") echo files ;;
	"exec --process-label") echo words '' ;;
	"exec --apparmor") echo words '' ;;
	"exec --cap") echo words '' ;;
	"exec -c") echo words '' ;;
	"exec --preserve-fds") echo words '' ;;
	"exec --cgroup") echo words '' ;;
	"list --format") echo words 'table json' ;;
	"list -f") echo words 'table json' ;;
	"plan --bundle") echo directories ;;
	"plan -b") echo directories ;;
	"ps --format") echo words 'table json' ;;
	"ps -f") echo words 'table json' ;;
	"run --bundle") echo directories ;;
	"run -b") echo directories ;;
	"run --console-socket") echo files ;;
	"run --pidfd-socket") echo files ;;
	"run --pid-file") echo files ;;
	"run --preserve-fds") echo words '' ;;
	"spec --bundle") echo directories ;;
	"spec -b") echo directories ;;
	"update --resources") echo files ;;
	"update -r") echo files ;;
	"update --blkio-weight") echo words '' ;;
	"update --cpu-period") echo words '' ;;
	"update --cpu-quota") echo words '' ;;
	"update --cpu-burst") echo words '' ;;
	"update --cpu-share") echo words '' ;;
	"update --cpu-rt-period") echo words '' ;;
	"update --cpu-rt-runtime") echo words '' ;;
	"update --cpuset-cpus") echo words '' ;;
	"update --cpuset-mems") echo words '' ;;
	"update --memory") echo words '' ;;
	"update --memory-reservation") echo words '' ;;
	"update --memory-swap") echo words '' ;;
	"update --pids-limit") echo words '' ;;
	"update --cpu-idle") echo words '' ;;
	"update --l3-cache-schema") echo words '' ;;
	"update --mem-bw-schema") echo words '' ;;
	esac
}

_runnel() {
	local current=${COMP_WORDS[COMP_CWORD]} command='' position=0 value='' word i
	local -a root=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		value=$(_runnel_value "$command $word")
		if [[ -n $value ]]; then
			((++i))
			if [[ -z $command && $word == --root ]] && ((i < COMP_CWORD)); then root=(--root "${COMP_WORDS[i]}"); fi
		elif [[ $word == -* ]]; then
			:
		elif [[ -z $command ]]; then
			command=$word
		else
			((++position))
		fi
	done
	# The last flag still waits for its value.
	if [[ -n $value ]] && ((i > COMP_CWORD)); then
		case $value in
		directories) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
		files) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
		words*) mapfile -t COMPREPLY < <(compgen -W "${value#words}" -- "$current") ;;
		esac
		return
	fi
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_runnel_flags "$command")" -- "$current")
		return
	fi
	case $command,$position in
	,*) mapfile -t COMPREPLY < <(compgen -W 'check create delete events exec features help kill list pause plan ps resume run spec start state update' -- "$current") ;;
	help,0) mapfile -t COMPREPLY < <(compgen -W 'check create delete events exec features help kill list pause plan ps resume run spec start state update' -- "$current") ;;
	kill,1) mapfile -t COMPREPLY < <(compgen -A signal -- "$current") ;;
	create,* | run,*) ;;
	*,0)
		case $command in
		create | delete | events | exec | kill | pause | ps | resume | run | start | state | update)
			mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${root[@]}" list --quiet 2>/dev/null)" -- "$current")
			;;
		esac
		;;
	esac
}

complete -F _runnel runnel
