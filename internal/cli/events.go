package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func eventsCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "events", Category: information, Usage: "print resource usage and OOM notifications of a container", ArgsUsage: "ID",
			Description: `Prints one JSON object per line: of type "stats" after each interval, and of type "oom"
when the kernel kills a process of the container because it is out of memory. events
ends when the container does. Times are in nanoseconds, sizes in bytes.`,
			Flags: []cli.Flag{
				&cli.StringFlag{
					Name: "interval", Usage: "print statistics every `DURATION`, such as 500ms, 5s or 1m",
					Value: "5s", DefaultText: "5s",
				},
				&cli.BoolFlag{Name: "stats", Usage: "print statistics once and exit"},
			},
			Action: s.events,
		},
		Least: 1, Most: 1,
		Example: `runnel events --stats web | jq .data.memory.usage
runnel events --interval 1m web`,
	}
}

func (s *session) events(c *cli.Context) error {
	interval, err := time.ParseDuration(c.String("interval"))
	if err != nil {
		return fmt.Errorf("invalid value %q for --interval: not a duration such as 500ms or 5s", c.String("interval"))
	}
	if interval <= 0 {
		return errors.New("duration interval must be greater than 0")
	}
	out := json.NewEncoder(s.stdout)
	return s.onContainer(c, func(container *libcontainer.Container) error {
		if c.Bool("stats") {
			event, err := container.Stats()
			if err != nil {
				return err
			}
			return out.Encode(event)
		}
		return container.Events(interval, func(e *libcontainer.Event) error { return out.Encode(e) })
	})
}
