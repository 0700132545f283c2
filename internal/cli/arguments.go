package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// Commands after whose first argument everything belongs to somebody else.
const stopsAtFirst = " exec kill ps "

// command is the name of the command in args: the first argument that isn't a
// global flag or the value of one. "" if there is none.
func command(app *cli.App, args []string) string {
	i := commandAt(app, args)
	if i < 0 {
		return ""
	}
	return args[i]
}

func commandAt(app *cli.App, args []string) int {
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return -1
		case !isFlag(args[i]):
			return i
		case takesValue(app.Flags, args[i]):
			i++
		}
	}
	return -1
}

// arrange puts flags before the other arguments: runc takes them anywhere, the
// library stops at the first that isn't one.
func arrange(app *cli.App, args []string) []string {
	at := commandAt(app, args)
	if at < 0 {
		return args
	}
	c := app.Command(args[at])
	if c == nil || strings.Contains(stopsAtFirst, " "+c.Name+" ") {
		return args
	}
	arranged := append([]string{}, args[:at+1]...)
	var rest []string
	for i := at + 1; i < len(args); i++ {
		if args[i] == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if !isFlag(args[i]) {
			rest = append(rest, args[i])
			continue
		}
		arranged = append(arranged, args[i])
		if takesValue(c.Flags, args[i]) && i+1 < len(args) {
			i++
			arranged = append(arranged, args[i])
		}
	}
	if len(rest) > 0 && isFlag(rest[0]) {
		arranged = append(arranged, "--")
	}
	return append(arranged, rest...)
}

// isFlag: "-" alone is an argument, standard input.
func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// takesValue tells whether the value of a flag is the argument after it.
func takesValue(flags []cli.Flag, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	name := strings.TrimLeft(arg, "-")
	for _, f := range flags {
		for _, n := range f.Names() {
			if n != name {
				continue
			}
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
