package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/trace"
)

// account is the trace of this run of the command line, and where it is written.
type account struct {
	*trace.Trace
	file   *os.File
	format trace.Format
}

// openTrace begins the account that --trace asks for. It opens the file first, so that a
// command that can't write it does nothing.
func (s *session) openTrace(c *cli.Context) error {
	path := c.String("trace")
	if path == "" {
		if c.IsSet("trace-format") {
			return misuse(errors.New("--trace-format is for --trace"))
		}
		return nil
	}
	format, err := traceFormat(c.String("trace-format"), path)
	if err != nil {
		return misuse(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return misuse(fmt.Errorf("--trace: %w", err))
	}
	t := trace.New(programName+" "+c.Args().First(), os.Getenv("TRACEPARENT"))
	s.trace = &account{Trace: t, file: file, format: format}
	return nil
}

func traceFormat(given, path string) (trace.Format, error) {
	switch given {
	case "chrome", "otlp", "html":
		return trace.Format(given), nil
	case "":
		switch {
		case strings.HasSuffix(path, ".html"):
			return trace.HTML, nil
		case strings.HasSuffix(path, ".otlp"), strings.HasSuffix(path, ".otlp.json"):
			return trace.OTLP, nil
		}
		return trace.Chrome, nil
	}
	return "", fmt.Errorf("invalid value %q for --trace-format: not chrome, otlp or html", given)
}

// endTrace writes the account of a command that has ended with err.
func (s *session) endTrace(err error) error {
	if s.trace == nil {
		return nil
	}
	s.trace.End(err)
	failed := s.trace.Write(s.trace.file, s.trace.format, s.build.Version)
	if failed = errors.Join(failed, s.trace.file.Close()); failed != nil {
		return fmt.Errorf("--trace: %w", failed)
	}
	return nil
}

// traced lets a Runtime record what it does.
func (s *session) traced(r *libcontainer.Runtime) {
	if s.trace == nil {
		return
	}
	r.Trace = s.trace.Trace
	debug := r.Debug
	r.Debug = func(message string) {
		s.trace.Mark(message)
		if debug != nil {
			debug(message)
		}
	}
}
