// Package cli is the command line. It uses github.com/urfave/cli/v2 for commands,
// flags, help and usage errors. There is one file for each command: its flags, one
// call into libcontainer, and its output. Texts, exit codes and JSON are those of
// runc, because other programs read them.
//
// Every command pays for what is linked in here, even before main runs. See
// contrib/design/command-line.md before adding an import.
package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/logging"
	"github.com/runnel/runnel/libcontainer/fault"
)

// Build describes the sources from which this binary was built.
type Build struct{ Version, Commit string }

// Exit codes other than those of a container's process.
const (
	exitError          = 1
	exitFound          = 2 // of explain
	exitUnknownCommand = 3
	exitUnknown        = 254 // of wait
	exitNotExecuted    = 255 // of run; exec and wait exit with it after any error
)

// session is one run of the command line.
type session struct {
	name           string // argv[0], for usage errors
	build          Build
	stdin          io.Reader
	stdout, stderr io.Writer
	// global holds the global flags. It is set before a command runs.
	global *cli.Context
	log    *logging.Log
	trace  *account // nil without --trace
	// status is the exit code. An error without a status exits with exitError.
	status int
}

// Main runs the command line args, which begins with the program's name, and
// returns the exit code.
func Main(args []string, build Build) int {
	if len(args) == 0 {
		args = []string{programName}
	}
	s := &session{name: args[0], build: build, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	return s.main(args[1:])
}

func (s *session) main(args []string) int {
	out := &output{to: s.stdout}
	s.stdout = out
	err := s.run(args)
	if err == nil {
		err = out.err
	}
	if failed := s.endTrace(err); err == nil {
		err = failed
	}
	if err == nil {
		return s.status
	}
	s.fail(err)
	return max(s.status, exitError)
}

func (s *session) run(args []string) error {
	s.configure()
	global := globalFlags()
	arranged, called := s.arrange(global, args)
	var commands []*Command // those that the library needs to know
	switch {
	case called != nil && called.Name != "help":
		commands = append(commands, called)
	case called != nil || slices.Contains(arranged, "--help"):
		commands = s.commands()
	}
	return s.app(global, commands).Run(append([]string{s.name}, arranged...))
}

// openLog creates the log file even if the command logs nothing: clients read it
// after every failure.
func (s *session) openLog() error {
	var level logging.Level
	if text := s.global.String("log-level"); text != "" {
		var err error
		if level, err = logging.ParseLevel(text); err != nil {
			return misuse(err)
		}
	}
	if s.global.Bool("debug") {
		level = logging.Debug
	}
	l, err := logging.Open(s.global.String("log"), logging.Format(s.global.String("log-format")), level, programName, s.stderr)
	if err == nil {
		s.log = l
	}
	return err
}

// fail reports an error on stderr and in the log, if that is a different place.
// Both get the whole sentence, because a client may read either of them. If the
// log is in JSON and goes to stderr, nothing else is written there, as with runc.
func (s *session) fail(err error) {
	message := err.Error()
	if s.log != nil && (!s.log.OnStderr() || s.log.IsJSON()) {
		s.log.WriteDetails(logging.Error, message, details(err))
	}
	if s.log == nil || !s.log.OnStderr() || !s.log.IsJSON() {
		fmt.Fprintln(s.stderr, printable(message, true))
	}
}

// debugf logs a step of a command that needs no Runtime.
func (s *session) debugf(format string, args ...any) {
	if s.log.Has(logging.Debug) {
		s.log.Write(logging.Debug, fmt.Sprintf(format, args...))
	}
}

// warnAbout logs an error that isn't one of the command. It is for people, too, who don't
// read the log.
func (s *session) warnAbout(err error) {
	s.log.WriteDetails(logging.Warning, err.Error(), details(err))
	if !s.log.OnStderr() && s.log.Has(logging.Warning) {
		fmt.Fprintln(s.stderr, printable("warning: "+err.Error(), true))
	}
}

func details(err error) logging.Details {
	d := fault.DetailsOf(err)
	return logging.Details{Code: string(d.Code), Step: d.Step, Field: d.Field, Errno: d.Errno, Hint: d.Hint}
}

// misuse returns err as an error of the caller: an invalid command line, or a file
// that it names.
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

// output remembers the first error of writing, because the library ignores errors
// when it prints help.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
