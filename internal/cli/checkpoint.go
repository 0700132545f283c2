package cli

import "github.com/urfave/cli/v2"

// checkpointCommand and restoreCommand name what runnel does not support. They fail
// with --help as well: if "checkpoint --help" succeeds, Podman concludes that the
// runtime supports it.
func checkpointCommand(*session) *Command { return unsupportedCommand("checkpoint") }

func restoreCommand(*session) *Command { return unsupportedCommand("restore") }

func unsupportedCommand(name string) *Command {
	return &Command{
		Command: &cli.Command{
			Name: name, Category: containers, Hidden: true, SkipFlagParsing: true,
			Usage: "not supported yet", Description: "This command is not supported yet.",
			Action: func(*cli.Context) error { return unsupported(name + " is not supported yet") },
		},
		Most:    -1,
		Example: "runnel " + name,
	}
}
