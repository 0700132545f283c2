package procfs

import (
	"bytes"
	"fmt"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/rawio"
)

// Mounts returns the mounts of this process's mount namespace that a filter selects,
// proc_pid_mountinfo(5).
//
// It is mountinfo.GetMounts for a process whose threads all have the same mount
// namespace. That function locks its goroutine to a thread, for which the Go runtime
// creates one more.
func Mounts(filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	return readMounts("/proc/self/mountinfo", filter)
}

// MountsOf returns the mounts of the mount namespace of a process. More of them than a Task
// reads are an error: the process may have made them.
func MountsOf(pid int) ([]*mountinfo.Info, error) {
	root, err := OpenRoot()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	task, err := root.Task(pid)
	if err != nil {
		return nil, err
	}
	defer task.Close()
	mounts, truncated, err := task.Mounts()
	if err == nil && truncated {
		err = fmt.Errorf("/proc/%d/mountinfo is longer than %d MiB", pid, longestMounts>>20)
	}
	return mounts, err
}

func readMounts(path string, filter mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	content, err := rawio.ReadAll(fd)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return mountinfo.GetMountsFromReader(bytes.NewReader(content), filter)
}
