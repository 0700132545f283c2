package cli

import "github.com/runnel/runnel/libcontainer"

func killCommand() *command {
	return &command{
		name: "kill", summary: "send a signal to the init of a container", arguments: "ID [SIGNAL]", least: 1, most: 2, firstEnds: true,
		description: `SIGNAL is a number or a name, with or without SIG, such as HUP, SIGRTMIN+3 or 9;
without it, TERM is sent. A stopped container is an error, but not with --all.`,
		example: "runnel kill web KILL",
		flags: []flag{
			{name: "all", short: "a", usage: "send it to all processes of the container"},
			regexFlag("send it to"),
		},
		run: runKill,
	}
}

func runKill(c *call) error {
	name := ""
	if len(c.args) > 1 {
		name = c.args[1]
	}
	signal, err := parseSignal(name)
	if err != nil {
		return misuse(err)
	}
	return c.eachContainer(func(r *libcontainer.Runtime, id string) error {
		return open(r, id, func(container *libcontainer.Container) error {
			return container.Kill(signal, c.on("all"))
		})
	})
}
