// Package procfs reads what /proc says of processes, proc(5). It reads the host's
// procfs, never a container's.
package procfs

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stat is a part of /proc/PID/stat, proc_pid_stat(5).
type Stat struct {
	// State is the process's state: 'R', 'S', 'D', 'Z' and others.
	State byte
	// StartTime is in clock ticks after boot. Together with the pid it identifies a
	// process, unless the pid is used again within a tick.
	StartTime uint64
}

// IsDead reports whether the process has ended, whether or not its parent has
// waited for it.
func (s Stat) IsDead() bool { return s.State == 'Z' || s.State == 'X' || s.State == 'x' }

// ReadStat reads /proc/PID/stat. The error is fs.ErrNotExist if there is no such
// process.
func ReadStat(pid int) (Stat, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Stat{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return Stat{}, err
	}
	return parseStat(buf[:n])
}

// parseStat looks behind the last parenthesis, because the name before it may
// contain anything.
func parseStat(line []byte) (Stat, error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return Stat{}, errors.New("no process name in it")
	}
	fields := bytes.Fields(line[end+1:])
	const state, startTime = 0, 19 // fields 3 and 22, counted from behind the name
	if len(fields) <= startTime {
		return Stat{}, errors.New("too few fields")
	}
	start, err := strconv.ParseUint(string(fields[startTime]), 10, 64)
	if err != nil {
		return Stat{}, err
	}
	return Stat{State: fields[state][0], StartTime: start}, nil
}

// ReadText returns the content of a small file of /proc, /sys or /etc without
// surrounding white space; "" if it can't be read.
func ReadText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// SelfStatus returns a field of /proc/self/status, such as "CapEff"; "" if it isn't
// there.
func SelfStatus(name string) string { return status("self", name) }

// Status returns a field of /proc/PID/status; "" if there is no such process or
// field.
func Status(pid int, name string) string { return status(strconv.Itoa(pid), name) }

func status(process, name string) string {
	for line := range strings.Lines(ReadText("/proc/" + process + "/status")) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
