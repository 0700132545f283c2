package cli

func planCommand() *command {
	return &command{
		name: "plan", summary: "print what create would do, and do nothing",
		description: `One line for each step of the container's process, with the place in config.json
that asks for it.`,
		example: "runnel plan --bundle /srv/web",
		flags: []flag{
			bundleFlag(),
			{name: "no-pivot", usage: "as for create"},
		},
		run: runPlan,
	}
}

func runPlan(c *call) error {
	r, err := c.planner()
	if err != nil {
		return err
	}
	p, err := r.Plan(c.text("bundle"), c.on("no-pivot"))
	if err != nil {
		return err
	}
	return p.Print(c.stdout)
}
