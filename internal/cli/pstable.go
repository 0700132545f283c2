package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
)

// process is one line of ps -ef.
type process struct {
	user      string
	pid, ppid int
	percent   int // of one CPU since its start
	started   time.Time
	tty       string
	cpu       time.Duration
	command   string
}

// printProcesses writes a line for each of pids that still exists.
func printProcesses(w io.Writer, pids []int) error {
	now := time.Now()
	boot, err := bootTime(now)
	if err != nil {
		return err
	}
	var names userNames
	var processes []process
	for _, pid := range pids {
		p, err := lookUp(pid, now, boot, &names)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has exited meanwhile
		}
		if err != nil {
			return err
		}
		processes = append(processes, p)
	}
	return processTable(w, processes, now)
}

func bootTime(now time.Time) (time.Time, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, fmt.Errorf("time since boot: %w", err)
	}
	return now.Add(-time.Duration(up.Nano())), nil
}

// lookUp reads a process from /proc.
func lookUp(pid int, now, boot time.Time, names *userNames) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return process{}, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	stat, err := procfs.ReadStat(pid)
	if err != nil {
		return process{}, fmt.Errorf("%s/stat: %w", dir, err)
	}
	arguments, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return process{}, err
	}
	p := processOf(pid, stat, now, boot)
	p.user = strings.TrimPrefix(names.owner(int(st.Uid)), "#")
	if line := strings.TrimRight(strings.ReplaceAll(string(arguments), "\x00", " "), " "); line != "" {
		p.command = line
	}
	return p, nil
}

// processOf converts what procfs says of a process. The name in brackets stands in
// for a command line.
func processOf(pid int, s procfs.Stat, now, boot time.Time) process {
	const tick = time.Second / 100
	p := process{
		pid: pid, ppid: s.Parent, tty: ttyName(s.Terminal),
		cpu:     time.Duration(s.CPUTime) * tick,
		started: boot.Add(time.Duration(s.StartTime) * tick),
		command: "[" + s.Name + "]",
	}
	if age := now.Sub(p.started); age > 0 {
		p.percent = int(100 * p.cpu / age)
	}
	return p
}

// ttyName returns the name of the terminal with this device number. Unix98 ptys have
// the major numbers 136 to 143, virtual consoles 4.
func ttyName(device uint64) string {
	major, minor := unix.Major(device), unix.Minor(device)
	switch {
	case device == 0:
		return "?"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

func processTable(w io.Writer, processes []process, now time.Time) error {
	t := tabwriter.NewWriter(w, 8, 1, 2, ' ', 0)
	fmt.Fprint(t, "UID\tPID\tPPID\tC\tSTIME\tTTY\tTIME\tCMD\n")
	for i := range processes {
		p := &processes[i]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n",
			p.user, p.pid, p.ppid, p.percent, startText(p.started, now), p.tty, cpuText(p.cpu), printable(p.command, false))
	}
	return t.Flush()
}

// startText returns the time of a start within the last 24 hours, and the day of an
// earlier one.
func startText(started, now time.Time) string {
	if now.Sub(started) < 24*time.Hour {
		return started.Format("15:04")
	}
	return started.Format("Jan02")
}

func cpuText(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
