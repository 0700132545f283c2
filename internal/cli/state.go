package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func stateCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "state", Category: information, Usage: "print the state of a container as JSON", ArgsUsage: "ID",
			Description: `The status is creating, created, running, paused or stopped. The pid is 0 if the
container has no process. The key failure says why the process could not execute its
program; it is absent otherwise.`,
			Action: s.state,
		},
		Least: 1, Most: 1,
		Example: "runnel state web | jq -r .status",
	}
}

func (s *session) state(c *cli.Context) error {
	return s.onContainer(c, func(container *libcontainer.Container) error {
		view, err := container.View()
		if err != nil {
			return err
		}
		return s.print(viewJSON(&view))
	})
}
