package cli

import (
	"context"
	"os"

	"github.com/runnel/runnel/libcontainer/sdnotify"
)

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
	if _, err := claimInherited(0); err != nil {
		return err
	}
	container, err := r.Open(c.id())
	if err != nil {
		return err
	}
	defer container.Close()
	return container.Start(context.Background(), os.Getenv(sdnotify.Variable))
}
