package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func planCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "plan", Category: bundles, Usage: "print the steps that create would take, without taking them",
			Description: `Prints one line for each step of the container's process, with the place in
config.json that asks for it. --format dot prints a graph for Graphviz: these steps, and
beside them what the command does when the process waits for it.`,
			Flags: []cli.Flag{
				bundleFlag(), configFlag("f"), noPivotFlag(),
				&cli.StringFlag{Name: "format", Value: "text", DefaultText: "text", Usage: "set the output `FORMAT`: text or dot"},
			},
			Action: s.plan,
		},
		Example: `runnel plan --bundle /srv/web
runnel plan --format dot | dot -Tsvg >plan.svg`,
	}
}

func (s *session) plan(c *cli.Context) error {
	format := c.String("format")
	if format != "text" && format != "dot" {
		return misuse(errors.New("invalid format option"))
	}
	r, err := s.planner()
	if err != nil {
		return err
	}
	p, err := r.Plan(libcontainer.CreateOptions{Bundle: c.String("bundle"), Config: c.String("config"), NoPivot: c.Bool("no-pivot")})
	if err != nil {
		return err
	}
	if format == "dot" {
		return p.Dot(s.stdout)
	}
	return p.Print(s.stdout)
}
