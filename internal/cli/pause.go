package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func pauseCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "pause", Category: containers, Usage: "suspend all processes of a container", ArgsUsage: "ID",
			Description: "Freezes the container's cgroup. resume continues the processes.",
			Action:      func(c *cli.Context) error { return s.onContainer(c, (*libcontainer.Container).Pause) },
		},
		Least: 1, Most: 1,
		Example: "runnel pause web",
	}
}
