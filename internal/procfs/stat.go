// Package procfs reads the information about processes in /proc, proc(5). It must be
// used with the host's procfs, never with a container's.
package procfs

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Stat is a part of /proc/PID/stat, proc_pid_stat(5). Times are in clock ticks,
// of which a second has 100 on all architectures that Go supports.
type Stat struct {
	// Name is the command name. The process can set it to any bytes except NUL.
	Name string
	// State is the process's state: 'R', 'S', 'D', 'Z' and others.
	State  byte
	Parent int
	// IsExiting reports that the process is being taken down by the kernel, or has been.
	IsExiting bool
	// IsFork reports that the process has executed no program since it was forked.
	IsFork bool
	// Terminal is the device number of the controlling terminal; 0 for none.
	Terminal uint64
	// CPUTime is the time spent in user mode and in kernel mode.
	CPUTime uint64
	// StartTime is the time between boot and the start of the process. Together with
	// the pid it identifies a process, unless the pid is reused within a tick.
	StartTime uint64
	// ExitStatus is the status of wait(2) of a process that has ended and wasn't reaped. It
	// is 0 for a caller that may not read it, ptrace(2), and on other processes.
	ExitStatus unix.WaitStatus
}

// PF_EXITING and PF_FORKNOEXEC of the kernel's include/linux/sched.h.
const (
	flagExiting = 0x4
	flagFork    = 0x40
)

// IsDead reports whether the process has ended, whether or not it has been reaped.
func (s Stat) IsDead() bool { return s.State == 'Z' || s.State == 'X' || s.State == 'x' }

// ReadStat reads /proc/PID/stat. The error matches fs.ErrNotExist if there is no such
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

// parseStat parses the fields after the last parenthesis, because the name before it
// may contain any character.
func parseStat(line []byte) (Stat, error) {
	begin, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return Stat{}, errors.New("no process name in it")
	}
	fields := bytes.Fields(line[end+1:])
	if len(fields) < 22-2 {
		return Stat{}, errors.New("too few fields")
	}
	var err error
	// number returns a field by its number in the manual page, where the name is
	// the second.
	number := func(n int) uint64 {
		v, err2 := strconv.ParseInt(string(fields[n-3]), 10, 64)
		if err == nil {
			err = err2
		}
		return uint64(v)
	}
	s := Stat{
		Name: string(line[begin+1 : end]), State: fields[0][0], Parent: int(number(4)),
		Terminal: uint64(uint32(number(7))), IsExiting: number(9)&flagExiting != 0, IsFork: number(9)&flagFork != 0,
		CPUTime: number(14) + number(15), StartTime: number(22),
	}
	if len(fields) > 52-3 {
		s.ExitStatus = unix.WaitStatus(number(52))
	}
	if err != nil {
		return Stat{}, err
	}
	return s, nil
}

// ExitStatus returns the status of wait(2) of a process that has ended and wasn't reaped
// yet. It is false for any other process, and if the caller may not read the status.
func ExitStatus(pid int, startTime uint64) (unix.WaitStatus, bool) {
	s, err := ReadStat(pid)
	if err != nil || s.State != 'Z' || s.StartTime != startTime {
		return 0, false
	}
	if s.ExitStatus == 0 {
		// This link needs the same permission. It is the only one that a process has
		// after its end.
		var buf [64]byte
		if _, err := unix.Readlink("/proc/"+strconv.Itoa(pid)+"/ns/user", buf[:]); err != nil {
			return 0, false
		}
	}
	return s.ExitStatus, true
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

// SelfStatus returns a field of /proc/self/status, such as "CapEff"; "" if it doesn't
// exist.
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

// IsKilled reports whether the kernel is about to end the process pid, which can't do
// anything about it any more: it is exiting, or SIGKILL is pending. A fatal signal of
// another kind makes SIGKILL pending, too. It is false for a process that has ended.
func IsKilled(pid int) bool {
	s, err := ReadStat(pid)
	if err != nil || s.IsDead() {
		return false
	}
	if s.IsExiting {
		return true
	}
	for _, field := range []string{"SigPnd", "ShdPnd"} {
		pending, err := strconv.ParseUint(Status(pid, field), 16, 64)
		if err == nil && pending&(1<<(unix.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}
