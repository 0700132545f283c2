package libcontainer

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/seccomp"
)

// SeccompRefusal is a system call that a container's profile has refused.
type SeccompRefusal struct {
	// Name is that of the call, or its number. Arch is as in the specification.
	Name string
	Arch specs.Arch
	Args [6]uint64
	// Errno is what the process got.
	Errno uint
	// Pid and Command are those of the thread. It chooses the command itself, proc_pid_comm(5).
	Pid     int
	Command string
}

// maxRefusals bounds what a log gets: a process can call itself what it likes.
const maxRefusals = 1000

// errDetachedLog is the error of a log for a container that isn't attached.
var errDetachedLog = errors.New("refused system calls can't be logged for a detached container: " +
	"the runtime answers them as long as it runs")

// logRefusals makes this process the agent of the container, for SeccompLog.
func (o *RunOptions) logRefusals(ctx context.Context, warn func(string)) error {
	if o.SeccompLog == nil {
		return nil
	}
	if !o.Attached {
		return fault.Wrap("seccomp", fault.InvalidArgument, errDetachedLog)
	}
	l := &refusalLog{report: o.SeccompLog, seen: map[string]bool{}}
	o.supervisor = &supervisor{warn: warn, decide: l.decide, profile: func(original *specs.LinuxSeccomp) (watched *specs.LinuxSeccomp, err error) {
		watched, l.refusals, err = seccomp.WatchRefusals(ctx, original)
		return watched, err
	}}
	return nil
}

// refusalLog reports refused calls, each once.
type refusalLog struct {
	refusals *seccomp.Refusals
	report   func(SeccompRefusal)

	mutex sync.Mutex
	seen  map[string]bool
}

// decide answers as the profile asks for.
func (l *refusalLog) decide(n seccomp.Notification) seccomp.Verdict {
	v, name := l.refusals.Of(&n)
	if v.Continue {
		return v
	}
	r := SeccompRefusal{Name: name, Arch: n.Recorded().Arch, Args: n.Args, Errno: uint(v.Errno), Pid: int(n.Pid)}
	r.Command = procfs.ReadText("/proc/" + strconv.Itoa(r.Pid) + "/comm")
	if l.isNew(string(r.Arch) + " " + name + " " + r.Command) {
		l.report(r)
	}
	return v
}

func (l *refusalLog) isNew(key string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.seen[key] || len(l.seen) >= maxRefusals {
		return false
	}
	l.seen[key] = true
	return true
}
