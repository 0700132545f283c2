package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func deleteCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "delete", Category: containers, Usage: "delete a stopped container", ArgsUsage: "ID",
			Description: `Removes the container's cgroup and state. A container that has been created but not
started is killed first. With --force every container is killed first, and a
container that does not exist is not an error. With --stopped nothing is killed:
"delete --all --stopped" deletes all containers of the state root that have stopped.`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill the container first"},
				regexFlag("delete"),
				&cli.BoolFlag{Name: "stopped", Usage: "delete only a container that has stopped"},
				&cli.BoolFlag{Name: "all", Usage: "with --stopped, instead of ID: all containers"},
			},
			Action: s.delete,
		},
		Most:    1,
		Example: "runnel delete --force web",
	}
}

func (s *session) delete(c *cli.Context) error {
	all, stopped := c.Bool("all"), c.Bool("stopped")
	switch {
	case all != (c.NArg() == 0):
		if all {
			return misuse(errors.New("--all and an ID exclude each other"))
		}
		return s.usageError(c, fmt.Errorf("%s: %q requires exactly 1 argument(s)", s.name, c.Command.Name), true)
	case all && !stopped:
		return misuse(errors.New("--all requires --stopped"))
	case stopped && c.Bool("force"):
		return misuse(errors.New("--stopped and --force exclude each other"))
	}
	hideInherited()
	return s.eachContainer(c, func(r *libcontainer.Runtime, id string) error {
		if stopped {
			return open(r, id, func(container *libcontainer.Container) error { return deleteStopped(container, c) })
		}
		return r.Delete(id, c.Bool("force"))
	})
}

// deleteStopped deletes a container that has stopped. It is an error to name one that
// hasn't.
func deleteStopped(container *libcontainer.Container, c *cli.Context) error {
	status, err := container.Status()
	switch {
	case err != nil:
		return err
	case status == libcontainer.Stopped:
		return container.Delete(false)
	case c.Bool("all") || c.Bool("regex"):
		return nil
	}
	return fmt.Errorf("cannot delete container %s that is not stopped: %s", container.ID(), status)
}
