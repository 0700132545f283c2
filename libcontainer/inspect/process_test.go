package inspect

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/specconv/words"
)

func openSelf(t *testing.T) *procfs.Task {
	t.Helper()
	root, err := procfs.OpenRoot()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	self, err := root.Task(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(self.Close)
	return self
}

func TestProcessOfThisProcess(t *testing.T) {
	self := openSelf(t)
	view, err := NewView(self)
	if err != nil {
		t.Fatal(err)
	}
	p, err := view.Process(self)
	if err != nil {
		t.Fatal(err)
	}
	if p.HostPid != os.Getpid() || p.Pid == 0 || int(p.UID) != os.Geteuid() || int(p.GID) != os.Getegid() || len(p.Command) == 0 {
		t.Errorf("Process() = %+v", p)
	}
}

func TestRlimitsOfThisProcess(t *testing.T) {
	list, err := Rlimits(openSelf(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(words.RlimitNames()) {
		t.Errorf("Rlimits() has %d resources, want %d", len(list), len(words.RlimitNames()))
	}
	for _, got := range list {
		resource, ok := words.Rlimit(got.Type)
		if !ok {
			t.Errorf("Rlimits() has %q", got.Type)
		}
		var want unix.Rlimit
		if err := unix.Getrlimit(resource, &want); err != nil {
			t.Fatal(err)
		}
		if got.Soft != want.Cur || got.Hard != want.Max {
			t.Errorf("%s: %+v, want %+v", got.Type, got, want)
		}
	}
}

func TestNamespacesOfThisProcess(t *testing.T) {
	list, err := Namespaces(openSelf(t))
	if err != nil || len(list) == 0 {
		t.Fatalf("Namespaces() = %v, %v", list, err)
	}
	for _, n := range list {
		if !n.Runtime {
			t.Errorf("%+v isn't that of this process", n)
		}
	}
}

func TestCapabilityNames(t *testing.T) {
	want := []string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_41"}
	if diff := cmp.Diff(want, capabilityNames("0000030000000001")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIDsInAUserNamespace(t *testing.T) {
	maps := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	v := &View{}
	for host, want := range map[uint32]uint32{1000: 0, 100000: 1, 165535: 65536, 165536: overflow, 0: overflow} {
		if got := v.id(maps, host); got != want {
			t.Errorf("id(%d) = %d, want %d", host, got, want)
		}
	}
	if got := (&View{isOwnUsers: true}).id(nil, 7); got != 7 {
		t.Errorf("id(7) in the own user namespace = %d", got)
	}
}

func TestIsGone(t *testing.T) {
	if !IsGone(unix.ESRCH) || !IsGone(os.ErrNotExist) || IsGone(unix.EACCES) || IsGone(errors.New("x")) {
		t.Error("IsGone")
	}
}
