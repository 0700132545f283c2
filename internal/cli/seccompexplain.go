package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func seccompExplainCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "seccomp explain", Category: bundles, Usage: "say what a seccomp profile does with system calls, and why",
			ArgsUsage: "TARGET [SYSCALL [ARGUMENT...]]...",
			Description: `TARGET is a container, a bundle, or a file: a config.json, a linux.seccomp object, or a
profile of Docker or Podman. The profile is compiled, and its filter is run on the call.
SYSCALL is a name or a number. The numbers after it are its first arguments; "any", and
those that are left out, may have any value. Without SYSCALL, all system calls are
counted by what the filter does with them.`,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "arch", Usage: "explain calls of a process of this `ARCHITECTURE`, such as x86_64 or x86", DefaultText: "that of this machine"},
				&cli.StringSliceFlag{Name: "cap", Usage: "assume that the container has this `CAPABILITY`, for a profile of Docker or Podman"},
				formatFlag(),
			},
			Action: s.seccompExplain,
		},
		Least: 1, Most: -1,
		Example: `runnel seccomp explain web mkdir clone 0x10000000 socket any any 16
runnel seccomp explain /etc/containers/seccomp.json`,
	}
}

func (s *session) seccompExplain(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	calls, err := readCalls(c.Args().Tail())
	if err != nil {
		return misuse(err)
	}
	r, err := s.runtime()
	if err != nil {
		return err
	}
	ctx := context.Background()
	p, err := r.SeccompFilter(ctx, c.Args().First(), c.StringSlice("cap"))
	if err != nil {
		return err
	}
	if isTable {
		for _, note := range p.Notes {
			if err := s.print(printable(note, false) + "\n"); err != nil {
				return err
			}
		}
	}
	if len(calls) == 0 {
		groups, err := p.Summary(ctx, c.String("arch"))
		if err != nil {
			return err
		}
		if isTable {
			return groupTable(s.stdout, groups)
		}
		return s.print(groupsJSON(p, groups))
	}
	answers := make([]*libcontainer.SeccompAnswer, len(calls))
	for i, call := range calls {
		if answers[i], err = p.Explain(ctx, c.String("arch"), call.name, call.args); err != nil {
			return err
		}
	}
	if isTable {
		return answerTable(s.stdout, p, answers)
	}
	return s.print(answersJSON(p, answers))
}

// calledWords is a system call on the command line.
type calledWords struct {
	name string
	args []*uint64 // nil for any value
}

// maxArguments is how many arguments a system call has.
const maxArguments = 6

// readCalls reads system calls, each with its arguments. A number is the call itself in the
// first place, and an argument in all others.
func readCalls(words []string) (calls []calledWords, err error) {
	for i, word := range words {
		value, isNumber := readNumber(word)
		if i == 0 || !isNumber && word != "any" {
			calls = append(calls, calledWords{name: word})
			continue
		}
		last := &calls[len(calls)-1]
		if len(last.args) == maxArguments {
			return nil, fmt.Errorf("%s has more than %d arguments: %q", last.name, maxArguments, word)
		}
		last.args = append(last.args, value)
	}
	return calls, nil
}

// readNumber reads an argument; nil for "any".
func readNumber(word string) (value *uint64, ok bool) {
	if n, err := strconv.ParseUint(word, 0, 64); err == nil {
		return &n, true
	}
	if n, err := strconv.ParseInt(word, 0, 64); err == nil {
		value := uint64(n)
		return &value, true
	}
	return nil, false
}

// callText returns a call as a person writes it.
func callText(a *libcontainer.SeccompAnswer) string {
	name := a.Name
	if name == "" {
		name = strconv.FormatUint(uint64(a.Number), 10)
	}
	if len(a.Args) == 0 {
		return name
	}
	var args []string
	for _, arg := range a.Args {
		text := "any"
		if arg != nil {
			text = fmt.Sprintf("%#x", *arg)
		}
		args = append(args, text)
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// actionText returns an action with its errno.
func actionText(action specs.LinuxSeccompAction, errno uint) string {
	switch action {
	case specs.ActErrno:
		return string(action) + " " + errnoName(errno)
	case specs.ActTrace:
		return fmt.Sprintf("%s %d", action, errno)
	}
	return string(action)
}

// errnoName returns the name of an errno, or its number.
func errnoName(errno uint) string {
	if name := unix.ErrnoName(unix.Errno(errno)); name != "" {
		return name
	}
	return strconv.FormatUint(uint64(errno), 10)
}

func answerTable(w io.Writer, p *libcontainer.SeccompFilter, answers []*libcontainer.SeccompAnswer) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "CALL\tACTION\tPLACE\tREASON\n")
	for _, a := range answers {
		for _, o := range a.Outcomes {
			for _, r := range o.Reasons {
				at := fmt.Sprintf("%s:%d:%d %s", p.File, r.Line, r.Column, r.Place)
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", printable(callText(a), false), actionText(o.Action, o.Errno),
					printable(strings.TrimSpace(at), false), printable(r.Text, false))
			}
		}
	}
	return t.Flush()
}

// answersJSON returns the members that are documented in runnel-seccomp-explain(8).
func answersJSON(p *libcontainer.SeccompFilter, answers []*libcontainer.SeccompAnswer) string {
	w := &jsontext.Writer{Indented: true}
	w.Begin('{')
	writeProfile(w, p)
	w.Key("calls")
	w.Begin('[')
	for _, a := range answers {
		w.Element()
		w.Begin('{')
		w.String("call", callText(a))
		w.String("name", a.Name)
		w.Uint("number", uint64(a.Number))
		w.String("architecture", string(a.Arch))
		w.Key("outcomes")
		w.Begin('[')
		for i := range a.Outcomes {
			w.Element()
			writeOutcome(w, &a.Outcomes[i])
		}
		w.End(']')
		w.End('}')
	}
	w.End(']')
	w.End('}')
	return string(w.Text) + "\n"
}

func writeProfile(w *jsontext.Writer, p *libcontainer.SeccompFilter) {
	w.String("file", p.File)
	w.Strings("notes", p.Notes)
}

func writeOutcome(w *jsontext.Writer, o *libcontainer.SeccompOutcome) {
	w.Begin('{')
	writeAction(w, o.Action, o.Errno)
	w.String("cause", string(o.Cause))
	w.Key("reasons")
	w.Begin('[')
	for _, r := range o.Reasons {
		w.Element()
		w.Begin('{')
		w.String("pointer", r.Place.Pointer)
		w.String("place", r.Place.String())
		w.Int("line", r.Line)
		w.Int("column", r.Column)
		w.String("text", r.Text)
		w.Key("conditions")
		w.Begin('[')
		for _, k := range r.Conditions {
			w.Element()
			w.Begin('{')
			w.String("text", k.String())
			w.Bool("known", k.IsKnown)
			w.End('}')
		}
		w.End(']')
		w.End('}')
	}
	w.End(']')
	w.End('}')
}

// writeAction writes an action, and the errno of one that has one.
func writeAction(w *jsontext.Writer, action specs.LinuxSeccompAction, errno uint) {
	w.String("action", string(action))
	if action == specs.ActErrno {
		w.Uint("errno", uint64(errno))
		w.String("errnoName", errnoName(errno))
	}
}

func groupTable(w io.Writer, groups []libcontainer.SeccompGroup) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "CALLS\tACTION\tCAUSE\n")
	for _, g := range groups {
		var actions, causes []string
		for _, o := range g.Outcomes {
			actions = append(actions, actionText(o.Action, o.Errno))
			if cause := string(o.Cause); !slices.Contains(causes, cause) {
				causes = append(causes, cause)
			}
		}
		fmt.Fprintf(t, "%d\t%s\t%s\n", len(g.Names), strings.Join(actions, " or "), strings.Join(causes, " or "))
	}
	return t.Flush()
}

// groupsJSON returns the members that are documented in runnel-seccomp-explain(8).
func groupsJSON(p *libcontainer.SeccompFilter, groups []libcontainer.SeccompGroup) string {
	w := &jsontext.Writer{Indented: true}
	w.Begin('{')
	writeProfile(w, p)
	w.Key("groups")
	w.Begin('[')
	for _, g := range groups {
		w.Element()
		w.Begin('{')
		w.Int("count", len(g.Names))
		w.Key("outcomes")
		w.Begin('[')
		for _, o := range g.Outcomes {
			w.Element()
			w.Begin('{')
			writeAction(w, o.Action, o.Errno)
			w.String("cause", string(o.Cause))
			w.End('}')
		}
		w.End(']')
		w.Strings("names", g.Names)
		w.End('}')
	}
	w.End(']')
	w.End('}')
	return string(w.Text) + "\n"
}
