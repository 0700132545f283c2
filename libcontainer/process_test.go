package libcontainer

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
)

func TestOpenProcessKnowsAPidThatWasUsedAgain(t *testing.T) {
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
	if fd, err = s.openProcess(); err != nil {
		t.Fatalf("openProcess of ourselves: %v", err)
	}
	unix.Close(fd)
	for _, other := range []State{
		{Pid: s.Pid, StartTime: s.StartTime + 1, PidfdInode: inode},
		{Pid: s.Pid, StartTime: s.StartTime, PidfdInode: inode + 1},
	} {
		if _, err := other.openProcess(); err != ErrNotRunning {
			t.Errorf("openProcess of %+v = %v, want ErrNotRunning", other, err)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "A-b_c+d.9": true, "..a": true, "": false, ".": false, "..": false,
		"a/b": false, "a b": false, "é": false, "a\x00": false,
	} {
		if got := validID(id); got != want {
			t.Errorf("validID(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestOverride(t *testing.T) {
	base := &specs.Process{
		Terminal: true, Cwd: "/w", Env: []string{"A=1"}, Args: []string{"base"},
		User: specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7}},
		Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL"}, Effective: []string{"CAP_KILL"}, Permitted: []string{"CAP_KILL"},
			Inheritable: []string{"CAP_CHOWN"},
		},
	}
	yes := true
	got, err := (&ProcessOverride{
		Args: []string{"ls"}, Env: []string{"B=2"}, User: &specs.User{UID: 1, GID: 2},
		AdditionalGids: []uint32{8}, NoNewPrivileges: &yes, Caps: []string{"CAP_CHOWN", "CAP_SYSLOG"},
	}).apply(base)
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Process{
		Cwd: "/w", Env: []string{"A=1", "B=2"}, Args: []string{"ls"}, NoNewPrivileges: true,
		User: specs.User{UID: 1, GID: 2, AdditionalGids: []uint32{7, 8}},
		Capabilities: &specs.LinuxCapabilities{
			Bounding:    []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Effective:   []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Permitted:   []string{"CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"},
			Inheritable: []string{"CAP_CHOWN"},
			Ambient:     []string{"CAP_CHOWN"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("apply (-want +got):\n%s", diff)
	}
	if len(base.Capabilities.Bounding) != 1 || len(base.Env) != 1 {
		t.Error("apply has changed the config's process")
	}
	if _, err := (&ProcessOverride{}).apply(base); err == nil {
		t.Error("apply without arguments: no error")
	}
}
