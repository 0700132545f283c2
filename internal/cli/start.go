package cli

import (
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
	"github.com/runnel/runnel/libcontainer/sdnotify"
)

func startCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "start", Category: containers, Usage: "start the process of a created container", ArgsUsage: "ID",
			Description: `Returns once the process has executed its program. If it cannot execute it, it exits with
255, and start succeeds with a warning, which state prints, too. Any other error is one of
start.`,
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
				err = container.Start(context.Background(), os.Getenv(sdnotify.Variable))
				if errors.Is(err, libcontainer.ErrNotExecuted) {
					s.warnAbout(err)
					return nil
				}
				return err
			},
		},
		Least: 1, Most: 1,
		Example: "runnel start web",
	}
}
