package state

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
)

// OpenProcess returns a pidfd of the container's init, which the caller closes. The
// error is fault.ErrNotRunning if init has ended. The start time is compared after the
// pidfd has been opened: only in this order is it certain that the pid wasn't reused in
// between.
func (s *State) OpenProcess() (int, error) {
	return openProcess(s.Pid, s.StartTime, s.PidfdInode)
}

func openProcess(pid int, startTime, pidfdInode uint64) (int, error) {
	if pid <= 0 {
		return -1, fault.ErrNotRunning
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return -1, fault.ErrNotRunning
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd of pid %d: %w", pid, err)
	}
	stat, err := procfs.ReadStat(pid)
	if err != nil || stat.IsDead() || stat.StartTime != startTime {
		unix.Close(fd)
		return -1, fault.ErrNotRunning
	}
	inode, err := pidfd.Inode(fd)
	if err == nil && inode != pidfdInode {
		err = fault.ErrNotRunning
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Mark identifies the child of the container's create among all processes, until the pid
// of the container's init is saved. It is "" before the state is saved: there is no child
// then.
func (s *State) Mark() string {
	if s.Created.IsZero() {
		return ""
	}
	return s.ID + "@" + strconv.FormatInt(s.Created.UnixNano(), 36)
}
