package cli

import (
	"errors"
	"fmt"
	"strings"
)

// errHelp is --help or -h, which every table has.
var errHelp = errors.New("help wanted")

// parse reads args: the flags of table, and the other arguments. Flags may stand
// anywhere before "--", as runc takes them, unless firstEnds: then everything
// from the first argument on belongs to somebody else.
//
// One and two dashes are the same, as client libraries use both; so short flags
// can't be joined.
func parse(table []flag, args []string, firstEnds bool) (v values, rest []string, err error) {
	v.table = table
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return v, append(rest, args...), nil
		case !isFlag(arg) && firstEnds:
			return v, append(append(rest, arg), args...), nil
		case !isFlag(arg):
			rest = append(rest, arg)
		default:
			if args, err = v.take(arg, args); err != nil {
				return v, nil, err
			}
		}
	}
	return v, rest, nil
}

// isFlag: "-" alone is an argument, standard input.
func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// take reads one flag and, where it has one, its value. It gives the arguments
// that are left.
func (v *values) take(arg string, following []string) ([]string, error) {
	name, value, joined := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	flag := index(v.table, name)
	switch {
	case flag < 0 && (name == "help" || name == "h"):
		return nil, errHelp
	case flag < 0:
		return nil, fmt.Errorf("flag provided but not defined: -%s", name)
	case joined:
	case v.table[flag].kind == boolean:
		value = "true"
	case len(following) == 0:
		return nil, fmt.Errorf("flag needs an argument: -%s", name)
	default:
		value, following = following[0], following[1:]
	}
	return following, v.set(flag, value)
}
