package cli

func startCommand() *command {
	return &command{
		name: "start", summary: "execute the process of a created container", arguments: "ID", least: 1, most: 1,
		description: "Returns when the process has been executed, or with the reason why it can't be.",
		example:     "runnel start web",
		run:         runStart,
	}
}

func runStart(c *call) error {
	r, err := c.runtime()
	if err != nil {
		return err
	}
	return r.Start(c.id())
}
