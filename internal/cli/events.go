package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/runnel/runnel/libcontainer"
)

func eventsCommand() *command {
	return &command{
		name: "events", summary: "tell what a container uses, and when it runs out of memory", arguments: "ID", least: 1, most: 1,
		description: `Prints one JSON object in a line: of type "stats" after each interval, of type "oom"
when a process of the container is killed for want of memory. Ends with the
container. Times are in nanoseconds, sizes in bytes.`,
		example: `runnel events --stats web | jq .data.memory.usage
runnel events --interval 1m web`,
		flags: []flag{
			{name: "interval", kind: text, value: "DURATION", preset: "5s", usage: "time between statistics, such as 500ms, 5s or 1m"},
			{name: "stats", usage: "print the statistics once, now"},
		},
		run: runEvents,
	}
}

func runEvents(c *call) error {
	interval, err := time.ParseDuration(c.text("interval"))
	if err != nil {
		return fmt.Errorf("invalid value %q for --interval: not a duration such as 500ms or 5s", c.text("interval"))
	}
	if interval <= 0 {
		return errors.New("duration interval must be greater than 0")
	}
	out := json.NewEncoder(c.stdout)
	return c.onContainer(func(container *libcontainer.Container) error {
		if c.on("stats") {
			event, err := container.Stats()
			if err != nil {
				return err
			}
			return out.Encode(event)
		}
		return container.Events(interval, func(e *libcontainer.Event) error { return out.Encode(e) })
	})
}
