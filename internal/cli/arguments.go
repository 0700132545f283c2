package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts a command line into the order that the library understands: global
// flags, the command, its flags, "--", its arguments. The library ends flags at the
// first argument, but users and clients of runc write flags
//
//   - after arguments: "update ID --memory 1g", "delete ID --force";
//   - of the program after the command: "list --root DIR";
//   - joined, if they are letters: "exec -td ID";
//   - more than once under different names: "-b DIR --bundle DIR". The last counts.
//
// arrange also returns the command that is called, or nil if there is none or if
// the help of the whole program is wanted. It leaves errors to the library.
func (s *session) arrange(global []cli.Flag, args []string) ([]string, *Command) {
	first := placement{flags: append(slices.Clip(global), cli.VersionFlag, cli.HelpFlag), firstEnds: true}
	ok := first.read(args)
	if !ok || len(first.arguments) == 0 || first.wantsHelp() {
		return first.own, nil
	}
	first.arguments = joined(first.arguments)
	arranged := append(slices.Clip(first.own), first.arguments...)
	called := s.command(first.arguments[0])
	if called == nil || called.SkipFlagParsing {
		return arranged, called
	}
	second := placement{
		flags: append(slices.Clip(called.Flags), cli.HelpFlag), global: global, firstEnds: called.FirstArgumentEndsFlags,
	}
	ok = second.read(first.arguments[1:])
	arranged = append(first.own, second.before...)
	if second.isCutBefore {
		return arranged, nil
	}
	arranged = append(append(arranged, called.Name), second.own...)
	if !ok || second.wantsHelp() {
		return arranged, called
	}
	return append(append(arranged, "--"), second.arguments...), called
}

// placement sorts the words of a command line.
type placement struct {
	flags  []cli.Flag // those that stand here
	global []cli.Flag // those that belong before the command
	// firstEnds is set if the first argument ends flags.
	firstEnds bool

	own, before, arguments []string
	// isCutBefore is set if the last word of before is a flag without its value.
	isCutBefore bool
}

// read sorts args. It returns false if it ends at an invalid flag, which is then
// the last word of own or before.
func (p *placement) read(args []string) bool {
	for len(args) > 0 {
		switch arg := args[0]; {
		case arg == "--":
			p.arguments = append(p.arguments, args[1:]...)
			return true
		case isFlag(arg):
			n := p.readFlag(args)
			if n == 0 {
				return false
			}
			args = args[n:]
		case p.firstEnds:
			p.arguments = append(p.arguments, args...)
			p.dropSeparator()
			return true
		default:
			p.arguments = append(p.arguments, arg)
			args = args[1:]
		}
	}
	return true
}

// isFlag reports whether arg is a flag. "-" alone is an argument: standard input.
func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// readFlag reads the flag at the start of args and returns the number of words
// that belong to it, or 0 if it is unknown or lacks a value.
func (p *placement) readFlag(args []string) int {
	name, value, isJoined := strings.Cut(strings.TrimPrefix(args[0][1:], "-"), "=")
	to := &p.own
	f := lookUpFlag(p.flags, name)
	if f == nil {
		if letters := p.joined(args[0]); letters != nil {
			for _, letter := range letters[:len(letters)-1] {
				p.readFlag([]string{letter})
			}
			return p.readFlag(append(letters[len(letters)-1:], args[1:]...))
		}
		if f = lookUpFlag(p.global, name); f == nil {
			p.own = append(p.own, args[0])
			return 0
		}
		to = &p.before
	}
	canonical := "--" + f.Names()[0]
	switch {
	case isJoined:
		*to = append(*to, canonical+"="+value)
		return 1
	case !f.(cli.DocGenerationFlag).TakesValue():
		*to = append(*to, canonical)
		return 1
	case len(args) == 1:
		*to = append(*to, args[0])
		p.isCutBefore = to == &p.before
		return 0
	}
	*to = append(*to, canonical, args[1])
	return 2
}

// joined splits -td into -t and -d. All of them must be flags of the command, and only the
// last may have a value, which is the next word: in -no-subreaper and -rootless, as in a
// misspelt long flag with one dash, no letter can be taken for a value. It returns nil if
// word isn't of that form.
func (p *placement) joined(word string) []string {
	if len(word) < 3 || word[1] == '-' {
		return nil
	}
	var letters []string
	for i, letter := range word[1:] {
		f := lookUpFlag(p.flags, string(letter))
		if f == nil || f.(cli.DocGenerationFlag).TakesValue() && i < len(word)-2 {
			return nil
		}
		letters = append(letters, "-"+string(letter))
	}
	return letters
}

// wantsHelp reports whether --help was given. The library would take an argument
// beside it for the name of a command to describe.
func (p *placement) wantsHelp() bool { return slices.Contains(p.own, "--help") }

// dropSeparator removes a "--" after the first argument: "exec ID -- COMMAND".
func (p *placement) dropSeparator() {
	if p.global != nil && len(p.arguments) > 1 && p.arguments[1] == "--" {
		p.arguments = append([]string{p.arguments[0]}, p.arguments[2:]...)
	}
}

func lookUpFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}
