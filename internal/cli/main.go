// Package cli is the command line: it parses, makes one call into libcontainer
// and prints. One file for each command; texts, exit codes and JSON are runc's,
// because other programs read them.
//
// Every command pays for what is linked in here, before main runs: see
// contrib/design/command-line.md before adding an import.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer/fault"
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
	name           string // as which the program was called, for usage errors
	build          Build
	stdin          io.Reader
	stdout, stderr io.Writer
	global         values
	log            *logging.Log
	// status is the exit code, of an error too unless it is 0.
	status int
}

// Main runs the command line args, the program's name first, and gives the exit
// code.
func Main(args []string, build Build) int {
	if len(args) == 0 {
		args = []string{"runnel"}
	}
	s := &session{name: args[0], build: build, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	return s.main(args[1:])
}

func (s *session) main(args []string) int {
	err := s.run(args)
	if err == nil {
		return s.status
	}
	s.fail(err)
	return max(s.status, exitError)
}

// run is the order of things: global flags, the log, the command.
func (s *session) run(args []string) error {
	var rest []string
	var err error
	s.global, rest, err = parse(globalFlags(), args, true)
	switch {
	case errors.Is(err, errHelp):
		return s.print(overview())
	case err != nil:
		return s.misused(err, overview())
	case s.global.on("version"):
		return s.print(s.versionText())
	case len(rest) == 0:
		return s.print(overview())
	}
	if err := s.openLog(); err != nil {
		return err
	}
	c := find(rest[0])
	if c == nil {
		s.status = exitUnknownCommand
		//lint:ignore ST1005 runc's text
		return misuse(fmt.Errorf("No help topic for '%s'", rest[0]))
	}
	return s.call(c, rest[1:])
}

func (s *session) call(c *command, args []string) error {
	flags, rest, err := parse(c.flags, args, c.firstEnds)
	if errors.Is(err, errHelp) {
		return s.print(c.help())
	}
	if err != nil {
		return s.misused(err, c.help())
	}
	if problem := c.countProblem(len(rest)); problem != "" {
		return s.misused(fmt.Errorf("%s: %s", s.name, problem), c.help())
	}
	return c.run(&call{session: s, values: flags, args: rest})
}

// openLog makes the log file even if the command has nothing to say: clients
// read it after every failure.
func (s *session) openLog() (err error) {
	s.log, err = logging.Open(s.global.text("log"), logging.Format(s.global.text("log-format")), s.stderr)
	return err
}

// misused shows how to use what was used wrongly.
func (s *session) misused(err error, help string) error {
	if printError := s.print("Incorrect Usage.\n\n" + help); printError != nil {
		return printError
	}
	return misuse(err)
}

// fail tells the user, and the log if that isn't the same place: the whole
// sentence in both, because a client may read either. A log in JSON that goes to
// stderr is all that is written there, as with runc.
func (s *session) fail(err error) {
	message := err.Error()
	if s.log != nil && (s.log.IsFile() || s.log.IsJSON()) {
		s.log.WriteDetails(logging.Error, message, details(err))
	}
	if s.log == nil || s.log.IsFile() || !s.log.IsJSON() {
		fmt.Fprintln(s.stderr, printable(message, true))
	}
}

func details(err error) logging.Details {
	d := fault.DetailsOf(err)
	return logging.Details{Code: string(d.Code), Step: d.Step, Field: d.Field, Errno: d.Errno, Hint: d.Hint}
}

// misuse is an error of whoever has written the command line.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return &fault.Fault{Err: err, Code: fault.InvalidArgument}
}

func (s *session) print(text string) error {
	_, err := io.WriteString(s.stdout, text)
	return err
}
