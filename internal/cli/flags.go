package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
)

// Flags that several commands have.

func bundleFlag() cli.Flag {
	return &cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "use the bundle in `DIR`", DefaultText: "the current directory"}
}

func configFlag(aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: "config", Aliases: aliases, Usage: "read `FILE` instead of the bundle's config.json"}
}

func consoleSocketFlag() cli.Flag {
	return &cli.StringFlag{Name: "console-socket", Usage: "send the terminal's master to the Unix socket at `PATH`"}
}

func pidfdSocketFlag() cli.Flag {
	return &cli.StringFlag{Name: "pidfd-socket", Usage: "send a pidfd of the process to the Unix socket at `PATH`"}
}

func pidFileFlag() cli.Flag {
	return &cli.StringFlag{Name: "pid-file", Usage: "write the process ID to `FILE`"}
}

func preserveFDsFlag() cli.Flag {
	return &cli.IntFlag{Name: "preserve-fds", Usage: "pass `N` more file descriptors to the process, from 3 on or after those of LISTEN_FDS"}
}

func detachFlag() cli.Flag {
	return &cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return once the process has started"}
}

func noSubreaperFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-subreaper", Usage: "do not become the subreaper of the container's processes"}
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", DefaultText: "table", Usage: "set the output `FORMAT`: table or json"}
}

// wantsTable parses the flag --format.
func wantsTable(c *cli.Context) (bool, error) {
	switch c.String("format") {
	case "table":
		return true, nil
	case "json":
		return false, nil
	}
	return false, misuse(errors.New("invalid format option"))
}

func preservedFDs(c *cli.Context) (int, error) {
	n := c.Int("preserve-fds")
	if n < 0 {
		return 0, fmt.Errorf("invalid value %d for --preserve-fds: not a number of descriptors", n)
	}
	return n, nil
}

// withNames makes flags remember their names. The library derives them with a
// regular expression whenever it needs them, and for each flag of a command it
// needs those of all others: a million instructions for exec.
func withNames(flags []cli.Flag) []cli.Flag {
	for i, f := range flags {
		switch f := f.(type) {
		case *cli.BoolFlag:
			flags[i] = &boolFlag{f, names(f.Name, f.Aliases)}
		case *cli.StringFlag:
			flags[i] = &stringFlag{f, names(f.Name, f.Aliases)}
		case *cli.IntFlag:
			flags[i] = &intFlag{f, names(f.Name, f.Aliases)}
		case *cli.StringSliceFlag:
			flags[i] = &listFlag{f, names(f.Name, f.Aliases)}
		}
	}
	return flags
}

func names(name string, aliases []string) []string {
	return append([]string{name}, aliases...)
}

type (
	boolFlag struct {
		*cli.BoolFlag
		names []string
	}
	stringFlag struct {
		*cli.StringFlag
		names []string
	}
	intFlag struct {
		*cli.IntFlag
		names []string
	}
	listFlag struct {
		*cli.StringSliceFlag
		names []string
	}
)

func (f *boolFlag) Names() []string   { return f.names }
func (f *stringFlag) Names() []string { return f.names }
func (f *intFlag) Names() []string    { return f.names }
func (f *listFlag) Names() []string   { return f.names }
