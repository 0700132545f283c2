//go:build faults && linux && amd64

package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An injection says which command the tracer runs and which of its system calls it breaks.
type injection struct {
	Argv  []string // the command
	Init  int      // a container's process that waits for the command; counts as child
	Role  role     // whose call is broken
	At    int      // the number of the call, from 1; with 0 the calls are only counted
	Kill  bool     // the process gets SIGKILL at the call
	Hold  []string // the process stands still at the call while this command runs
	Errno syscall.Errno
	File  string // where the report is written
}

// A role is one side of the runtime.
type role int

const (
	parent role = iota // the command itself, with all its threads
	child              // the processes that it starts, until they execute a program of the container
)

func (r role) String() string { return [...]string{"parent", "child"}[r] }

// A report is what the tracer saw.
type report struct {
	Calls  [2][]int // the numbers of the system calls by role, in their order
	Status int      // the exit status of the command; 128 and the signal if one ended it
	Hangs  bool     // the command that ran meanwhile was killed after the timeout
}

// ignored holds the system calls for which a fault shows nothing: those of the Go scheduler
// and of memory management, those that can't fail, and close, which closes the descriptor
// even if it fails.
var ignored = map[int]bool{}

func init() {
	for _, nr := range []int{
		unix.SYS_CLOSE, unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
		unix.SYS_SIGALTSTACK, unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MPROTECT, unix.SYS_GETTID, unix.SYS_GETPID,
		unix.SYS_TGKILL, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_ARCH_PRCTL, unix.SYS_SET_TID_ADDRESS,
		unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_PRLIMIT64, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_BRK, unix.SYS_GETUID,
		unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_UNAME, unix.SYS_RESTART_SYSCALL, unix.SYS_EPOLL_PWAIT,
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EVENTFD2, unix.SYS_SCHED_SETAFFINITY, unix.SYS_CLOCK_GETTIME,
	} {
		ignored[nr] = true
	}
}

const (
	traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACEEXEC
	syscallStop = syscall.SIGTRAP | 0x80 // with PTRACE_O_TRACESYSGOOD
)

// A task is a thread that is traced.
type task struct {
	role    role
	process int
	fresh   bool // it has yet to stop at its first instruction
	broken  bool // its system call is skipped, and returns the errno
}

// A tracer runs a command and all that it starts under ptrace(2), whose requests have to
// come from one thread.
type tracer struct {
	injection
	report
	command int // the process of the command; 0 after its end
	tasks   map[int]*task
	early   map[int]bool // tasks that stopped before the event that announces them

	// While a process stands still:
	still     int       // the process
	held      []int     // its tasks that are stopped
	meanwhile int       // the process of the command that runs meanwhile
	deadline  time.Time // when that command is killed
}

// trace runs the command of an injection and writes the report. It has a process of its own.
func trace(description string) error {
	runtime.LockOSThread()
	t := &tracer{tasks: map[int]*task{}, early: map[int]bool{}}
	if err := json.Unmarshal([]byte(description), &t.injection); err != nil {
		return err
	}
	if t.Init != 0 {
		if err := ptrace(unix.PTRACE_SEIZE, t.Init, traceOptions); err != nil {
			return fmt.Errorf("seize process %d: %w", t.Init, err)
		}
		t.tasks[t.Init] = &task{role: child, process: t.Init}
		if err := ptrace(unix.PTRACE_INTERRUPT, t.Init, 0); err != nil {
			return fmt.Errorf("interrupt process %d: %w", t.Init, err)
		}
	}
	var err error
	if t.command, err = start(t.Argv, true); err != nil {
		return err
	}
	t.tasks[t.command] = &task{role: parent, process: t.command}
	var status unix.WaitStatus
	if _, err := unix.Wait4(t.command, &status, unix.WALL, nil); err != nil {
		return err
	}
	if err := unix.PtraceSetOptions(t.command, traceOptions); err != nil {
		return err
	}
	t.resume(t.command, 0)
	if err := t.loop(); err != nil {
		return err
	}
	content, err := json.Marshal(t.report)
	if err != nil {
		return err
	}
	return os.WriteFile(t.File, content, 0o600)
}

func start(argv []string, traced bool) (int, error) {
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Ptrace: traced},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return pid, nil
}

// loop answers stops until the commands have ended. Tasks that are left run on untraced
// when the tracer exits.
func (t *tracer) loop() error {
	for t.command != 0 || t.meanwhile != 0 {
		flags := unix.WALL
		if t.meanwhile != 0 {
			flags |= unix.WNOHANG
		}
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, flags, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case pid == 0 && time.Now().After(t.deadline):
			t.Hangs = true
			t.deadline = t.deadline.Add(timeout)
			_ = unix.Kill(t.meanwhile, unix.SIGKILL)
		case pid == 0:
			time.Sleep(time.Millisecond)
		case pid == t.meanwhile:
			t.letGo()
		case status.Exited() || status.Signaled():
			t.ended(pid, status)
		default:
			if err := t.stopped(pid, status); err != nil {
				return err
			}
		}
	}
	return nil
}

// ended notes the end of a task.
func (t *tracer) ended(pid int, status unix.WaitStatus) {
	delete(t.tasks, pid)
	if pid != t.command {
		return
	}
	t.command = 0
	t.Status = status.ExitStatus()
	if status.Signaled() {
		t.Status = 128 + int(status.Signal())
	}
}

// stopped answers a stop of a task, and lets the task continue.
func (t *tracer) stopped(pid int, status unix.WaitStatus) error {
	known := t.tasks[pid]
	event := status.TrapCause()
	switch signal := status.StopSignal(); {
	case known == nil:
		// A new task stops before or after the event that announces it.
		t.early[pid] = true
		return nil
	case signal == syscallStop:
		return t.call(pid, known)
	case event == unix.PTRACE_EVENT_CLONE || event == unix.PTRACE_EVENT_FORK || event == unix.PTRACE_EVENT_VFORK:
		if err := t.announced(pid, known); err != nil {
			return err
		}
	case event == unix.PTRACE_EVENT_EXEC && known.role == child && !isChild(pid):
		// A program of the container, or a helper of the host.
		delete(t.tasks, pid)
		_ = unix.PtraceDetach(pid)
		return nil
	case signal == unix.SIGTRAP:
	case signal == unix.SIGSTOP && known.fresh:
		known.fresh = false
	default:
		t.resume(pid, signal)
		return nil
	}
	t.resume(pid, 0)
	return nil
}

// announced notes the new task that an event of a task tells of.
func (t *tracer) announced(pid int, creator *task) error {
	message, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return fmt.Errorf("event of process %d: %w", pid, err)
	}
	created := int(message)
	process := processOf(created)
	fresh := &task{role: child, process: process, fresh: true}
	if process == creator.process {
		fresh.role = creator.role
	}
	t.tasks[created] = fresh
	if t.early[created] {
		delete(t.early, created)
		fresh.fresh = false
		t.resume(created, 0)
	}
	return nil
}

// call counts a system call, and breaks the one that the injection names.
func (t *tracer) call(pid int, caller *task) error {
	var regs unix.PtraceRegs
	entry, err := atEntry(pid)
	if err == nil {
		err = unix.PtraceGetRegs(pid, &regs)
	}
	if err != nil {
		// It was killed.
		return nil
	}
	if !entry {
		if caller.broken {
			caller.broken = false
			regs.Rax = uint64(-int64(t.Errno))
			_ = unix.PtraceSetRegs(pid, &regs)
		}
		t.resume(pid, 0)
		return nil
	}
	number := int(regs.Orig_rax)
	if !ignored[number] {
		t.Calls[caller.role] = append(t.Calls[caller.role], number)
		if caller.role == t.Role && len(t.Calls[caller.role]) == t.At {
			return t.inject(pid, caller, &regs)
		}
	}
	t.resume(pid, 0)
	return nil
}

func (t *tracer) inject(pid int, caller *task, regs *unix.PtraceRegs) error {
	switch {
	case t.Kill:
		_ = unix.Kill(caller.process, unix.SIGKILL)
	case t.Hold != nil:
		t.still = caller.process
		var err error
		if t.meanwhile, err = start(t.Hold, false); err != nil {
			return err
		}
		t.deadline = time.Now().Add(timeout)
	case t.Errno != unix.EINTR && regs.Orig_rax == unix.SYS_READ && isPipe(pid, regs.Rdi):
		// Such a read doesn't fail otherwise, and if it did, Go's fork would wait for ever for
		// the end of a process that waits for its parent.
	default:
		regs.Orig_rax = ^uint64(0)
		_ = unix.PtraceSetRegs(pid, regs)
		caller.broken = true
	}
	t.resume(pid, 0)
	return nil
}

// resume lets a stopped task continue to its next system call, unless its process stands
// still.
func (t *tracer) resume(pid int, signal syscall.Signal) {
	if known := t.tasks[pid]; known != nil && known.process == t.still {
		t.held = append(t.held, pid)
		return
	}
	// It fails if the task was killed, whose end is reported then.
	_ = unix.PtraceSyscall(pid, int(signal))
}

// letGo lets the process that stands still continue.
func (t *tracer) letGo() {
	t.still, t.meanwhile = 0, 0
	for _, pid := range t.held {
		t.resume(pid, 0)
	}
	t.held = nil
}

// atEntry reports whether a task that stopped at a system call is at its entry.
func atEntry(pid int) (bool, error) {
	var info [96]byte // struct ptrace_syscall_info, which begins with the kind of stop
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(pid), uintptr(len(info)),
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return false, errno
	}
	return info[0] == unix.PTRACE_SYSCALL_INFO_ENTRY, nil
}

func isPipe(pid int, fd uint64) bool {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
	return strings.HasPrefix(target, "pipe:")
}

func ptrace(request, pid, data int) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, uintptr(data), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// processOf returns the process that a task belongs to.
func processOf(task int) int {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", task))
	_, rest, _ := strings.Cut(string(content), "\nTgid:")
	line, _, _ := strings.Cut(rest, "\n")
	process, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return task
	}
	return process
}

// isChild reports whether a process runs the program that sets up containers.
func isChild(pid int) bool {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.HasPrefix(string(line), "runnel-child")
}
