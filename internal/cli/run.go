package cli

import (
	"fmt"

	"github.com/runnel/runnel/libcontainer"
)

func runCommand() *command {
	return &command{
		name: "run", summary: "create and start a container", arguments: "ID", least: 1, most: 1,
		description: `In the foreground it waits, passes signals on, deletes the container at the end and
exits with the status of its process: 128 plus the signal if one killed it. With
--detach it returns when the process runs, and the container stays until delete.`,
		example: "cd /srv/web && runnel run web",
		flags: append(createFlags(),
			flag{name: "detach", short: "d", usage: "return when the process runs"},
			flag{name: "keep", usage: "don't delete the container at the end"},
			flag{name: "no-subreaper", usage: "don't become the parent of the container's orphans"},
		),
		run: runRun,
	}
}

func runRun(c *call) error {
	o, err := c.createOptions()
	if err != nil {
		return misuse(err)
	}
	r, err := c.creator()
	if err != nil {
		return err
	}
	status, err := r.Run(libcontainer.RunOptions{
		CreateOptions: o,
		Detach:        c.on("detach"), Keep: c.on("keep"), NoSubreaper: c.on("no-subreaper"),
	})
	if err != nil {
		return fmt.Errorf("runnel run failed: %w", err)
	}
	c.status = status
	return nil
}
