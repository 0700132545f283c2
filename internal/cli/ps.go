package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func psCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "ps", Category: information, Usage: "list the processes of a container", ArgsUsage: "ID [PS OPTION...]",
			Description: `Prints the columns of "ps -ef", read from /proc. With options for ps it runs the host's
ps, whose output must have a PID column, and prints the lines of the container's
processes. The JSON format is an array of process IDs. The option --format must
precede ID.`,
			Flags:  []cli.Flag{formatFlag()},
			Action: s.ps,
		},
		Least: 1, Most: -1, FirstArgumentEndsFlags: true,
		Example: "runnel ps web -o pid,rss,args",
	}
}

func (s *session) ps(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	return s.onContainer(c, func(container *libcontainer.Container) error {
		pids, err := container.Pids()
		switch {
		case err != nil:
			return err
		case !isTable:
			return s.print(pidsJSON(pids))
		case c.NArg() > 1:
			return s.hostPS(c.Args().Tail(), pids)
		}
		return printProcesses(s.stdout, pids)
	})
}

// pidsJSON returns an array on one line, "[]" without pids.
func pidsJSON(pids []int) string {
	b := []byte{'['}
	for i, pid := range pids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(pid), 10)
	}
	return string(append(b, ']', '\n'))
}

// hostPS runs ps(1) and prints the lines of these processes.
func (s *session) hostPS(options []string, pids []int) error {
	output, err := exec.Command("ps", options...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps %s: %w: %s", strings.Join(options, " "), err, strings.TrimSpace(string(output)))
	}
	lines, err := linesOf(pids, string(output))
	if err != nil {
		return fmt.Errorf("ps %s: %w", strings.Join(options, " "), err)
	}
	return s.print(lines)
}

// linesOf returns the header of ps's output and the lines whose PID column is one
// of pids.
func linesOf(pids []int, output string) (string, error) {
	header, body, _ := strings.Cut(output, "\n")
	column := -1
	for i, name := range strings.Fields(header) {
		if name == "PID" {
			column = i
		}
	}
	if column < 0 {
		return "", errors.New("couldn't find PID field in ps output")
	}
	wanted := make(map[string]bool, len(pids))
	for _, pid := range pids {
		wanted[strconv.Itoa(pid)] = true
	}
	var kept strings.Builder
	kept.WriteString(header + "\n")
	for line := range strings.Lines(body) {
		if fields := strings.Fields(line); column < len(fields) && wanted[fields[column]] {
			kept.WriteString(line)
		}
	}
	return kept.String(), nil
}
