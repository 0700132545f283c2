package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func listCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "list", Category: information, Usage: "list the containers of the state root",
			Description: `OWNER is the user who created the container. A container that cannot be read is reported
on standard error and skipped.`,
			Flags: []cli.Flag{
				formatFlag(),
				&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only ids"},
			},
			Action: s.list,
		},
		Example: "runnel list --format json | jq -r '.[].id'",
	}
}

func (s *session) list(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	views, err := s.views()
	if err != nil {
		return err
	}
	switch {
	case c.Bool("quiet"):
		return s.print(idLines(views))
	case !isTable:
		return s.print(viewsJSON(views))
	}
	return listTable(s.stdout, views)
}

// views returns the containers of the state root, sorted by id.
func (s *session) views() ([]libcontainer.View, error) {
	r, err := s.runtime()
	if err != nil {
		return nil, err
	}
	containers, broken, err := r.List()
	if errors.Is(err, fs.ErrNotExist) && !s.global.IsSet("root") {
		err = nil // no container has been created yet
	}
	if err != nil {
		return nil, err
	}
	for _, problem := range broken {
		fmt.Fprintln(s.stderr, printable(problem.Error(), true))
	}
	views := make([]libcontainer.View, 0, len(containers))
	var names userNames
	for _, container := range containers {
		view, err := container.View()
		container.Close()
		if err != nil {
			fmt.Fprintf(s.stderr, "load container %s: %v\n", container.ID(), err)
			continue
		}
		view.Owner = names.owner(container.OwnerUID())
		views = append(views, view)
	}
	return views, nil
}

func idLines(views []libcontainer.View) string {
	var lines strings.Builder
	for i := range views {
		lines.WriteString(views[i].ID + "\n")
	}
	return lines.String()
}

// listTable writes a table with the columns of runc, which scripts parse.
func listTable(w io.Writer, views []libcontainer.View) error {
	t := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprint(t, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for i := range views {
		v := &views[i]
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", v.ID, v.Pid, v.Status, v.Bundle, v.Created.Format(time.RFC3339Nano), v.Owner)
	}
	return t.Flush()
}
