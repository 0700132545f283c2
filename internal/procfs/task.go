package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Root is the root of a procfs that was verified as by WriteFile. Its user closes it.
type Root struct{ handle *procfs.Handle }

// OpenRoot opens the host's procfs.
func OpenRoot() (*Root, error) {
	handle, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, fmt.Errorf("open procfs: %w", err)
	}
	return &Root{handle}, nil
}

// Close closes the root. Tasks that were opened from it remain open.
func (r *Root) Close() { _ = r.handle.Close() }

// Task is the directory of a process in a verified procfs, /proc/PID. It belongs to that
// process alone: once the process has ended and was reaped, everything that is read fails
// with ESRCH, also if another process has the pid by then. Its user closes it.
type Task struct {
	// Pid is the pid of the process in the pid namespace of the calling process.
	Pid int
	dir *os.File
}

// Task opens the directory of a process. The error matches fs.ErrNotExist if there is none.
func (r *Root) Task(pid int) (*Task, error) {
	dir, err := r.handle.OpenPid(pid, ".")
	if err != nil {
		return nil, fmt.Errorf("open /proc/%d: %w", pid, err)
	}
	return &Task{pid, dir}, nil
}

// Close closes the directory.
func (t *Task) Close() { _ = t.dir.Close() }

// open opens a file of the process without following any link, and not one that is mounted
// over it.
func (t *Task) open(name string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(int(t.dir.Fd()), name, &how)
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil {
			return -1, fmt.Errorf("open /proc/%d/%s: %w", t.Pid, name, err)
		}
		return fd, nil
	}
}

// Read returns the content of a file, such as "status". Of a longer file it returns the
// first limit bytes.
func (t *Task) Read(name string, limit int) ([]byte, error) {
	fd, err := t.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var content []byte
	for len(content) < limit {
		if len(content) == cap(content) {
			content = append(content, make([]byte, max(4096, len(content)))...)[:len(content)]
		}
		n, err := unix.Read(fd, content[len(content):min(cap(content), limit)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read /proc/%d/%s: %w", t.Pid, name, err)
		}
		if n == 0 {
			break
		}
		content = content[:len(content)+n]
	}
	return content, nil
}

// The number of bytes that is read of files whose length a process determines.
const (
	longestLine   = 4096
	longestStatus = 64 << 10
	longestMounts = 16 << 20
)

// Text returns a small file without what ends it.
func (t *Task) Text(name string) (string, error) {
	content, err := t.Read(name, longestLine)
	return strings.TrimRight(string(content), "\n\x00"), err
}

// Status returns the fields of /proc/PID/status, such as "CapEff".
func (t *Task) Status() (map[string]string, error) {
	content, err := t.Read("status", longestStatus)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, 64)
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields, nil
}

// CommandLine returns the words of the command line, see the function of that name.
func (t *Task) CommandLine() ([]string, error) {
	content, err := t.Read("cmdline", longestLine)
	if err != nil || len(content) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00"), nil
}

// Namespace returns the inode number of a namespace of the process. The name is that of a
// link in /proc/PID/ns, such as "net".
func (t *Task) Namespace(name string) (uint64, error) {
	fd, err := t.open("ns/"+name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var buf [64]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	if err != nil {
		return 0, fmt.Errorf("readlink /proc/%d/ns/%s: %w", t.Pid, name, err)
	}
	_, number, _ := strings.Cut(string(buf[:n]), ":[")
	return strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
}

// Mounts returns the mounts of the process's mount namespace below its root directory, and
// whether there are too many to read all.
func (t *Task) Mounts() (mounts []*mountinfo.Info, truncated bool, err error) {
	content, err := t.Read("mountinfo", longestMounts)
	if err != nil {
		return nil, false, err
	}
	if truncated = len(content) == longestMounts; truncated {
		content = content[:bytes.LastIndexByte(content, '\n')+1]
	}
	mounts, err = mountinfo.GetMountsFromReader(bytes.NewReader(content), nil)
	return mounts, truncated, err
}

// Cgroups returns the cgroups of the process.
func (t *Task) Cgroups() (Memberships, error) {
	content, err := t.Read("cgroup", longestStatus)
	return ParseCgroups(string(content)), err
}

// TaskStat is what Stat leaves out of /proc/PID/stat.
type TaskStat struct {
	Stat
	// Nice is the nice value, -20 to 19.
	Nice    int
	Threads int
	// RSS is the resident set, in pages.
	RSS uint64
	// RealtimePriority is that of the policies SCHED_FIFO and SCHED_RR; otherwise 0.
	RealtimePriority uint32
	// Policy is the scheduling policy, SCHED_*.
	Policy uint32
}

// Stat returns the statistics of the process.
func (t *Task) Stat() (TaskStat, error) {
	line, err := t.Read("stat", longestLine)
	if err != nil {
		return TaskStat{}, err
	}
	return parseTaskStat(line)
}

func parseTaskStat(line []byte) (TaskStat, error) {
	stat, err := parseStat(line)
	if err != nil {
		return TaskStat{}, err
	}
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	s := TaskStat{Stat: stat}
	for _, f := range [...]struct {
		number int // in the manual page
		set    func(int64)
	}{
		{19, func(n int64) { s.Nice = int(n) }},
		{20, func(n int64) { s.Threads = int(n) }},
		{24, func(n int64) { s.RSS = uint64(n) }},
		{40, func(n int64) { s.RealtimePriority = uint32(n) }},
		{41, func(n int64) { s.Policy = uint32(n) }},
	} {
		if f.number-3 >= len(fields) {
			return TaskStat{}, errors.New("too few fields")
		}
		n, err := strconv.ParseInt(string(fields[f.number-3]), 10, 64)
		if err != nil {
			return TaskStat{}, err
		}
		f.set(n)
	}
	return s, nil
}
