package procfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"golang.org/x/sys/unix"
)

// WriteFile writes a file of /proc/PID, such as "uid_map", with one write(2). It
// verifies that the file is one of a procfs and that nothing is mounted over it
// (CVE-2019-16884, CVE-2019-19921).
func WriteFile(pid int, name string, content []byte) error {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return err
	}
	defer proc.Close()
	handle, err := proc.OpenPid(pid, name)
	if err != nil {
		return err
	}
	defer handle.Close()
	file, err := pathrs.Reopen(handle, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(content)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		// The file's name is that of a descriptor.
		return fmt.Errorf("write /proc/%d/%s: %w", pid, name, failed.Err)
	}
	return err
}

// OpenNamespace returns a descriptor of a namespace of the process pid; 0 is the calling
// thread. The name is that of a link in /proc/PID/ns, such as "net". The procfs is
// verified as by WriteFile. The caller closes the descriptor.
func OpenNamespace(pid int, name string) (int, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return -1, err
	}
	defer proc.Close()
	if pid == 0 {
		pid = unix.Gettid()
	}
	dir, err := proc.OpenPid(pid, "ns")
	if err != nil {
		return -1, err
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /proc/%d/ns/%s: %w", pid, name, err)
	}
	return fd, nil
}

// SelfLabel returns a file of /proc/self/attr, such as "current", without what ends it;
// "" if there is no such label. The procfs is verified as by WriteFile.
func SelfLabel(name string) string {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return ""
	}
	defer proc.Close()
	handle, err := proc.OpenSelf("attr/" + name)
	if err != nil {
		return ""
	}
	defer handle.Close()
	file, err := pathrs.Reopen(handle, unix.O_RDONLY)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 4096))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\n\x00")
}
