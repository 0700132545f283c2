package procfs

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestMemberships(t *testing.T) {
	l := ParseCgroups("9:name=systemd:/user.slice\n4:cpu,cpuacct:/a:b\nnonsense\n0::/unified\n")
	for controller, want := range map[string]string{
		"": "/unified", "cpuacct": "/a:b", "name=systemd": "/user.slice",
	} {
		if got, ok := l.Path(controller); got != want || !ok {
			t.Errorf("Path(%q) = %q, %v, want %q", controller, got, ok, want)
		}
	}
	if got, ok := l.Path("memory"); ok {
		t.Errorf("Path of no hierarchy = %q", got)
	}
}

func TestReadCgroups(t *testing.T) {
	own, err := OwnCgroups()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := ReadCgroups(os.Getpid()); err != nil || len(l) == 0 || len(l) != len(own) {
		t.Errorf("ReadCgroups of this process = %v, %v", l, err)
	}
	if _, err := ReadCgroups(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadCgroups of no process: %v", err)
	}
}
