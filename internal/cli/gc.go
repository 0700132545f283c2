package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func gcCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "gc", Category: containers, Usage: "remove what killed commands have left behind",
			Description: `Removes containers whose create was killed before they had a process, with what exists
of them: processes, cgroups, mounts, resctrl groups, and the id. Removes start
sockets and temporary files of a start or an update that was killed. Prints what and
why. Containers that have stopped are kept for their clients, unless --stopped is
given. Other containers of the state root, and what belongs to none, are never
touched.`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "only print what would be removed"},
				&cli.BoolFlag{Name: "stopped", Usage: "also delete all containers that have stopped"},
				formatFlag(),
			},
			Action: s.collect,
		},
		Example: "runnel gc --dry-run --stopped",
	}
}

func (s *session) collect(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	r, err := s.runtime()
	if err != nil {
		return err
	}
	hideInherited()
	dryRun := c.Bool("dry-run")
	found, failed, err := r.Collect(libcontainer.CollectOptions{DryRun: dryRun, Stopped: c.Bool("stopped")})
	if errors.Is(err, fs.ErrNotExist) && !s.global.IsSet("root") {
		err = nil // no container has been created yet
	}
	if err != nil {
		return err
	}
	if isTable {
		err = garbageTable(s.stdout, found, dryRun)
	} else {
		err = s.printGarbage(found)
	}
	return errors.Join(append(failed, err)...)
}

// printGarbage prints an array on one line, "[]" if there is none.
func (s *session) printGarbage(found []libcontainer.Garbage) error {
	content, err := json.Marshal(append([]libcontainer.Garbage{}, found...))
	if err != nil {
		return err
	}
	return s.print(string(content) + "\n")
}

// garbageTable writes a line for each thing.
func garbageTable(w io.Writer, found []libcontainer.Garbage, dryRun bool) error {
	t := tabwriter.NewWriter(w, 0, 1, 3, ' ', 0)
	fmt.Fprint(t, "ID\tKIND\tPATH\tREASON\tRESULT\n")
	for _, g := range found {
		result := "not removed"
		switch {
		case g.Removed:
			result = "removed"
		case dryRun:
			result = "would be removed"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", g.ID, g.Kind, printable(g.Path, false), reasonText(g.Reason), result)
	}
	return t.Flush()
}

func reasonText(reason libcontainer.GarbageReason) string {
	switch reason {
	case libcontainer.CreateKilled:
		return "its create was killed"
	case libcontainer.StartKilled:
		return "its start was killed"
	case libcontainer.SaveKilled:
		return "the command that wrote it was killed"
	case libcontainer.HasStopped:
		return "it has stopped"
	}
	return string(reason)
}
