package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func planCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "plan", Category: bundles, Usage: "print the steps that create would take, without taking them",
			Description: `Prints one line for each step of the container's process, with the place in
config.json that asks for it.`,
			Flags:  []cli.Flag{bundleFlag(), configFlag("f"), noPivotFlag()},
			Action: s.plan,
		},
		Example: "runnel plan --bundle /srv/web",
	}
}

func (s *session) plan(c *cli.Context) error {
	r, err := s.planner()
	if err != nil {
		return err
	}
	p, err := r.Plan(libcontainer.CreateOptions{Bundle: c.String("bundle"), Config: c.String("config"), NoPivot: c.Bool("no-pivot")})
	if err != nil {
		return err
	}
	return p.Print(s.stdout)
}
