package state

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
)

func TestOpenProcessDetectsPidReuse(t *testing.T) {
	self, err := procfs.ReadStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	inode, err := pidfd.Inode(fd)
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
	s := State{Pid: os.Getpid(), StartTime: self.StartTime, PidfdInode: inode}
	if fd, err = s.OpenProcess(); err != nil {
		t.Fatalf("openProcess of ourselves: %v", err)
	}
	unix.Close(fd)
	for _, other := range []State{
		{Pid: s.Pid, StartTime: s.StartTime + 1, PidfdInode: inode},
		{Pid: s.Pid, StartTime: s.StartTime, PidfdInode: inode + 1},
	} {
		if _, err := other.OpenProcess(); err != fault.ErrNotRunning {
			t.Errorf("openProcess of %+v = %v, want ErrNotRunning", other, err)
		}
	}
}
