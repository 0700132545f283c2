package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func topCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "top", Category: information, Usage: "show what the processes of a container use, again and again", ArgsUsage: "ID",
			Description: `Shows the processes of a container, those that use most of the CPU first, with their pids
in the container and on the host. CPU is in percent of one processor. On a terminal the
table is drawn in place until Ctrl-C; otherwise one table follows the other. No program
is run for it. The format json is one object per line, for each interval.`,
			Flags:  []cli.Flag{formatFlag(), intervalFlag(), onceFlag()},
			Action: s.top,
		},
		Least: 1, Most: 1,
		Example: `runnel top web
runnel top --no-stream --format json web | jq '.processes[0].command'`,
	}
}

func (s *session) top(c *cli.Context) error {
	isTable, err := wantsTable(c)
	if err != nil {
		return err
	}
	interval, err := parseInterval(c)
	if err != nil {
		return err
	}
	l := live{session: s, interval: interval, once: c.Bool("no-stream"), inPlace: isTable && isTerminal(s.stdout)}
	l.inPlace = l.inPlace && !l.once
	return s.onContainer(c, func(container *libcontainer.Container) error {
		sampler := container.NewProcessSampler()
		return l.run(
			func(ctx context.Context) error {
				_, err := sampler.Sample(ctx)
				return err
			},
			func(ctx context.Context) (bool, error) {
				sample, err := sampler.Sample(ctx)
				switch {
				case errors.Is(err, libcontainer.ErrNotRunning) && !l.once:
					return false, nil // it has ended
				case err != nil:
					return false, err
				case isTable:
					return true, l.table(topRows(sample.Processes))
				}
				return true, s.printSample(container.ID(), sample)
			},
		)
	})
}

// printSample prints the members that are documented in runnel-top(8) on one line.
func (s *session) printSample(id string, sample *libcontainer.ProcessSample) error {
	line, err := json.Marshal(struct {
		ID        string                     `json:"id"`
		Time      time.Time                  `json:"time"`
		Interval  float64                    `json:"interval"`
		Processes []libcontainer.ProcessLoad `json:"processes"`
	}{id, sample.Time, sample.Interval.Seconds(), append([]libcontainer.ProcessLoad{}, sample.Processes...)})
	if err != nil {
		return err
	}
	return s.print(string(line) + "\n")
}

func topRows(processes []libcontainer.ProcessLoad) [][]string {
	rows := [][]string{{"PID", "HOST PID", "UID", "STATE", "CPU %", "RSS", "THREADS", "TIME", "COMMAND"}}
	for i := range processes {
		p := &processes[i]
		rows = append(rows, []string{
			strconv.Itoa(p.Pid), strconv.Itoa(p.HostPid), strconv.FormatUint(uint64(p.UID), 10), p.State, decimal(p.CPU),
			sizeText(float64(p.RSS)), strconv.Itoa(p.Threads), minutesText(p.CPUTime), commandText(p.Command, p.Name),
		})
	}
	return rows
}

// minutesText returns seconds as minutes, seconds and hundredths, as top(1) does.
func minutesText(seconds float64) string {
	hundredths := int64(seconds*100 + 0.5)
	return fmt.Sprintf("%d:%02d.%02d", hundredths/6000, hundredths/100%60, hundredths%100)
}

// commandText returns a command line, or the name in brackets for a process without one.
func commandText(words []string, name string) string {
	if line := strings.TrimSpace(strings.Join(words, " ")); line != "" {
		return line
	}
	return "[" + name + "]"
}
