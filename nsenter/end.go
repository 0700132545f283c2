package nsenter

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
)

// EndChildren kills every child that was started with this mark and hasn't executed its
// program yet, and waits until they have ended, at most until the timeout. It reports
// whether they have. It is for the children of a process that has ended, or is stopped,
// before it could tell anybody their pids.
//
// The mark isn't a secret: a process of a container may give itself the command line of a
// child, and is then killed.
func EndChildren(mark string, timeout time.Duration) bool {
	end := time.Now().Add(timeout)
	for {
		// A child may fork after it was seen, and before it is killed.
		pids, err := Children(mark)
		if err != nil || len(pids) == 0 {
			return err == nil
		}
		for _, pid := range pids {
			endChild(pid, mark, end)
		}
		if !time.Now().Before(end) {
			return false
		}
	}
}

// Children returns the pids of the children that EndChildren would kill.
func Children(mark string) ([]int, error) {
	return procfs.Find(func(args []string) bool { return isChild(args, mark) })
}

func isChild(args []string, mark string) bool {
	return mark != "" && len(args) == 3 && args[0] == childArg && args[2] == mark
}

// endChild kills the process pid, and waits for its end. The command line is compared
// after the pidfd has been opened, because the pid may have been reused until then.
func endChild(pid int, mark string, end time.Time) {
	fd, err := pidfd.Open(pid)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if !isChild(procfs.CommandLine(pid), mark) {
		return
	}
	pidfd.Kill(fd)
	pidfd.Wait(fd, max(1, int(time.Until(end).Milliseconds())))
}
