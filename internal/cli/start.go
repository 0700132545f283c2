package cli

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer/sdnotify"
)

func startCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "start", Category: containers, Usage: "start the process of a created container", ArgsUsage: "ID",
			Description: "Returns once the process has been executed, or with the error that prevented it.",
			Action: func(c *cli.Context) error {
				r, err := s.runtime()
				if err != nil {
					return err
				}
				hideInherited()
				container, err := r.Open(c.Args().First())
				if err != nil {
					return err
				}
				defer container.Close()
				return container.Start(context.Background(), os.Getenv(sdnotify.Variable))
			},
		},
		Least: 1, Most: 1,
		Example: "runnel start web",
	}
}
