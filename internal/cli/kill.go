package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func killCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "kill", Category: containers, Usage: "send a signal to the init process of a container", ArgsUsage: "ID [SIGNAL]",
			Description: `SIGNAL is a number or a name with or without SIG, such as 9, HUP or SIGRTMIN+3. The
default is TERM. It is an error if the container has stopped, unless --all is given.
Options must precede ID.`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "send the signal to all processes of the container"},
				regexFlag("send the signal to"),
			},
			Action: s.kill,
		},
		Least: 1, Most: 2, FirstArgumentEndsFlags: true,
		Example: "runnel kill web KILL",
	}
}

func (s *session) kill(c *cli.Context) error {
	signal, err := parseSignal(c.Args().Get(1))
	if err != nil {
		return misuse(err)
	}
	return s.eachContainer(c, func(r *libcontainer.Runtime, id string) error {
		return open(r, id, func(container *libcontainer.Container) error {
			return container.Kill(signal, c.Bool("all"))
		})
	})
}
