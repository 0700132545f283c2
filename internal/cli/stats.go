package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/runnel/runnel/libcontainer"
)

func statsCommand(s *session) *Command {
	return &Command{
		Command: &cli.Command{
			Name: "stats", Category: information, Usage: "show what containers use, again and again", ArgsUsage: "[ID...]",
			Description: `Shows for each container the use of CPU, memory, block devices and pids with the limits,
throttling, and the pressure that cgroup v2 measures. CPU is in percent of one
processor. On a terminal the table is drawn in place until Ctrl-C; otherwise one table
follows the other. Without an ID all containers are shown that have not stopped. The
format json is one object per line, for each container and interval. The format
openmetrics is for scrapers: it prints counters and limits once, and does not wait.`,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", DefaultText: "table", Usage: "set the output `FORMAT`: table, json or openmetrics"},
				intervalFlag(), onceFlag(),
			},
			Action: s.stats,
		},
		Most: -1,
		Example: `runnel stats
runnel stats --no-stream --format json web | jq .cpu.percent
runnel stats --format openmetrics >/var/lib/node_exporter/runnel.prom`,
	}
}

func intervalFlag() cli.Flag {
	return &cli.StringFlag{Name: "interval", Usage: "measure for a `DURATION`, such as 500ms or 5s", Value: "1s", DefaultText: "1s"}
}

func onceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-stream", Aliases: []string{"n"}, Usage: "measure for one interval and exit"}
}

// parseInterval parses the flag --interval.
func parseInterval(c *cli.Context) (time.Duration, error) {
	interval, err := time.ParseDuration(c.String("interval"))
	if err != nil {
		return 0, fmt.Errorf("invalid value %q for --interval: not a duration such as 500ms or 5s", c.String("interval"))
	}
	if interval <= 0 {
		return 0, errors.New("duration interval must be greater than 0")
	}
	return interval, nil
}

func (s *session) stats(c *cli.Context) error {
	interval, err := parseInterval(c)
	if err != nil {
		return err
	}
	r, err := s.runtime()
	if err != nil {
		return err
	}
	ids := c.Args().Slice()
	sampler := r.NewSampler(ids...)
	told := map[string]bool{}
	// Without an ID a container that can't be read is told once, and doesn't keep the
	// others from being shown.
	sample := func(ctx context.Context) ([]libcontainer.Load, error) {
		loads, failed, err := sampler.Sample(ctx)
		if err != nil || len(ids) > 0 {
			return loads, errors.Join(append(failed, err)...)
		}
		for _, problem := range failed {
			if text := problem.Error(); !told[text] {
				told[text] = true
				fmt.Fprintln(s.stderr, printable(text, true))
			}
		}
		return loads, nil
	}
	l := live{session: s, interval: interval, once: c.Bool("no-stream")}
	show := func(loads []libcontainer.Load) error { return l.table(loadRows(loads)) }
	switch c.String("format") {
	case "table":
		l.inPlace = !l.once && isTerminal(s.stdout)
	case "json":
		show = func(loads []libcontainer.Load) error { return s.printLoads(loads) }
	case "openmetrics":
		loads, failed, err := sampler.Sample(context.Background())
		return errors.Join(append(failed, s.print(openMetrics(loads)), err)...)
	default:
		return misuse(errors.New("invalid format option"))
	}
	return l.run(
		func(ctx context.Context) error {
			_, err := sample(ctx)
			return err
		},
		func(ctx context.Context) (bool, error) {
			loads, err := sample(ctx)
			if err != nil || len(ids) > 0 && len(loads) == 0 {
				return false, err
			}
			return true, show(loads)
		},
	)
}

// printLoads prints one line for each container.
func (s *session) printLoads(loads []libcontainer.Load) error {
	for i := range loads {
		line, err := json.Marshal(&loads[i])
		if err != nil {
			return err
		}
		if err := s.print(string(line) + "\n"); err != nil {
			return err
		}
	}
	return nil
}

func loadRows(loads []libcontainer.Load) [][]string {
	hasPressure := false
	for i := range loads {
		hasPressure = hasPressure || loads[i].Pressure != (libcontainer.PressureSet{})
	}
	header := []string{"ID", "STATUS", "CPU %", "CPU LIMIT", "THROTTLED", "MEMORY", "MEM LIMIT", "MEM %", "READ/S", "WRITE/S", "PIDS", "PIDS LIMIT"}
	if hasPressure {
		header = append(header, "CPU PRESSURE", "MEM PRESSURE", "IO PRESSURE")
	}
	rows := [][]string{header}
	for i := range loads {
		l := &loads[i]
		row := []string{
			l.ID, string(l.Status), decimal(l.CPU.Percent), decimal(l.CPU.Limit), percentText(l.CPU.Throttled),
			sizeText(float64(l.Memory.Usage)), sizeOrNone(l.Memory.Limit), decimal(l.Memory.Percent),
			rateText(l.IO.ReadRate), rateText(l.IO.WriteRate), strconv.FormatUint(l.Pids.Current, 10), numberOrNone(l.Pids.Limit),
		}
		if hasPressure {
			row = append(row, pressureText(l.Pressure.CPU), pressureText(l.Pressure.Memory), pressureText(l.Pressure.IO))
		}
		rows = append(rows, row)
	}
	return rows
}

// none is shown for what isn't known, and for a limit that isn't set.
const none = "-"

func decimal(n *float64) string {
	if n == nil {
		return none
	}
	return strconv.FormatFloat(*n, 'f', 1, 64)
}

func percentText(n *float64) string {
	if n == nil {
		return none
	}
	return decimal(n) + "%"
}

// sizeText returns a number of bytes with a unit of powers of 1024.
func sizeText(n float64) string {
	units := "KMGTPE"
	if n < 1024 {
		return strconv.FormatFloat(n, 'f', 0, 64) + "B"
	}
	unit := -1
	for ; n >= 1024 && unit < len(units)-1; unit++ {
		n /= 1024
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + units[unit:unit+1] + "iB"
}

func sizeOrNone(n *uint64) string {
	if n == nil {
		return none
	}
	return sizeText(float64(*n))
}

func rateText(n *float64) string {
	if n == nil {
		return none
	}
	return sizeText(*n)
}

func numberOrNone(n *uint64) string {
	if n == nil {
		return none
	}
	return strconv.FormatUint(*n, 10)
}

// pressureText returns the shares of some and of all processes.
func pressureText(p *libcontainer.Pressure) string {
	if p == nil {
		return none
	}
	return decimal(&p.Some) + "/" + decimal(&p.Full)
}
