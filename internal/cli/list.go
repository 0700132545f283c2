package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/runnel/runnel/libcontainer"
)

func listCommand() *command {
	return &command{
		name: "list", summary: "list the containers of the state root",
		description: "OWNER is who has made the container. One that can't be read is told of and passed over.",
		example:     "runnel list --format json | jq -r '.[].id'",
		flags: []flag{
			{name: "format", short: "f", kind: text, value: "FORMAT", preset: "table", usage: "table or json"},
			{name: "quiet", short: "q", usage: "print ids only"},
		},
		run: runList,
	}
}

func runList(c *call) error {
	format := c.text("format")
	if format != "table" && format != "json" {
		return misuse(errors.New("invalid format option"))
	}
	views, err := c.views()
	if err != nil {
		return err
	}
	switch {
	case c.on("quiet"):
		return c.print(idLines(views))
	case format == "json":
		return c.print(viewsJSON(views))
	}
	return listTable(c.stdout, views)
}

// views are the containers of the root, sorted by id.
func (c *call) views() ([]libcontainer.View, error) {
	r, err := c.runtime()
	if err != nil {
		return nil, err
	}
	containers, broken, err := r.List()
	if errors.Is(err, fs.ErrNotExist) && !c.global.has("root") {
		err = nil // no container has been made yet
	}
	if err != nil {
		return nil, err
	}
	for _, problem := range broken {
		fmt.Fprintln(c.stderr, printable(problem.Error(), true))
	}
	views := make([]libcontainer.View, 0, len(containers))
	var names userNames
	for _, container := range containers {
		view, err := container.View()
		container.Close()
		if err != nil {
			fmt.Fprintf(c.stderr, "load container %s: %v\n", container.ID(), err)
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

// listTable has the columns of runc, which scripts cut up.
func listTable(w io.Writer, views []libcontainer.View) error {
	t := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprint(t, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for i := range views {
		v := &views[i]
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", v.ID, v.Pid, v.Status, v.Bundle, v.Created.Format(time.RFC3339Nano), v.Owner)
	}
	return t.Flush()
}
