package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	programName = "runnel"
	// Title is the one-line description of the program.
	Title = "OCI container runtime"
	// About is its description in help and in the manual page.
	About = `runnel creates and runs containers from OCI bundles. A bundle is a directory with a
config.json and a root file system. The command line is that of runc.

Use "runnel run" to run a container in the foreground. Use create, start, exec, kill
and delete to manage a container step by step. ID is the name of a container: any
unused name of letters, digits and the characters _ + - .`
	// AboutExample shows the shortest way to a container.
	AboutExample = `mkdir -p hello/rootfs/bin && cp /bin/busybox hello/rootfs/bin/sh
cd hello && runnel spec && sudo runnel run hello`
)

// configure sets the library's package variables.
func (s *session) configure() {
	cli.FlagStringer = flagLine
	cli.VersionPrinter = func(*cli.Context) { _ = s.print(s.versionText()) } // output remembers the error
	own := withNames([]cli.Flag{
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version"},
	})
	cli.HelpFlag, cli.VersionFlag = own[0], own[1]
}

// app returns the library's model of the command line. commands has only the
// command that is run, unless help may list them all.
func (s *session) app(global []cli.Flag, commands []*Command) *cli.App {
	a := &cli.App{
		Name: programName, Usage: Title, UsageText: "runnel [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]",
		Description: About, Version: cmp.Or(s.build.Version, "unknown"),
		CustomAppHelpTemplate: appHelp, // for --help
		Flags:                 append(slices.Clip(global), cli.HelpFlag),
		Reader:                s.stdin, Writer: s.stdout, ErrWriter: s.stderr,
		Before: s.before, Action: s.noCommand, OnUsageError: s.appUsageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // session.main reports errors and exits
		InvalidFlagAccessHandler:  func(_ *cli.Context, name string) { panic("cli: the command has no flag " + name) },
		DisableSliceFlagSeparator: true,            // --cgroup cpu,cpuacct:sub, --env A=b,c
		HideHelpCommand:           true,            // helpCommand is ours
		Compiled:                  time.Unix(1, 0), // else the library calls stat(2) for the time
	}
	for _, c := range commands {
		a.Commands = append(a.Commands, c.Command)
	}
	return a
}

// before runs after the global flags have been parsed and before the command.
func (s *session) before(c *cli.Context) error {
	if !c.Args().Present() {
		return nil // only help is shown
	}
	s.global = c
	if err := s.openLog(); err != nil {
		return err
	}
	return s.openTrace(c)
}

// noCommand runs if the arguments name no command.
func (s *session) noCommand(c *cli.Context) error {
	if !c.Args().Present() {
		s.showHelp()
		return nil
	}
	return s.unknownCommand(c.Args().First())
}

func (s *session) unknownCommand(name string) error {
	s.status = exitUnknownCommand
	var longer []string
	for _, e := range entries() {
		if strings.HasPrefix(e.name, name+" ") {
			longer = append(longer, strconv.Quote(e.name))
		}
	}
	if longer != nil {
		return misuse(fmt.Errorf("%q is only the first word of a command: %s", name, strings.Join(longer, " or ")))
	}
	//lint:ignore ST1005 runc's text
	return misuse(fmt.Errorf("No help topic for '%s'", name))
}

// appUsageError shows the help for an invalid use of the global flags.
func (s *session) appUsageError(_ *cli.Context, err error, _ bool) error {
	if err := s.print(incorrectUsage); err != nil {
		return err
	}
	s.showHelp()
	return misuse(err)
}

// showHelp prints the help of the program, which lists all commands.
func (s *session) showHelp() {
	all := s.app(globalFlags(), s.commands())
	all.Setup()
	cli.HelpPrinter(s.stdout, appHelp, all)
}

// usageError shows the help of a command that was used incorrectly.
func (s *session) usageError(c *cli.Context, err error, _ bool) error {
	if err := s.print(incorrectUsage); err != nil {
		return err
	}
	if err := cli.ShowSubcommandHelp(c); err != nil {
		return err
	}
	return misuse(err)
}

const incorrectUsage = "Incorrect Usage.\n\n"
