package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// The categories of commands. Help shows them in alphabetical order.
const (
	bundles     = "Prepare a bundle"
	containers  = "Run containers"
	information = "Show information"
)

// Command is a command of the library, with what the library has no field for.
type Command struct {
	*cli.Command
	// Example is a shell command that shows the usual call.
	Example string
	// Least and Most bound the number of arguments. Most < 0 means no upper bound.
	Least, Most int
	// FirstArgumentEndsFlags is set if what follows the first argument is not parsed
	// for flags, as with exec, kill and ps of runc.
	FirstArgumentEndsFlags bool
}

// entry finds a command without building it.
type entry struct {
	name  string
	build func(*session) *Command
}

// entries returns the command table, in the order in which help lists it.
func entries() []entry {
	return []entry{
		{"spec", specCommand},
		{"check", checkCommand},
		{"explain", explainCommand},
		{"plan", planCommand},
		{"seccomp explain", seccompExplainCommand},
		{"seccomp record", seccompRecordCommand},

		{"run", runCommand},
		{"create", createCommand},
		{"start", startCommand},
		{"exec", execCommand},
		{"debug", debugCommand},
		{"kill", killCommand},
		{"pause", pauseCommand},
		{"resume", resumeCommand},
		{"update", updateCommand},
		{"mounts add", mountsAddCommand},
		{"mounts remove", mountsRemoveCommand},
		{"wait", waitCommand},
		{"delete", deleteCommand},
		{"checkpoint", checkpointCommand},
		{"restore", restoreCommand},
		{"gc", gcCommand},

		{"list", listCommand},
		{"state", stateCommand},
		{"inspect", inspectCommand},
		{"mounts list", mountsListCommand},
		{"ps", psCommand},
		{"top", topCommand},
		{"stats", statsCommand},
		{"events", eventsCommand},
		{"info", infoCommand},
		{"features", featuresCommand},
		{"help", helpCommand},
	}
}

// Commands returns all commands, for documentation. They cannot be run.
func Commands() []*Command { return (&session{}).commands() }

// GlobalFlags returns the flags of the program, for documentation.
func GlobalFlags() []cli.Flag { return append(globalFlags(), cli.VersionFlag, cli.HelpFlag) }

func (s *session) commands() []*Command {
	var all []*Command
	for _, e := range entries() {
		all = append(all, s.complete(e.build(s)))
	}
	return all
}

// joined returns the words of a command line with the name of a command of two words as one.
func joined(words []string) []string {
	if len(words) < 2 {
		return words
	}
	name := words[0] + " " + words[1]
	for _, e := range entries() {
		if e.name == name {
			return append([]string{name}, words[2:]...)
		}
	}
	return words
}

// command builds the command called name. It returns nil if there is none.
func (s *session) command(name string) *Command {
	if name == "h" {
		name = "help"
	}
	for _, e := range entries() {
		if e.name == name {
			return s.complete(e.build(s))
		}
	}
	return nil
}

// complete adds what all commands have in common.
func (s *session) complete(c *Command) *Command {
	c.HideHelpCommand = true // "help" is a possible id
	c.CustomHelpTemplate = helpTemplate(c.Example)
	c.OnUsageError = s.usageError
	c.Flags = withNames(c.Flags)
	act := c.Action
	c.Action = func(ctx *cli.Context) error {
		if problem := c.countProblem(ctx.NArg()); problem != "" {
			return s.usageError(ctx, fmt.Errorf("%s: %s", s.name, problem), true)
		}
		return act(ctx)
	}
	return c
}

// countProblem describes a wrong number of arguments in runc's words. It returns
// "" if the number is right.
func (c *Command) countProblem(n int) string {
	switch {
	case c.Least == c.Most && n != c.Least:
		return fmt.Sprintf("%q requires exactly %d argument(s)", c.Name, c.Least)
	case n < c.Least:
		return fmt.Sprintf("%q requires a minimum of %d argument(s)", c.Name, c.Least)
	case c.Most >= 0 && n > c.Most:
		return fmt.Sprintf("%q requires a maximum of %d argument(s)", c.Name, c.Most)
	}
	return ""
}
