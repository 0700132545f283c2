package nsenter

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/memfd"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// ChildName is the command name of a child until it executes the program, proc_pid_comm(5).
const ChildName = "runnel-init"

// childArg is the first word of a child's command line.
const childArg = "runnel-child"

// Options are what a child gets from its parent besides the plan.
type Options struct {
	// Stdio are the standard streams.
	Stdio [3]int
	// Provided are the descriptors for the plan's files of that source, by name.
	Provided map[string]int
	// Inherited are the descriptors that the program inherits, from 3 on.
	Inherited []int
	// Cgroup, unless -1, is the directory of the cgroup v2 into which the child
	// is cloned.
	Cgroup int
	// Mark is a word of the child's command line by which EndChildren finds it; "" is
	// none.
	Mark string
	// Affinity is the mask of the CPUs on which the child is cloned, and which it
	// inherits (process.execCPUAffinity.initial), in the format of
	// sched_setaffinity(2); an empty mask leaves the affinity unchanged.
	Affinity []byte
}

var errNoImage = errors.New("no container can be created on " + runtime.GOARCH +
	": package nsenter has its child for amd64, arm64 and riscv64")

// Child is a process that carries out a plan.
type Child struct {
	Conversation
	// Pid is the process that was cloned, in our pid namespace. With a Fork in
	// the plan it exits, and messages come from another child of ours.
	Pid int
	// PidFD is a descriptor of that process, pidfd_open(2).
	PidFD int
	// mounts clones mount trees for it; nil until it has asked for one.
	mounts *mountThread
}

// Close ends the conversation. A child that waits for an answer exits.
func (c *Child) Close() {
	c.Conversation.Close()
	if c.mounts != nil {
		c.mounts.close()
		c.mounts = nil
	}
}

// Start clones a process that carries out p. It doesn't close the descriptors in o.
// The child is a direct child of the calling process, which has to wait for it.
func Start(p *plan.Plan, o Options) (*Child, error) {
	if executable == "" {
		return nil, errNoImage
	}
	files, err := openFiles(p, o.Provided)
	defer files.close()
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket to the child: %w", err)
	}
	defer unix.Close(pair[1])
	// The kernel adds the sender's credentials only to messages sent after this.
	if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		unix.Close(pair[0])
		return nil, fmt.Errorf("socket to the child: %w", err)
	}
	restore, err := setAffinity(o.Affinity)
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	c, err := start(p, o, files.fds, pair[1])
	restore()
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	c.fd = pair[0]
	return c, nil
}

// setAffinity moves this thread to the CPUs of a mask until restore is called.
func setAffinity(mask []byte) (restore func(), err error) {
	if len(mask) == 0 {
		return func() {}, nil
	}
	runtime.LockOSThread()
	var before, now unix.CPUSet
	err = unix.SchedGetaffinity(0, &before)
	for i, b := range mask {
		for bit := range 8 {
			if b&(1<<bit) != 0 {
				now.Set(8*i + bit)
			}
		}
	}
	if err == nil {
		err = unix.SchedSetaffinity(0, &now)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, place.Errorf(place.At("/process/execCPUAffinity/initial"), "run on these CPUs: %w", err)
	}
	return func() {
		_ = unix.SchedSetaffinity(0, &before)
		runtime.UnlockOSThread()
	}, nil
}

// start lays out the child's descriptors: the standard streams, those that the
// program inherits, the conversation, the plan's files, the plan.
func start(p *plan.Plan, o Options, files []int, socket int) (*Child, error) {
	fds := make([]uintptr, 0, 3+p.PreserveFDs+2+len(files))
	for _, fd := range o.Stdio {
		fds = append(fds, uintptr(fd))
	}
	if len(o.Inherited) != p.PreserveFDs {
		return nil, fmt.Errorf("plan: %d descriptors to inherit, and %d are there", p.PreserveFDs, len(o.Inherited))
	}
	for _, fd := range o.Inherited {
		fds = append(fds, uintptr(fd))
	}
	childSocket := len(fds)
	fds = append(fds, uintptr(socket))
	for _, fd := range files {
		fds = append(fds, uintptr(fd))
	}
	encoded, err := p.Encode(childSocket+1, childSocket)
	if err != nil {
		return nil, err
	}
	planFD, err := memfd.Sealed("plan", string(encoded))
	if err != nil {
		return nil, fmt.Errorf("plan of the child: %w", err)
	}
	defer unix.Close(planFD)
	fds = append(fds, uintptr(planFD))
	return execute(fds, p.CloneFlags, o)
}

// execute starts the executable; the last of fds is the plan. The executable is
// sealed, so that even a process that opens it through /proc/PID/exe can't change it.
// It is passed as a descriptor, too, because syscall.ForkExec renumbers descriptors
// between clone and execve and must not replace it.
func execute(fds []uintptr, cloneFlags uint64, o Options) (*Child, error) {
	image, err := memfd.SealedExecutable("runnel", executable)
	if err != nil {
		return nil, fmt.Errorf("executable of the child: %w", err)
	}
	defer unix.Close(image)
	planAt, imageAt := len(fds)-1, len(fds)
	fds = append(fds, uintptr(image))
	c := &Child{PidFD: -1}
	attr := &syscall.ProcAttr{
		Env:   []string{},
		Files: fds,
		Sys: &syscall.SysProcAttr{
			Cloneflags: uintptr(cloneFlags),
			PidFD:      &c.PidFD,
		},
	}
	if o.Cgroup >= 0 {
		attr.Sys.UseCgroupFD = true
		attr.Sys.CgroupFD = o.Cgroup
	}
	argv := []string{childArg, strconv.Itoa(planAt)}
	if o.Mark != "" {
		argv = append(argv, o.Mark)
	}
	c.Pid, err = syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(imageAt), argv, attr)
	if err != nil {
		return nil, fmt.Errorf("start the child: %w", err)
	}
	return c, nil
}

// StateFile is a file in memory with what a hook reads on its standard input.
// Its content is written once, with Fill, before the child is told to go on.
type StateFile struct{ fd int }

// NewStateFile returns an empty StateFile.
func NewStateFile() (StateFile, error) {
	fd, err := memfd.Create("state")
	if err != nil {
		return StateFile{-1}, fmt.Errorf("state for hooks: %w", err)
	}
	return StateFile{fd}, nil
}

// FD returns the descriptor, which stays the StateFile's.
func (s StateFile) FD() int { return s.fd }

// Fill writes the content and seals it, so that a hook can't change what the next
// one reads.
func (s StateFile) Fill(content []byte) error {
	if err := memfd.Write(s.fd, string(content)); err != nil {
		return fmt.Errorf("state for hooks: %w", err)
	}
	if err := memfd.Seal(s.fd); err != nil {
		return fmt.Errorf("state for hooks: %w", err)
	}
	return nil
}

// Close closes the descriptor.
func (s StateFile) Close() { unix.Close(s.fd) }
