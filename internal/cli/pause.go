package cli

import "github.com/runnel/runnel/libcontainer"

func pauseCommand() *command {
	return &command{
		name: "pause", summary: "freeze all processes of a container", arguments: "ID", least: 1, most: 1,
		description: "The processes stay where they are until resume.",
		example:     "runnel pause web",
		run:         func(c *call) error { return c.onContainer((*libcontainer.Container).Pause) },
	}
}

func resumeCommand() *command {
	return &command{
		name: "resume", summary: "let a paused container go on", arguments: "ID", least: 1, most: 1,
		description: "Thaws the processes that pause has frozen.",
		example:     "runnel resume web",
		run:         func(c *call) error { return c.onContainer((*libcontainer.Container).Resume) },
	}
}
