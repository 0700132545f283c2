package cli

import "github.com/urfave/cli/v2"

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
				return r.Start(c.Args().First())
			},
		},
		Least: 1, Most: 1,
		Example: "runnel start web",
	}
}
