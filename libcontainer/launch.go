package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/cancel"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// launch is a process on its way into a container: what create, run, exec and start
// have in common. Create and exec start a child; start talks to one that an earlier
// create has started.
type launch struct {
	*Container
	spec *specs.Spec // of the container
	// plan is what the child carries out; in start, what is left of it.
	plan    *plan.Plan
	streams *streams
	child   *nsenter.Child // nil in start
	// pid and pidfd are the process, once it is known: the child or, after a Fork step,
	// the one that goes on.
	pid, pidfd int
	// reaped: the process has ended and been waited for, so that its pid may be another's.
	reaped bool
}

// startChild starts a child that carries out the plan, in a cgroup from its first step on;
// group is nil without one.
func (l *launch) startChild(o nsenter.Options, group cgroups.Group) (err error) {
	o.Stdio, o.Cgroup = l.streams.fds, -1
	if group != nil {
		if o.Cgroup, err = group.Dir(); err != nil {
			return explain.Cgroup("cgroup", err)
		}
		tasks, err := group.Tasks()
		if err != nil {
			return explain.Cgroup("cgroup", err)
		}
		for i, fd := range tasks {
			o.Provided[cgroupFile(i)] = fd
			defer unix.Close(fd)
		}
	}
	if l.child, err = nsenter.Start(l.plan, o); err != nil {
		return explain.Start(err)
	}
	l.streams.inherited()
	return nil
}

// cgroupFile is the name of the ith file of a cgroup that a plan writes to.
func cgroupFile(i int) string { return "cgroup " + strconv.Itoa(i) }

// dialogue is how the parent answers a child, from where it is to some end.
type dialogue struct {
	// status is the container's, for the seccomp agent.
	status specs.ContainerState
	// answer acts on a message that the child waits after; nil for none. The answer Go
	// follows unless there is an error.
	answer func(nsenter.Message) error
	// untilCreated: the end is the message Created. Otherwise it is the end of the
	// conversation, when the program runs.
	untilCreated bool
	// gone returns the error when the child has closed the conversation; nil is fine.
	gone func() error
}

// converse answers the child until the end of d, or until ctx is done: the caller then
// ends the child.
func (l *launch) converse(ctx context.Context, conversation *nsenter.Conversation, d dialogue) error {
	cancelled, err := cancel.On(ctx)
	if err != nil {
		return err
	}
	defer cancelled.Close()
	for {
		cancelled.Wait(conversation.FD())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done, err := l.next(conversation, d)
		if done || err != nil {
			return err
		}
	}
}

// next handles one message.
func (l *launch) next(conversation *nsenter.Conversation, d dialogue) (done bool, err error) {
	m, err := conversation.Next()
	if errors.Is(err, nsenter.ErrGone) {
		return true, d.gone()
	}
	if err != nil {
		return false, err
	}
	switch m.Kind {
	case nsenter.Output:
		l.logOutput(m.Output)
		return false, nil
	case nsenter.Listener: // from a messenger of the process
		if err := l.passListener(d.status, m); err != nil {
			return false, err
		}
		// A process whose agent answers the call by which it waits for us goes on by that.
		if err := conversation.Go(); !errors.Is(err, unix.EPIPE) {
			return false, err
		}
		return false, nil
	}
	if l.child != nil {
		if err := l.identify(m.Pid); err != nil {
			return false, err
		}
	}
	switch {
	case m.Kind == nsenter.Failed:
		return false, l.explain(m.Failure)
	case m.Kind == nsenter.Created || m.Kind == nsenter.Starting:
		return m.Kind == nsenter.Created && d.untilCreated, nil
	case d.answer == nil:
		return false, fmt.Errorf("unexpected message %d of the child", m.Kind)
	}
	if err := d.answer(m); err != nil {
		return false, err
	}
	return false, conversation.Go()
}

// identify notes pid as the process: the child, or the one that goes on in its place
// after a Fork step, when the child has ended. Both are children of this process and not
// waited for, so that a pid can't be another's.
func (l *launch) identify(pid int) (err error) {
	if pid == l.pid {
		return nil
	}
	if pid == l.child.Pid {
		l.pid, l.pidfd = pid, l.child.PidFD
		return nil
	}
	if l.pidfd, err = pidfd.Open(pid); err != nil {
		return err
	}
	l.pid = pid
	unix.Close(l.child.PidFD)
	l.child.PidFD = -1
	_, _ = reap.Wait(l.child.Pid)
	return nil
}

func (l *launch) explain(f *nsenter.Failure) error {
	return explain.Setup{Plan: l.plan, Rootfs: l.state.Rootfs, Linux: l.spec.Linux}.Step(f)
}

// logOutput logs what a hook in the container's namespaces has printed.
func (l *launch) logOutput(o *nsenter.HookOutput) {
	if i, ok := explain.Find(l.plan, o.Step); ok {
		step := &l.plan.Steps[i]
		if h, ok := step.Op.(plan.Hook); ok {
			l.runtime.hooks().Log(step.Origin.String()+" "+h.Path, hook.Printable(o.Text))
		}
	}
}

// kill kills the process, or the child while that is all there is.
func (l *launch) kill() {
	switch {
	case l.pidfd >= 0:
		pidfd.Kill(l.pidfd)
	case l.child != nil && l.child.PidFD >= 0:
		pidfd.Kill(l.child.PidFD)
	}
}

// abort kills the child and the process and waits for their ends.
func (l *launch) abort() {
	if l.child == nil {
		return
	}
	defer l.child.Close()
	if l.reaped {
		return
	}
	l.kill()
	if l.pid == 0 {
		l.pid = l.child.Pid
	}
	if l.pid == l.child.Pid && l.plan.Has(plan.KindFork) {
		l.killForked()
	}
	_, _ = reap.Wait(l.pid)
	l.reaped = true
}

// killForked kills the process of a Fork step that the child has carried out and this
// process doesn't know of yet. It is known by its first message, after which it waits. If
// there is none, the conversation ends with the child.
func (l *launch) killForked() {
	for pidfd.Wait(l.child.FD(), killTimeout) {
		m, err := l.child.Next()
		if err != nil {
			return
		}
		if m.Pid != l.child.Pid && l.identify(m.Pid) == nil {
			l.kill()
			return
		}
	}
}

// close closes what is open, but not the container, and with keep neither the pidfd of
// the process nor its terminal.
func (l *launch) close(keep bool) {
	l.streams.close(keep)
	if l.child == nil {
		return
	}
	l.child.Close()
	if l.pidfd < 0 {
		l.pidfd = l.child.PidFD
	}
	if l.pidfd >= 0 && !keep {
		unix.Close(l.pidfd)
		l.pidfd = -1
	}
}

// process hands the process over to the caller and closes the rest.
func (l *launch) process() *Process {
	p := &Process{container: l.Container, pid: l.pid, pidfd: l.pidfd, terminal: l.streams.terminal}
	l.close(true)
	return p
}
