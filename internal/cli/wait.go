package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func waitCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "wait", Category: containers, Usage: "wait until a container has ended, and exit as it has", ArgsUsage: "ID",
			Description: `Exits with the status of the container's process, or with 128 plus the number of the
signal that killed it. The container may be detached, and the child of any process.
For a container that has ended, what was recorded about its end counts: by a wait, or
by "run --keep". If nothing is known of the status, the exit code is 254; for other
errors it is 255.`,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print the result in this `FORMAT`: json", DefaultText: "print nothing"},
			},
			Action: s.wait,
		},
		Least: 1, Most: 1,
		Example: `runnel run --detach job && runnel wait job
runnel wait --format json job | jq .oomKilled`,
	}
}

func (s *session) wait(c *cli.Context) error {
	s.status = exitNotExecuted
	format := c.String("format")
	if format != "" && format != "json" {
		return misuse(errors.New("invalid format option"))
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		exit, err := container.Wait(context.Background())
		if errors.Is(err, libcontainer.ErrExitUnknown) {
			s.status = exitUnknown
		}
		if format == "json" && (err == nil || s.status == exitUnknown) {
			err = errors.Join(err, s.print(exitJSON(container.ID(), exit)))
		}
		if err == nil {
			s.status = exit.Shell()
			if exit.Failure != "" {
				err = errors.New(exit.Failure)
			}
		}
		return err
	})
}

// exitJSON describes the end of a container; exit is nil if it isn't known.
func exitJSON(id string, exit *libcontainer.Exit) string {
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("id", id)
	if exit != nil {
		writeExit(w, exit)
		if exit.Failure != "" {
			w.String("failure", exit.Failure)
		}
	}
	w.End('}')
	return string(append(w.Text, '\n'))
}
