package memfd

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSealed(t *testing.T) {
	for name, create := range map[string]func(name, content string) (int, error){"Sealed": Sealed, "SealedExecutable": SealedExecutable} {
		for _, content := range []string{"", "content", strings.Repeat("long ", 1<<19)} {
			fd, err := create("test", content)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer unix.Close(fd)
			got := make([]byte, len(content)+1)
			if n, err := unix.Read(fd, got); err != nil || string(got[:n]) != content {
				t.Errorf("%s: read %d bytes, %v, want the %d that were written", name, n, err, len(content))
			}
			if _, err := unix.Pwrite(fd, []byte("x"), 0); !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: write to a sealed file = %v, want EPERM", name, err)
			}
			if err := unix.Ftruncate(fd, int64(len(content))+1); !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: grow a sealed file = %v, want EPERM", name, err)
			}
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: flags %#x, %v, want close-on-exec", name, flags, err)
			}
		}
	}
}

func TestCreateWriteSeal(t *testing.T) {
	fd, err := Create("test")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, content := range []string{"first", "longer"} {
		if err := Write(fd, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := Seal(fd); err != nil {
		t.Fatal(err)
	}
	if err := Write(fd, "x"); !errors.Is(err, unix.EPERM) {
		t.Errorf("Write to a sealed file = %v, want EPERM", err)
	}
	got := make([]byte, 16)
	if n, err := unix.Read(fd, got); err != nil || string(got[:n]) != "longer" {
		t.Errorf("read %q, %v", got[:n], err)
	}
}

func TestExecute(t *testing.T) {
	content, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := SealedExecutable("test", string(content))
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "test")
	defer file.Close()
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^TestSealed$")
	cmd.ExtraFiles = []*os.File{file}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("execute: %v\n%s", err, out)
	}
}
