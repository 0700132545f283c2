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

// userHz is the unit of times in /proc/PID/stat: 100 on all architectures that Go
// supports.
const userHz = 100

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
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return process{}, err
	}
	arguments, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(string(stat), now, boot)
	if err != nil {
		return process{}, fmt.Errorf("%s/stat: %w", dir, err)
	}
	p.user = strings.TrimPrefix(names.owner(int(st.Uid)), "#")
	if line := strings.TrimRight(strings.ReplaceAll(string(arguments), "\x00", " "), " "); line != "" {
		p.command = line
	}
	return p, nil
}

// parseStat parses /proc/PID/stat, see proc_pid_stat(5). The name of the command may
// contain any characters, including spaces and parentheses. It is the command until
// lookUp finds a command line.
func parseStat(stat string, now, boot time.Time) (process, error) {
	begin, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return process{}, errors.New("no process name")
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 22-2 {
		return process{}, errors.New("too few fields")
	}
	// The manual page counts fields from 1; the name is the second.
	field := func(n int) int64 {
		v, _ := strconv.ParseInt(fields[n-3], 10, 64) // the kernel writes numbers
		return v
	}
	const tick = time.Second / userHz
	pid, err := strconv.Atoi(strings.TrimSpace(stat[:begin]))
	if err != nil {
		return process{}, err
	}
	p := process{
		pid: pid, ppid: int(field(4)), tty: ttyName(uint64(uint32(field(7)))),
		cpu:     time.Duration(field(14)+field(15)) * tick,
		started: boot.Add(time.Duration(field(22)) * tick),
		command: "[" + stat[begin+1:end] + "]",
	}
	if age := now.Sub(p.started); age > 0 {
		p.percent = int(100 * p.cpu / age)
	}
	return p, nil
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
