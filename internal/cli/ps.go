package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/runnel/runnel/libcontainer"
)

func psCommand() *command {
	return &command{
		name: "ps", summary: "list the processes of a container",
		arguments: "ID [PS OPTION...]", least: 1, most: -1, firstEnds: true,
		description: `Without options for ps it reads /proc itself and prints what ps -ef does. With them
it runs the host's ps, which must print a column PID, and passes on the lines of the
container's processes. JSON is an array of pids.`,
		example: "runnel ps web -o pid,rss,args",
		flags: []flag{
			{name: "format", short: "f", kind: text, value: "FORMAT", preset: "table", usage: "table or json"},
		},
		run: runPS,
	}
}

func runPS(c *call) error {
	format := c.text("format")
	if format != "table" && format != "json" {
		return misuse(errors.New("invalid format option"))
	}
	return c.onContainer(func(container *libcontainer.Container) error {
		pids, err := container.Pids()
		switch {
		case err != nil:
			return err
		case format == "json":
			return c.print(pidsJSON(pids))
		case len(c.args) > 1:
			return c.hostPS(c.args[1:], pids)
		}
		return c.printProcesses(pids)
	})
}

// pidsJSON is an array in one line, "[]" if there are none.
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

// hostPS runs ps(1) and passes on the lines of these processes.
func (c *call) hostPS(options []string, pids []int) error {
	output, err := exec.Command("ps", options...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps %s: %w: %s", strings.Join(options, " "), err, strings.TrimSpace(string(output)))
	}
	lines, err := linesOf(pids, string(output))
	if err != nil {
		return fmt.Errorf("ps %s: %w", strings.Join(options, " "), err)
	}
	return c.print(lines)
}

// linesOf keeps the header of ps's output, and the lines whose column PID is
// one of pids.
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
