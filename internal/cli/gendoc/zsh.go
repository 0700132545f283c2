package main

import (
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/cli"
)

func zshScript() string {
	var commands, cases strings.Builder
	for _, word := range firstWords() {
		if isFirstWord(word) {
			words := strings.Join(secondWords(word), " ")
			fmt.Fprintf(&commands, "\t\t%s\n", quote(word+":"+strings.ReplaceAll(words, " ", ", ")))
			fmt.Fprintf(&cases, "\t%s)\n\t\t_arguments \\\n%s\t\t\t$global \\\n\t\t\t'1:command:(%s)' '*:file:_files'\n\t\t;;\n",
				word, zshFlags(flagsBelow(word), "\t\t\t", " \\"), words)
		}
	}
	for _, c := range visible() {
		if strings.Contains(c.Name, " ") {
			continue
		}
		fmt.Fprintf(&commands, "\t\t%s\n", quote(c.Name+":"+c.Usage))
		own := ofCommand(c)
		global := "$global"
		if len(persistent(own)) < len(persistent(nil)) {
			global = "${global:#*--rootless*}" // spec has another --rootless
		}
		options := ""
		if c.FirstArgumentEndsFlags {
			options = " -A '-*'"
		}
		fmt.Fprintf(&cases, "\t%s)\n\t\t_arguments%s \\\n%s\t\t\t%s \\\n\t\t\t%s\n\t\t;;\n",
			c.Name, options, zshFlags(own, "\t\t\t", " \\"), global, zshArguments(c))
	}
	return strings.NewReplacer(
		"@GENERATED@", generated, "@COMMANDS@", commands.String(), "@CASES@", cases.String(),
		"@GLOBAL@", zshFlags(persistent(nil), "\t\t", ""), "@PROGRAM@", zshFlags(ofProgram()[len(persistent(nil)):], "\t\t", " \\"),
	).Replace(zshTemplate)
}

const zshTemplate = `#compdef runnel
@GENERATED@
_runnel_ids() {
	local -a ids
	ids=(${(f)"$(_call_program ids runnel $root list --quiet 2>/dev/null)"})
	_describe -t containers container ids
}

# zsh has names of its own for traps, which are no signals.
_runnel_signals() {
	local -a names=(${signals:#(EXIT|ZERR|DEBUG)})
	compadd -X signal -- $names SIG$^names
}

_runnel_commands() {
	local -a commands
	commands=(
@COMMANDS@	)
	_describe -t commands command commands
}

_runnel() {
	local curcontext=$curcontext state line
	typeset -A opt_args
	# Global flags are accepted before and after the command.
	local -a root global=(
@GLOBAL@	)
	_arguments -C $global \
@PROGRAM@		'1:command:_runnel_commands' \
		'*::argument:->arguments'
	[[ $state == arguments ]] || return
	[[ -n $opt_args[--root] ]] && root=(--root $opt_args[--root])
	case $line[1] in
@CASES@	esac
}

_runnel "$@"
`

// zshArguments describes the arguments of a command.
func zshArguments(c *cli.Command) string {
	switch {
	case c.Name == "help":
		return "'1:command:_runnel_commands'"
	case c.Name == "create" || c.Name == "run":
		return "'1:new container:'"
	case c.Name == "kill":
		return "'1:container:_runnel_ids' '2:signal:_runnel_signals'"
	case takesID(c) && c.FirstArgumentEndsFlags:
		return "'1:container:_runnel_ids' '*:: :_normal'"
	case takesID(c) && strings.Contains(c.ArgsUsage, "ID..."):
		return "'*:container:_runnel_ids'"
	case takesID(c):
		return "'1:container:_runnel_ids'"
	}
	return "'*: :'"
}

// zshFlags describes flags, one name a line.
func zshFlags(flags []flag, indent, end string) string {
	var b strings.Builder
	for _, f := range flags {
		about := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(f.summary)
		value := ""
		if f.value != "" {
			action := ""
			switch {
			case f.isDirectory():
				action = "_files -/"
			case f.isFile():
				action = "_files"
			case f.words() != "":
				action = "(" + f.words() + ")"
			}
			value = ":" + strings.NewReplacer("[", "", "]", "", ":", `\:`).Replace(f.value) + ":" + action
		}
		before := ""
		switch {
		case f.isRepeatable:
			before = "*"
		case len(f.names) > 1:
			before = "(" + strings.Join(f.names, " ") + ")"
		}
		for _, name := range f.names {
			if f.value != "" && strings.HasPrefix(name, "--") {
				name += "=" // the value follows as a word, or after this
			}
			fmt.Fprintf(&b, "%s%s%s\n", indent, quote(before+name+"["+about+"]"+value), end)
		}
	}
	return b.String()
}

// quote returns a word in single quotes of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
