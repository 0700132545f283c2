// Package cli is the command line: it parses, makes one call into libcontainer
// and prints. One file for each command; texts, exit codes and JSON are runc's,
// because other programs read them.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer"
)

// Build says what this binary was built from.
type Build struct{ Version, Commit string }

// The exit codes that aren't a container's.
const (
	exitError          = 1
	exitUnknownCommand = 3
	exitExec           = 255
)

// session is one run of the command line.
type session struct {
	build   Build
	stdout  io.Writer
	stderr  io.Writer
	log     *logging.Log
	logFile bool
	// status is the exit code of a command that went well.
	status int
}

// Main runs the command line args and gives the exit code.
func Main(args []string, build Build) int {
	s := &session{build: build, stdout: os.Stdout, stderr: os.Stderr}
	return s.run(args)
}

func (s *session) run(args []string) int {
	app := s.app()
	name := command(app, args)
	if name != "" && app.Command(name) == nil {
		fmt.Fprintf(s.stderr, "No help topic for '%s'\n", name)
		return exitUnknownCommand
	}
	err := app.Run(arrange(app, args))
	if err == nil {
		return s.status
	}
	s.fail(name, err)
	if name == "exec" {
		return exitExec
	}
	return exitError
}

// fail tells the user, and the log if that isn't the same place.
func (s *session) fail(name string, err error) {
	var usage *usageError
	text := err.Error()
	switch {
	case errors.As(err, &usage):
	case name == "create" || name == "run" || name == "start":
		text = fmt.Sprintf("runnel %s failed: %s", name, text)
	case name == "exec":
		text = "exec failed: " + text
	}
	if s.logFile {
		s.log.Write(logging.Error, text)
	}
	fmt.Fprintln(s.stderr, printable(text, true))
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (s *session) app() *cli.App {
	return &cli.App{
		Name:                      "runnel",
		Usage:                     "OCI container runtime",
		Description:               description,
		Version:                   s.versionText(),
		Writer:                    s.stdout,
		ErrWriter:                 s.stderr,
		HideHelpCommand:           false,
		DisableSliceFlagSeparator: true,
		EnableBashCompletion:      false,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              s.onUsageError,
		Flags:                     globalFlags(),
		Before:                    s.before,
		Commands: []*cli.Command{
			s.create(), s.delete(), s.exec(), s.features(), s.kill(), s.list(), s.pause(), s.plan(), s.ps(),
			s.resume(), s.runCommand(), s.spec(), s.start(), s.state(), s.update(),
		},
	}
}

const description = `runnel makes and runs containers from OCI bundles: a directory with a config.json
and a root file system. Its command line is runc's.

   mkdir -p bundle/rootfs/bin && cp /bin/busybox bundle/rootfs/bin/sh
   cd bundle && runnel spec && sudo runnel run hello

A container that is to be managed goes through create, start, exec, kill and
delete. ID is any name of letters, digits and "_+-." that isn't in use.`

func (s *session) onUsageError(c *cli.Context, err error, _ bool) error {
	fmt.Fprintf(s.stdout, "Incorrect Usage.\n\n")
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "runnel" {
		_ = cli.ShowSubcommandHelp(c)
	} else {
		_ = cli.ShowAppHelp(c)
	}
	return &usageError{err}
}

// before opens the log. It is there even if the command fails.
func (s *session) before(c *cli.Context) error {
	log, err := logging.Open(c.String("log"), logging.Format(c.String("log-format")), c.Bool("debug"), s.stderr)
	if err != nil {
		s.log, _ = logging.Open("", logging.Text, false, s.stderr)
		return err
	}
	s.log, s.logFile = log, c.String("log") != ""
	return nil
}

// runtime makes the Runtime that the global flags describe.
func (s *session) runtime(c *cli.Context) (*libcontainer.Runtime, error) {
	root, err := stateRoot(c)
	if err != nil {
		return nil, err
	}
	rootless, err := isRootless(c.String("rootless"))
	if err != nil {
		return nil, err
	}
	return &libcontainer.Runtime{
		Root: root, SystemdCgroup: c.Bool("systemd-cgroup"), Rootless: rootless,
		Warn:  func(text string) { s.log.Write(logging.Warning, text) },
		Debug: func(text string) { s.log.Write(logging.Debug, text) },
	}, nil
}

// container opens the container that the first argument names.
func (s *session) container(c *cli.Context) (*libcontainer.Container, error) {
	r, err := s.runtime(c)
	if err != nil {
		return nil, err
	}
	return r.Open(c.Args().First())
}

// The ways in which a number of arguments is wrong, in runc's words.
func exactly(c *cli.Context, s *session, n int) error {
	if c.NArg() == n {
		return nil
	}
	return s.wrongCount(c, fmt.Sprintf("requires exactly %d argument(s)", n))
}

func atLeast(c *cli.Context, s *session, n int) error {
	if c.NArg() >= n {
		return nil
	}
	return s.wrongCount(c, fmt.Sprintf("requires a minimum of %d argument(s)", n))
}

func atMost(c *cli.Context, s *session, n int) error {
	if c.NArg() <= n {
		return nil
	}
	return s.wrongCount(c, fmt.Sprintf("requires a maximum of %d argument(s)", n))
}

func (s *session) wrongCount(c *cli.Context, text string) error {
	fmt.Fprintf(s.stdout, "Incorrect Usage.\n\n")
	_ = cli.ShowSubcommandHelp(c)
	return &usageError{fmt.Errorf("runnel: %q %s", c.Command.Name, text)}
}
