package main

import (
	"slices"
	"strings"

	lib "github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/cli"
)

// flag is a flag as manual pages and shells need it.
type flag struct {
	names        []string // with dashes
	value        string   // the name of its value, "" for a switch
	explanation  string   // with default value
	summary      string   // without
	isRepeatable bool
}

// shown returns the flags that are not hidden.
func shown(flags []lib.Flag) []flag {
	var kept []flag
	for _, f := range flags {
		if v, ok := f.(lib.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		kept = append(kept, newFlag(f))
	}
	return kept
}

func newFlag(f lib.Flag) flag {
	var names []string
	for _, name := range f.Names() {
		if len(name) > 1 {
			name = "-" + name
		}
		names = append(names, "-"+name)
	}
	slice, ok := f.(lib.DocGenerationSliceFlag)
	return flag{
		names: names, value: cli.Placeholder(f), explanation: cli.Explanation(f),
		summary:      strings.ReplaceAll(f.(lib.DocGenerationFlag).GetUsage(), "`", ""),
		isRepeatable: ok && slice.IsSliceFlag(),
	}
}

// ofCommand returns the visible flags of a command and --help.
func ofCommand(c *cli.Command) []flag {
	return shown(append(slices.Clip(c.Flags), lib.HelpFlag))
}

// ofProgram returns the visible flags that stand before a command.
func ofProgram() []flag { return shown(cli.GlobalFlags()) }

// persistent returns the flags of the program that may also stand after a command
// with the flags own, which take precedence.
func persistent(own []flag) []flag {
	return slices.DeleteFunc(ofProgram(), func(f flag) bool {
		return f.names[0] == "--version" || f.names[0] == "--help" ||
			slices.ContainsFunc(own, func(o flag) bool { return o.names[0] == f.names[0] })
	})
}

// words are the possible values of a flag, if they are few.
func (f *flag) words() string {
	switch f.names[0] + " " + f.value {
	case "--format FORMAT":
		if strings.Contains(f.summary, "openmetrics") {
			return "table json openmetrics"
		}
		return "table json"
	case "--log-format FORMAT":
		return "text json"
	case "--log-level LEVEL":
		return "error warn info debug"
	case "--cgroup-manager MANAGER":
		return "cgroupfs systemd disabled"
	case "--rootless MODE":
		return "auto true false"
	}
	return ""
}

func (f *flag) isDirectory() bool { return f.value == "DIR" }
func (f *flag) isFile() bool {
	return f.value == "FILE" || f.value == "PATH" || f.value == "IMAGE[:TAG]"
}

// pageName returns the name of a command's manual page. A command may have two words.
func pageName(c *cli.Command) string { return "runnel-" + strings.ReplaceAll(c.Name, " ", "-") }

// isFirstWord reports whether a word is the first of the names of commands.
func isFirstWord(word string) bool {
	return slices.ContainsFunc(visible(), func(c *cli.Command) bool { return strings.HasPrefix(c.Name, word+" ") })
}

// firstWords returns the first words of the names of commands, none twice.
func firstWords() (words []string) {
	for _, c := range visible() {
		if word, _, _ := strings.Cut(c.Name, " "); !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// secondWords returns the second words of the names that begin with a word.
func secondWords(first string) (words []string) {
	for _, c := range visible() {
		if word, ok := strings.CutPrefix(c.Name, first+" "); ok {
			words = append(words, word)
		}
	}
	return words
}

// flagsBelow returns the flags of all commands whose names begin with a word.
func flagsBelow(first string) (flags []flag) {
	for _, c := range visible() {
		if !strings.HasPrefix(c.Name, first+" ") {
			continue
		}
		for _, f := range ofCommand(c) {
			if !slices.ContainsFunc(flags, func(known flag) bool { return known.names[0] == f.names[0] }) {
				flags = append(flags, f)
			}
		}
	}
	return flags
}

// takesID reports whether the first argument is the id of a container that exists.
func takesID(c *cli.Command) bool {
	return strings.HasPrefix(strings.TrimPrefix(c.ArgsUsage, "["), "ID") && !slices.Contains([]string{"create", "run", "seccomp record"}, c.Name)
}
