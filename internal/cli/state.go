package cli

import "github.com/runnel/runnel/libcontainer"

func stateCommand() *command {
	return &command{
		name: "state", summary: "print the state of a container as JSON", arguments: "ID", least: 1, most: 1,
		description: "The status is creating, created, running, paused or stopped; pid is 0 if there is no\nprocess.",
		example:     "runnel state web | jq -r .status",
		run:         runState,
	}
}

func runState(c *call) error {
	return c.onContainer(func(container *libcontainer.Container) error {
		view, err := container.View()
		if err != nil {
			return err
		}
		return c.print(viewJSON(&view))
	})
}
