package procfs

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
)

// CommandLine returns the words of a process's command line, proc_pid_cmdline(5), of
// which it reads the first 4 KiB. The process can set it to anything. There are none for
// a process that has ended.
func CommandLine(pid int) []string {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/cmdline", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var buf [4096]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil || n == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
}

// Find returns the pids of the processes whose command lines match.
func Find(match func(args []string) bool) ([]int, error) {
	names, err := rawio.Names("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && match(CommandLine(pid)) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
