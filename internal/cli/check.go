package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/specconv/config"
)

func checkCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "check", Category: bundles, Usage: "report every problem in a bundle without creating anything",
			ArgsUsage: "[DIR]",
			Description: `Reads config.json and inspects the root file system. Prints one line per problem:
FILE:LINE:COLUMN, the severity, the place in config.json, the problem and a hint.
Errors make create fail. Warnings are about what is probably not intended, or what
makes create fail on some hosts. With --host, problems with this host are errors. The
exit code is 1 if there are errors.`,
			Flags: []cli.Flag{
				bundleFlag(), configFlag("f"),
				&cli.BoolFlag{Name: "json", Usage: "print the problems as JSON"},
				&cli.BoolFlag{Name: "host", Usage: "also check the host: kernel, cgroups, security modules, ids and limits"},
			},
			Action: s.check,
		},
		Most: 1,
		Example: `runnel check /srv/web
runnel check --json | jq -r '.problems[] | select(.severity == "error") | .pointer'`,
	}
}

func (s *session) check(c *cli.Context) error {
	r, err := s.planner()
	if err != nil {
		return err
	}
	bundle, err := bundleArgument(c)
	if err != nil {
		return err
	}
	problems, err := r.Check(bundle, c.String("config"), c.Bool("host"))
	if err != nil {
		return err
	}
	report := newReport(bundle, problems)
	if file := c.String("config"); file != "" {
		report.file = file
	}
	if report.errors > 0 {
		s.status = exitError
	}
	if c.Bool("json") {
		return s.print(report.json())
	}
	return s.print(report.text(isColoured(s.stdout)))
}

// isColoured reports whether w is a terminal, unless the user does not want colours,
// see no-color.org.
func isColoured(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && isTerminal(w)
}

// report is the result of check.
type report struct {
	bundle           string // as the user named it
	file             string // the config, as the user named it
	problems         []config.Problem
	errors, warnings int
}

func newReport(bundle string, problems []config.Problem) *report {
	r := &report{bundle: bundle, file: filepath.Join(bundle, configName), problems: problems}
	for _, p := range problems {
		if p.Severity == config.Error {
			r.errors++
		} else {
			r.warnings++
		}
	}
	return r
}

const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	plain  = "\x1b[0m"
)

// text returns the report for people, in the format of compilers that editors parse.
func (r *report) text(coloured bool) string {
	colour := func(with, text string) string {
		if !coloured {
			return text
		}
		return with + text + plain
	}
	var out []byte
	for _, p := range r.problems {
		severity := colour(red, "error:")
		if p.Severity == config.Warning {
			severity = colour(yellow, "warning:")
		}
		place := fmt.Sprintf("%s:%d:%d:", r.file, p.Line, p.Column)
		out = append(out, colour(bold, printable(place, false))+" "+severity+" "+printable(p.Sentence(), false)+"\n"...)
	}
	return string(append(out, r.counts()+"\n"...))
}

func (r *report) counts() string {
	if len(r.problems) == 0 {
		return "no problems"
	}
	return counted(r.errors, "error") + ", " + counted(r.warnings, "warning")
}

func counted(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (r *report) json() string {
	bundle, err := filepath.Abs(r.bundle)
	if err != nil {
		bundle = r.bundle // the working directory is gone
	}
	w := &jsontext.Writer{Indented: true}
	w.Begin('{')
	w.String("bundle", bundle)
	w.Int("errors", r.errors)
	w.Int("warnings", r.warnings)
	w.Key("problems")
	w.Begin('[')
	for i := range r.problems {
		w.Element()
		writeProblem(w, &r.problems[i])
	}
	w.End(']')
	w.End('}')
	return string(w.Text) + "\n"
}

func writeProblem(w *jsontext.Writer, p *config.Problem) {
	w.Begin('{')
	w.String("severity", p.Severity.String())
	w.String("pointer", p.Place.Pointer)
	w.String("place", p.Where())
	w.Int("line", p.Line)
	w.Int("column", p.Column)
	w.String("text", p.Text)
	w.String("hint", p.Hint)
	w.End('}')
}
