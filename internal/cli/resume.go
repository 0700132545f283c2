package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func resumeCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "resume", Category: containers, Usage: "resume a paused container", ArgsUsage: "ID",
			Description: "Continues the processes that pause has suspended.",
			Action:      func(c *cli.Context) error { return s.onContainer(c, (*libcontainer.Container).Resume) },
		},
		Least: 1, Most: 1,
		Example: "runnel resume web",
	}
}
