package main

import (
	"fmt"
	"slices"
	"strings"
)

func fishScript() string {
	var b strings.Builder
	b.WriteString("# fish completion for runnel.\n" + generated + "\ncomplete -c runnel -f\n" + fishIDs + "\n# Global flags are accepted after the command, too.\n")
	for _, f := range ofProgram() {
		condition := ""
		switch f.names[0] {
		case "--version", "--help":
			condition = "__fish_use_subcommand"
		case "--rootless":
			condition = "not __fish_seen_subcommand_from spec" // which has another one
		}
		fishFlag(&b, condition, f)
	}
	var withID []string
	for _, word := range firstWords() {
		if isFirstWord(word) {
			words := strings.Join(secondWords(word), " ")
			fmt.Fprintf(&b, "\ncomplete -c runnel -n __fish_use_subcommand -a %s -d %s\n", word, fishQuote(strings.ReplaceAll(words, " ", ", ")))
			fmt.Fprintf(&b, "complete -c runnel -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from %s' -a '%s'\n", word, words, words)
		}
	}
	for _, c := range visible() {
		b.WriteString("\n")
		if !strings.Contains(c.Name, " ") {
			fmt.Fprintf(&b, "complete -c runnel -n __fish_use_subcommand -a %s -d %s\n", c.Name, fishQuote(c.Usage))
		}
		for _, f := range ofCommand(c) {
			fishFlag(&b, fishCondition(c.Name), f)
		}
		switch {
		case !takesID(c):
		case strings.Contains(c.Name, " "):
			fmt.Fprintf(&b, "complete -c runnel -n '%s' -a '(__runnel_ids)' -d container\n", fishCondition(c.Name))
		default:
			withID = append(withID, c.Name)
		}
	}
	fmt.Fprintf(&b, "\ncomplete -c runnel -n '__fish_seen_subcommand_from help' -a '%s'\n", strings.Join(firstWords(), " "))
	fmt.Fprintf(&b, "complete -c runnel -n '__fish_seen_subcommand_from %s' -a '(__runnel_ids)' -d container\n", strings.Join(withID, " "))
	b.WriteString(fishSignals)
	return b.String()
}

// fishCondition is true if a command has been typed. The second word of its name may be the
// name of another command.
func fishCondition(name string) string {
	const seen = "__fish_seen_subcommand_from "
	if first, second, ok := strings.Cut(name, " "); ok {
		return seen + first + "; and " + seen + second
	}
	condition := seen + name
	for _, word := range firstWords() {
		if slices.Contains(secondWords(word), name) {
			condition += "; and not " + seen + word
		}
	}
	return condition
}

// fishIDs is the function that lists the ids of the state root of the command line.
const fishIDs = `
function __runnel_ids
	set -l root
	set -l words (commandline -opc)
	for i in (seq 2 (count $words))
		switch $words[$i]
			case '--root=*'
				set root $words[$i]
			case --root
				set root --root $words[(math $i + 1)]
		end
	end
	runnel $root list --quiet 2>/dev/null
end
`

// fishSignals offers the names of signals, with and without SIG, after the id.
const fishSignals = `
complete -c runnel -n '__fish_seen_subcommand_from kill; and test (__fish_number_of_cmd_args_wo_opts) -gt 2' -a '(set -l names (kill -l | string split -n " "); string join \n $names SIG$names)' -d signal
`

func fishFlag(b *strings.Builder, condition string, f flag) {
	b.WriteString("complete -c runnel")
	if condition != "" {
		b.WriteString(" -n " + fishQuote(condition))
	}
	for _, name := range f.names {
		if long, ok := strings.CutPrefix(name, "--"); ok {
			b.WriteString(" -l " + long)
		} else {
			b.WriteString(" -s " + name[1:])
		}
	}
	switch {
	case f.value == "":
	case f.isDirectory():
		b.WriteString(" -x -a '(__fish_complete_directories)'")
	case f.isFile():
		b.WriteString(" -r -F")
	case f.words() != "":
		fmt.Fprintf(b, " -x -a '%s'", f.words())
	default:
		b.WriteString(" -x")
	}
	fmt.Fprintf(b, " -d %s\n", fishQuote(f.summary))
}

func fishQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }
