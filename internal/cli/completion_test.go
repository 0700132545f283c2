package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The completion scripts are made from the command table. They know flags,
// commands, the ids of containers and, for values, files and directories.
func TestCompletions(t *testing.T) {
	checkGenerated(t, map[string]string{
		"completions/runnel.bash": bashScript(), "completions/_runnel": zshScript(), "completions/runnel.fish": fishScript(),
	})
}

const made = "# Made from the command table by go test ./internal/cli -update.\n"

// shown are the flags of a table that aren't hidden, --help among them.
func shown(table []flag) []flag {
	var kept []flag
	for _, f := range table {
		if !f.hidden {
			kept = append(kept, f)
		}
	}
	return append(kept, flag{name: "help", short: "h", usage: "show a short help"})
}

// words are the values of a flag, where they are few.
func (f *flag) words() string {
	switch f.name {
	case "format":
		return "table json"
	case "log-format":
		return "text json"
	case "rootless":
		if f.kind != boolean {
			return "auto true false"
		}
	}
	return ""
}

// shellWords are the ways to write a flag.
func (f *flag) shellWords(separator string) string {
	if f.short != "" {
		return "--" + f.name + separator + "-" + f.short
	}
	return "--" + f.name
}

func (c *command) takesID() bool { return strings.HasPrefix(c.arguments, "ID") }

func bashScript() string {
	var flags, values strings.Builder
	add := func(command string, table []flag) {
		var all []string
		for _, f := range shown(table) {
			all = append(all, f.shellWords(" "))
			if f.kind == boolean {
				continue
			}
			kind := "words '" + f.words() + "'"
			switch f.value {
			case "DIR":
				kind = "directories"
			case "FILE", "PATH":
				kind = "files"
			}
			for word := range strings.SplitSeq(f.shellWords(" "), " ") {
				fmt.Fprintf(&values, "\t%q) echo %s ;;\n", command+" "+word, kind)
			}
		}
		fmt.Fprintf(&flags, "\t%q) echo '%s' ;;\n", command, strings.Join(all, " "))
	}
	var names, withID []string
	add("", globalFlags())
	for _, e := range entries() {
		c := e.make()
		names = append(names, c.name)
		if c.takesID() {
			withID = append(withID, c.name)
		}
		add(c.name, c.flags)
	}
	return strings.NewReplacer("@FLAGS@", flags.String(), "@VALUES@", values.String(),
		"@COMMANDS@", strings.Join(names, " "), "@WITHID@", strings.Join(withID, " | ")).Replace(bashTemplate)
}

const bashTemplate = `# bash completion for runnel.
` + made + `
# _runnel_flags COMMAND: the flags of a command, the global ones for "".
_runnel_flags() {
	case $1 in
@FLAGS@	esac
}

# _runnel_value "COMMAND FLAG": what the flag's value is; nothing if it takes none.
_runnel_value() {
	case $1 in
@VALUES@	esac
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
	,*) mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@' -- "$current") ;;
	help,0) mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@' -- "$current") ;;
	kill,1) mapfile -t COMPREPLY < <(compgen -A signal -- "$current") ;;
	create,* | run,*) ;;
	*,0)
		case $command in
		@WITHID@)
			mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${root[@]}" list --quiet 2>/dev/null)" -- "$current")
			;;
		esac
		;;
	esac
}

complete -F _runnel runnel
`

func zshScript() string {
	var b strings.Builder
	b.WriteString("#compdef runnel\n" + made + `
_runnel_ids() {
	local -a ids
	ids=(${(f)"$(_call_program ids runnel list --quiet 2>/dev/null)"})
	_describe -t containers container ids
}

_runnel_commands() {
	local -a commands
	commands=(
`)
	for _, e := range entries() {
		fmt.Fprintf(&b, "\t\t%s\n", quote(e.name+":"+e.make().summary))
	}
	b.WriteString("\t)\n\t_describe -t commands command commands\n}\n\n_runnel() {\n\tlocal curcontext=$curcontext state line\n\ttypeset -A opt_args\n\t_arguments -C \\\n")
	b.WriteString(zshFlags(globalFlags(), "\t\t"))
	b.WriteString("\t\t'1:command:_runnel_commands' \\\n\t\t'*::argument:->arguments'\n\t[[ $state == arguments ]] || return\n\tcase $line[1] in\n")
	for _, e := range entries() {
		c := e.make()
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments \\\n%s\t\t\t%s\n\t\t;;\n", c.name, zshFlags(c.flags, "\t\t\t"), c.zshArguments())
	}
	b.WriteString("\tesac\n}\n\n_runnel \"$@\"\n")
	return b.String()
}

func (c *command) zshArguments() string {
	switch {
	case c.name == "help":
		return "'1:command:_runnel_commands'"
	case c.name == "create" || c.name == "run":
		return "'1:new container:'"
	case c.name == "kill":
		return "'1:container:_runnel_ids' '2:signal:_signals'"
	case c.takesID() && c.firstEnds:
		return "'1:container:_runnel_ids' '*:: :_normal'"
	case c.takesID():
		return "'1:container:_runnel_ids'"
	}
	return "'*: :'"
}

func zshFlags(table []flag, indent string) string {
	var b strings.Builder
	for _, f := range shown(table) {
		about := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(f.usage)
		value := ""
		if f.kind != boolean {
			action := ""
			switch {
			case f.value == "DIR":
				action = "_files -/"
			case f.value == "FILE" || f.value == "PATH":
				action = "_files"
			case f.words() != "":
				action = "(" + f.words() + ")"
			}
			value = ":" + strings.NewReplacer("[", "", "]", "", ":", `\:`).Replace(f.value) + ":" + action
		}
		repeat := ""
		if f.kind == list {
			repeat = "*"
		}
		for word := range strings.SplitSeq(f.shellWords(" "), " ") {
			exclude := ""
			if repeat == "" && f.short != "" {
				exclude = "(" + f.shellWords(" ") + ")"
			}
			fmt.Fprintf(&b, "%s%s \\\n", indent, quote(exclude+repeat+word+"["+about+"]"+value))
		}
	}
	return b.String()
}

// quote is a shell's single-quoted word.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func fishScript() string {
	var b strings.Builder
	b.WriteString("# fish completion for runnel.\n" + made + "\ncomplete -c runnel -f\n\n")
	fishFlags(&b, "__fish_use_subcommand", globalFlags())
	var withID []string
	for _, e := range entries() {
		c := e.make()
		fmt.Fprintf(&b, "\ncomplete -c runnel -n __fish_use_subcommand -a %s -d %s\n", c.name, fishQuote(c.summary))
		fishFlags(&b, "__fish_seen_subcommand_from "+c.name, c.flags)
		if c.takesID() && c.name != "create" && c.name != "run" {
			withID = append(withID, c.name)
		}
	}
	fmt.Fprintf(&b, "\ncomplete -c runnel -n '__fish_seen_subcommand_from %s' -a '(runnel list --quiet 2>/dev/null)' -d container\n", strings.Join(withID, " "))
	return b.String()
}

func fishFlags(b *strings.Builder, condition string, table []flag) {
	for _, f := range shown(table) {
		fmt.Fprintf(b, "complete -c runnel -n %s -l %s", fishQuote(condition), f.name)
		if f.short != "" {
			fmt.Fprintf(b, " -s %s", f.short)
		}
		switch {
		case f.kind == boolean:
		case f.value == "DIR":
			b.WriteString(" -x -a '(__fish_complete_directories)'")
		case f.value == "FILE" || f.value == "PATH":
			b.WriteString(" -r -F")
		case f.words() != "":
			fmt.Fprintf(b, " -x -a '%s'", f.words())
		default:
			b.WriteString(" -x")
		}
		fmt.Fprintf(b, " -d %s\n", fishQuote(f.usage))
	}
}

func fishQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

// The bash script, asked by a real bash.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the host has no bash")
	}
	script, err := filepath.Abs("../../contrib/completions/runnel.bash")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bundle"), 0o755); err != nil {
		t.Fatal(err)
	}
	// A runtime of which the script only asks the ids below a root.
	fake := "#!/bin/sh\n[ \"$*\" = '--root /r list --quiet' ] && printf 'web\\nweb2\\ndb\\n'\n"
	if err := os.WriteFile(filepath.Join(dir, "runnel"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"st":                         "start state",
		"--log-format ":              "text json",
		"--ro":                       "--root --rootless",
		"--root /r state w":          "web web2",
		"--root /r state web ":       "",
		"--root /r kill web HU":      "",
		"--root /r kill web SIGHU":   "SIGHUP",
		"create --bundle bu":         "bundle",
		"create -b bu":               "bundle",
		"create ID --no-p":           "--no-pivot",
		"create ":                    "",
		"list --format ":             "table json",
		"list --q":                   "--quiet",
		"help sp":                    "spec",
		"--root /r delete --force d": "db",
		"update --memory ":           "",
	} {
		words := append([]string{filepath.Join(dir, "runnel")}, strings.Split(line, " ")...)
		cmd := exec.Command(bash, append([]string{"--norc", "-c",
			`source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _runnel; echo "${COMPREPLY[*]}"`, "bash", script}, words...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if diff := cmp.Diff(want+"\n", string(out)); diff != "" || err != nil {
			t.Errorf("completion of %q: %v %s", line, err, diff)
		}
	}
}

// The other two are at least valid where their shells are at hand.
func TestCompletionSyntax(t *testing.T) {
	for shell, file := range map[string]string{"zsh": "_runnel", "fish": "runnel.fish"} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("the host has no %s", shell)
			}
			if out, err := exec.Command(path, "-n", filepath.Join("../../contrib/completions", file)).CombinedOutput(); err != nil {
				t.Errorf("%s -n %s: %v\n%s", shell, file, err, out)
			}
		})
	}
}
