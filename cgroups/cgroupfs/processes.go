package cgroupfs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
)

// Join moves a process with all its threads into the cgroup.
func (d *Dir) Join(pid int) error {
	if err := d.write("cgroup.procs", strconv.Itoa(pid)); err != nil {
		return fmt.Errorf("move process %d into cgroup %s: %w", pid, d.path, Denied(err))
	}
	return nil
}

// Procs opens the file "cgroup.procs" for writing. The caller closes the descriptor.
func (d *Dir) Procs() (int, error) {
	fd, err := d.Open("cgroup.procs", unix.O_WRONLY)
	if err != nil {
		return -1, fmt.Errorf("open %s/cgroup.procs: %w", d.path, Denied(err))
	}
	return fd, nil
}

// OwnPids returns the processes of the cgroup itself, not of those below it,
// sorted. Processes outside of the caller's pid namespace are left out, because
// the kernel lists them as 0. A cgroup that no longer exists has none.
func (d *Dir) OwnPids() ([]int, error) {
	text, err := d.ReadFile("cgroup.procs")
	if err == nil || IsGone(err) {
		return parsePids(text), nil
	}
	// A threaded cgroup doesn't list processes, only threads.
	if text, err2 := d.ReadFile("cgroup.threads"); err2 == nil {
		return processesOf(parsePids(text)), nil
	}
	return nil, err
}

func parsePids(text string) []int {
	var pids []int
	for line := range strings.Lines(text) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// processesOf returns the processes of threads, sorted.
func processesOf(tids []int) []int {
	pids := make([]int, 0, len(tids))
	for _, tid := range tids {
		if pid, err := strconv.Atoi(procfs.Status(tid, "Tgid")); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// Pids returns the processes of the cgroup and of those below it, sorted.
func (d *Dir) Pids() ([]int, error) {
	var pids []int
	err := d.Each(func(one *Dir) error {
		own, err := one.OwnPids()
		pids = append(pids, own...)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// Signal sends sig to every process of the cgroup and below, and returns their
// number. If the caller hasn't frozen the cgroup, frozen is false: then each
// process is pinned by a pidfd and listed a second time before it is signalled,
// so that a pid which was reused in between is never signalled.
func (d *Dir) Signal(sig unix.Signal, frozen bool) (int, error) {
	pids, err := d.Pids()
	if err != nil || len(pids) == 0 {
		return 0, err
	}
	if frozen {
		for _, pid := range pids {
			if err := unix.Kill(pid, sig); err != nil && err != unix.ESRCH {
				return 0, fmt.Errorf("send signal %d to process %d: %w", int(sig), pid, err)
			}
		}
		return len(pids), nil
	}
	sent := 0
	for batch := range slices.Chunk(pids, pinnedAtOnce()) {
		n, err := d.signalPinned(batch, sig)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// pinnedAtOnce returns how many pidfds this process can open, with some to spare.
func pinnedAtOnce() int {
	var limit unix.Rlimit
	// It can't fail.
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return int(max(1, min(limit.Cur/2, 1024)))
}

// signalPinned signals those of the processes that are still in the cgroup, or below it,
// once they can't be replaced any more.
func (d *Dir) signalPinned(pids []int, sig unix.Signal) (int, error) {
	pidfds := make(map[int]int, len(pids))
	defer func() {
		for _, fd := range pidfds {
			unix.Close(fd)
		}
	}()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ESRCH || err == unix.EINVAL {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("open a pidfd of process %d: %w", pid, err)
		}
		pidfds[pid] = fd
	}
	again, err := d.Pids()
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, pid := range again {
		fd, ok := pidfds[pid]
		if !ok {
			continue
		}
		err := unix.PidfdSendSignal(fd, sig, nil, 0)
		if err != nil && err != unix.ESRCH {
			return sent, fmt.Errorf("send signal %d to process %d: %w", int(sig), pid, err)
		}
		sent++
	}
	return sent, nil
}

// Describe formats at most five processes for an error text: "12 (sleep), 13
// (sh)".
func Describe(pids []int) string {
	const most = 5
	var b strings.Builder
	for i, pid := range pids {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(pids)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", pid)
		if name := procfs.ReadText("/proc/" + strconv.Itoa(pid) + "/comm"); name != "" {
			fmt.Fprintf(&b, " (%s)", name)
		}
	}
	return b.String()
}
