package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// processStat is what /proc/PID/stat tells, proc(5).
type processStat struct {
	state     byte
	startTime uint64 // in clock ticks since boot
}

func readProcess(pid int) (processStat, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return processStat{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return processStat{}, err
	}
	return parseStat(buf[:n])
}

// parseStat looks behind the last parenthesis: the name may hold anything.
func parseStat(line []byte) (processStat, error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return processStat{}, errors.New("no process name in it")
	}
	fields := bytes.Fields(line[end+1:])
	const state, startTime = 0, 19 // fields 3 and 22, counted from behind the name
	if len(fields) <= startTime {
		return processStat{}, errors.New("too few fields")
	}
	start, err := strconv.ParseUint(string(fields[startTime]), 10, 64)
	if err != nil {
		return processStat{}, err
	}
	return processStat{state: fields[state][0], startTime: start}, nil
}

func (p processStat) isDead() bool { return p.state == 'Z' || p.state == 'X' || p.state == 'x' }

// openProcess gives a pidfd of the process that s names; ErrNotRunning if it
// has ended. The start time is compared after the pidfd is open: only then the
// pid can't be given to another process in between.
func (s *State) openProcess() (int, error) {
	if s.Pid <= 0 {
		return -1, ErrNotRunning
	}
	fd, err := unix.PidfdOpen(s.Pid, 0)
	if err == unix.ESRCH {
		return -1, ErrNotRunning
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd of pid %d: %w", s.Pid, err)
	}
	stat, err := readProcess(s.Pid)
	if err != nil || stat.isDead() || stat.startTime != s.StartTime {
		unix.Close(fd)
		return -1, ErrNotRunning
	}
	inode, err := pidfdInode(fd)
	if err == nil && inode != s.PidfdInode {
		err = ErrNotRunning
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func pidfdInode(fd int) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("stat a pidfd: %w", err)
	}
	return st.Ino, nil
}

// waitProcess waits until the process behind a pidfd has ended, at most timeout
// milliseconds (-1: for ever), and tells whether it has.
func waitProcess(pidfd, timeout int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return n > 0
		}
	}
}
