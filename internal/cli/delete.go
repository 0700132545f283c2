package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func deleteCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "delete", Category: containers, Usage: "delete a stopped container", ArgsUsage: "ID",
			Description: `Removes the container's cgroup and state. A container that has been created but not
started is killed first. With --force every container is killed first, and a
container that does not exist is not an error.`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill the container first"},
				regexFlag("delete"),
			},
			Action: func(c *cli.Context) error {
				hideInherited()
				return s.eachContainer(c, func(r *libcontainer.Runtime, id string) error {
					return r.Delete(id, c.Bool("force"))
				})
			},
		},
		Least: 1, Most: 1,
		Example: "runnel delete --force web",
	}
}
