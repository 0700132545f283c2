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
	if s.Pid <= 0 {
		return -1, fault.ErrNotRunning
	}
	fd, err := unix.PidfdOpen(s.Pid, 0)
	if err == unix.ESRCH {
		return -1, fault.ErrNotRunning
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd of pid %d: %w", s.Pid, err)
	}
	stat, err := procfs.ReadStat(s.Pid)
	if err != nil || stat.IsDead() || stat.StartTime != s.StartTime {
		unix.Close(fd)
		return -1, fault.ErrNotRunning
	}
	inode, err := pidfd.Inode(fd)
	if err == nil && inode != s.PidfdInode {
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
