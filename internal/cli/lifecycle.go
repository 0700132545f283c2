package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func (s *session) start() *cli.Command {
	return &cli.Command{
		Name:      "start",
		Usage:     "run the process of a created container",
		ArgsUsage: "ID",
		Description: `Returns when the process has been executed, or with the reason why it can't be.

   runnel start web`,
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			return r.Start(c.Args().First())
		},
	}
}

func (s *session) state() *cli.Command {
	return &cli.Command{
		Name:      "state",
		Usage:     "print the state of a container as JSON",
		ArgsUsage: "ID",
		Description: `The status is creating, created, running, paused or stopped.

   runnel state web | jq -r .status`,
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			container, err := s.container(c)
			if err != nil {
				return err
			}
			defer container.Close()
			view, err := container.View()
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(view, "", "  ")
			if err != nil {
				return err
			}
			_, err = s.stdout.Write(text)
			return err
		},
	}
}

func (s *session) delete() *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "remove a stopped container",
		ArgsUsage: "ID",
		Description: `Removes what create has made: cgroups and state. With --force the container is
killed first, and one that doesn't exist is fine.

   runnel delete --force web`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill the container first"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Usage: "ID is a regular expression: delete all containers that match"},
		},
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			return s.each(c, r, func(id string) error { return r.Delete(id, c.Bool("force")) })
		},
	}
}

// each acts on the container that the first argument names or, with --regex, on
// all whose ids match it as a whole.
func (s *session) each(c *cli.Context, r *libcontainer.Runtime, act func(id string) error) error {
	if !c.Bool("regex") {
		return act(c.Args().First())
	}
	pattern, err := regexp.Compile("^(?:" + c.Args().First() + ")$")
	if err != nil {
		return fmt.Errorf("--regex: %w", err)
	}
	containers, broken, err := r.List()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	failed := broken
	for _, container := range containers {
		id := container.ID()
		container.Close()
		if pattern.MatchString(id) {
			if err := act(id); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", id, err))
			}
		}
	}
	return errors.Join(failed...)
}

func (s *session) kill() *cli.Command {
	return &cli.Command{
		Name:      "kill",
		Usage:     "send a signal to the init of a container",
		ArgsUsage: "ID [SIGNAL]",
		Description: `SIGNAL is a number or a name, with or without SIG; TERM if it isn't given.

   runnel kill web KILL`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "send it to all processes of the container"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Usage: "ID is a regular expression: send it to all containers that match"},
		},
		Action: func(c *cli.Context) error {
			if err := atLeast(c, s, 1); err != nil {
				return err
			}
			if err := atMost(c, s, 2); err != nil {
				return err
			}
			signal, err := parseSignal(c.Args().Get(1))
			if err != nil {
				return err
			}
			r, err := s.runtime(c)
			if err != nil {
				return err
			}
			return s.each(c, r, func(id string) error {
				container, err := r.Open(id)
				if err != nil {
					return err
				}
				defer container.Close()
				return container.Kill(signal, c.Bool("all"))
			})
		},
	}
}

func (s *session) pause() *cli.Command {
	return s.onContainer("pause", "stop all processes of a container", `The processes stay where they are until resume.

   runnel pause web`, (*libcontainer.Container).Pause)
}

func (s *session) resume() *cli.Command {
	return s.onContainer("resume", "let a paused container go on", `   runnel resume web`, (*libcontainer.Container).Resume)
}

func (s *session) onContainer(name, usage, description string, act func(*libcontainer.Container) error) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ID", Description: description,
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 1); err != nil {
				return err
			}
			container, err := s.container(c)
			if err != nil {
				return err
			}
			defer container.Close()
			return act(container)
		},
	}
}

func (s *session) list() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the containers of the state root",
		Description: `   runnel list
   runnel list --format json | jq -r '.[].id'`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "table or json"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print ids only"},
		},
		Action: func(c *cli.Context) error {
			if err := exactly(c, s, 0); err != nil {
				return err
			}
			views, err := s.views(c)
			if err != nil {
				return err
			}
			switch {
			case c.Bool("quiet"):
				for _, v := range views {
					fmt.Fprintln(s.stdout, v.ID)
				}
				return nil
			case c.String("format") == "table":
				return s.printTable(views)
			case c.String("format") == "json":
				return json.NewEncoder(s.stdout).Encode(views)
			}
			return errors.New("invalid format option")
		},
	}
}

// views are the containers of the root, never nil. One that can't be read is
// told of and passed over.
func (s *session) views(c *cli.Context) ([]libcontainer.View, error) {
	r, err := s.runtime(c)
	if err != nil {
		return nil, err
	}
	containers, broken, err := r.List()
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet("root") {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, err := range broken {
		fmt.Fprintln(s.stderr, err)
	}
	views := make([]libcontainer.View, 0, len(containers))
	names := map[int]string{}
	for _, container := range containers {
		view, err := container.View()
		container.Close()
		if err != nil {
			fmt.Fprintf(s.stderr, "load container %s: %v\n", container.ID(), err)
			continue
		}
		view.Owner = owner(names, container.OwnerUID())
		views = append(views, view)
	}
	return views, nil
}

func (s *session) printTable(views []libcontainer.View) error {
	w := tabwriter.NewWriter(s.stdout, 12, 1, 3, ' ', 0)
	fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", v.ID, v.Pid, v.Status, v.Bundle, v.Created.Format(time.RFC3339Nano), v.Owner)
	}
	return w.Flush()
}

// owner is the name of a user, "#uid" if it has none.
func owner(known map[int]string, uid int) string {
	if name, ok := known[uid]; ok {
		return name
	}
	name := "#" + strconv.Itoa(uid)
	if content, err := os.ReadFile("/etc/passwd"); err == nil {
		if found := userName(string(content), uid); found != "" {
			name = found
		}
	}
	known[uid] = name
	return name
}
