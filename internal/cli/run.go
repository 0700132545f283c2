package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func (s *session) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "create and start a container",
		ArgsUsage: "ID",
		Description: `In the foreground it waits, passes signals on, deletes the container at the end and
exits with the status of its process: 128 plus the signal if one killed it.

   cd /srv/web && runnel run web`,
		Flags: append(createFlags(),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return when the process runs"},
			&cli.BoolFlag{Name: "keep", Usage: "don't delete the container at the end"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "don't become the parent of orphans of the container"},
		),
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			s.status, err = r.Run(libcontainer.RunOptions{
				CreateOptions: createOptions(c),
				Detach:        c.Bool("detach"), Keep: c.Bool("keep"), NoSubreaper: c.Bool("no-subreaper"),
			})
			return err
		},
	}
}
