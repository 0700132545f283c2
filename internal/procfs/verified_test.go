package procfs

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenNamespace(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, pid := range []int{0, os.Getpid()} {
		fd, err := OpenNamespace(pid, "mnt")
		if err != nil {
			t.Fatal(err)
		}
		var got, want unix.Stat_t
		if err := unix.Fstat(fd, &got); err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if err := unix.Stat("/proc/thread-self/ns/mnt", &want); err != nil {
			t.Fatal(err)
		}
		if got.Ino != want.Ino {
			t.Errorf("OpenNamespace(%d, mnt) is namespace %d, want %d", pid, got.Ino, want.Ino)
		}
	}
	if _, err := OpenNamespace(os.Getpid(), "nosuch"); err == nil {
		t.Error("OpenNamespace of a link that isn't there succeeds")
	}
}

func TestWriteFile(t *testing.T) {
	before, err := os.ReadFile("/proc/self/coredump_filter")
	if err != nil {
		t.Skip("this kernel has no coredump_filter")
	}
	if err := WriteFile(os.Getpid(), "coredump_filter", []byte("0x"+string(before))); err != nil {
		t.Errorf("WriteFile: %v", err)
	}
	if err := WriteFile(os.Getpid(), "nosuch", nil); err == nil {
		t.Error("WriteFile of a file that isn't there succeeds")
	}
}
