package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/specconv/config"
)

func checkCommand() *command {
	return &command{
		name: "check", summary: "tell all that is wrong with a bundle, and do nothing",
		description: `Reads config.json and looks into the rootfs, without making a container. One line
for each problem, in the order of config.json: FILE:LINE:COLUMN, "error" or
"warning", the place, what is wrong and, in brackets, what to do. The last line
counts them.

An error is what create refuses. A warning is what create takes but may not be
meant, such as a property that the specification doesn't know, or what only some
hosts refuse. --host asks this host, and then it is an error if create would fail
here and now.

--json prints one object: bundle, errors and warnings (their numbers), and
problems, an array. A problem has severity ("error" or "warning"), pointer (a JSON
pointer, RFC 6901), place (the same in words), line, column, text and hint, which
may be empty. Later versions only add keys.

The exit code is 1 if there is an error, or if the bundle can't be read; warnings
alone give 0.`,
		example: `runnel check --bundle /srv/web
runnel check --json | jq -r '.problems[] | select(.severity == "error") | .pointer'`,
		flags: []flag{
			bundleFlag(),
			{name: "json", usage: "print the problems as JSON"},
			{name: "host", usage: "check against this host, too: its kernel, cgroups, security modules, ids and limits"},
		},
		run: runCheck,
	}
}

func runCheck(c *call) error {
	r, err := c.planner()
	if err != nil {
		return err
	}
	problems, err := r.Check(c.text("bundle"), c.on("host"))
	if err != nil {
		return err
	}
	report := newReport(c.text("bundle"), problems)
	if report.errors > 0 {
		c.status = exitError
	}
	if c.on("json") {
		return c.print(report.json())
	}
	return c.print(report.text(c.coloured()))
}

// coloured: on a terminal, unless the user doesn't want it, no-color.org.
func (s *session) coloured() bool {
	f, ok := s.stdout.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// report is what check has found.
type report struct {
	bundle           string // as the user named it
	problems         []config.Problem
	errors, warnings int
}

func newReport(bundle string, problems []config.Problem) *report {
	r := &report{bundle: bundle, problems: problems}
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

// text is for people, and for editors, which know the form of compilers.
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
		place := fmt.Sprintf("%s:%d:%d:", filepath.Join(r.bundle, configName), p.Line, p.Column)
		text := p.String()
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		out = append(out, colour(bold, printable(place, false))+" "+severity+" "+printable(text, false)+"\n"...)
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
