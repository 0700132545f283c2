package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func (s *session) ps() *cli.Command {
	return &cli.Command{
		Name:      "ps",
		Usage:     "list the processes of a container",
		ArgsUsage: "ID [PS OPTION...]",
		Description: `Without options it reads /proc itself; with options it runs the host's ps with them, which
must print a column PID.

   runnel ps web
   runnel ps web -o pid,rss,args`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "table or json (pids)"},
		},
		Action: func(c *cli.Context) error {
			if err := atLeast(c, s, 1); err != nil {
				return err
			}
			format := c.String("format")
			if format != "table" && format != "json" {
				return errors.New("invalid format option")
			}
			container, err := s.container(c)
			if err != nil {
				return err
			}
			defer container.Close()
			pids, err := container.Pids()
			if err != nil {
				return err
			}
			switch {
			case format == "json":
				return json.NewEncoder(s.stdout).Encode(append([]int{}, pids...))
			case c.NArg() > 1:
				return s.hostPS(c.Args().Tail(), pids)
			}
			return s.printProcesses(pids)
		},
	}
}

// hostPS runs ps(1) and passes on the lines of these processes.
func (s *session) hostPS(options []string, pids []int) error {
	output, err := exec.Command("ps", options...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ps %s: %w: %s", strings.Join(options, " "), err, strings.TrimSpace(string(output)))
	}
	lines, err := ofProcesses(string(output), pids)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.stdout, lines)
	return err
}

// ofProcesses keeps the header and the lines whose column PID is one of pids.
func ofProcesses(output string, pids []int) (string, error) {
	wanted := map[string]bool{}
	for _, pid := range pids {
		wanted[strconv.Itoa(pid)] = true
	}
	column := -1
	var kept strings.Builder
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if column < 0 {
			for i, name := range fields {
				if name == "PID" {
					column = i
				}
			}
			if column < 0 {
				return "", errors.New("couldn't find PID field in ps output")
			}
			kept.WriteString(line)
			continue
		}
		if column < len(fields) && wanted[fields[column]] {
			kept.WriteString(line)
		}
	}
	return kept.String(), nil
}

// process is one line of ps -ef.
type process struct {
	uid         int
	pid, ppid   string
	started     time.Time
	tty         string
	cpu         time.Duration
	command     string
	utilization int
}

// clockTicks is USER_HZ, which the kernel keeps at 100 on all architectures.
const clockTicks = 100

func (s *session) printProcesses(pids []int) error {
	boot, err := bootTime()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.stdout, 8, 1, 2, ' ', 0)
	fmt.Fprintln(w, "UID\tPID\tPPID\tC\tSTIME\tTTY\tTIME\tCMD")
	names := map[int]string{}
	for _, pid := range pids {
		p, err := readProcessLine(pid, boot)
		if err != nil {
			continue // ended meanwhile
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", strings.TrimPrefix(owner(names, p.uid), "#"), p.pid, p.ppid,
			p.utilization, startText(p.started), p.tty, cpuText(p.cpu), printable(p.command, false))
	}
	return w.Flush()
}

func bootTime() (time.Time, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}, fmt.Errorf("clock: %w", err)
	}
	return time.Now().Add(-time.Duration(now.Nano())), nil
}

// readProcessLine reads /proc/PID/stat and cmdline, proc(5).
func readProcessLine(pid int, boot time.Time) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return process{}, err
	}
	open, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("%s/stat: no process name", dir)
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return process{}, fmt.Errorf("%s/stat: too few fields", dir)
	}
	// The field numbers are those of proc(5), of which the name is the second.
	field := func(n int) int64 {
		v, _ := strconv.ParseInt(fields[n-3], 10, 64)
		return v
	}
	ticks := time.Second / clockTicks
	p := process{
		pid: strconv.Itoa(pid), ppid: fields[4-3], tty: ttyName(field(7)),
		cpu:     time.Duration(field(14)+field(15)) * ticks,
		started: boot.Add(time.Duration(field(22)) * ticks),
		command: "[" + string(stat[open+1:end]) + "]",
	}
	if age := time.Since(p.started); age > 0 {
		p.utilization = int(100 * p.cpu / age)
	}
	if line, err := os.ReadFile(dir + "/cmdline"); err == nil && len(line) > 0 {
		p.command = strings.TrimRight(strings.ReplaceAll(string(line), "\x00", " "), " ")
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return process{}, err
	}
	p.uid = int(st.Uid)
	return p, nil
}

// ttyName names a terminal by its device number; ptys are majors 136 to 143.
func ttyName(device int64) string {
	major, minor := unix.Major(uint64(device)), unix.Minor(uint64(device))
	switch {
	case device == 0:
		return "?"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

func startText(t time.Time) string {
	if time.Since(t) < 24*time.Hour {
		return t.Format("15:04")
	}
	return t.Format("Jan02")
}

func cpuText(d time.Duration) string {
	seconds := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}
