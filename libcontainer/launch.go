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
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/libcontainer/trace"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
)

// launch is a process that is being brought into a container: what create, run, exec
// and start have in common. Create and exec start a child; start talks to one that an
// earlier create has started.
type launch struct {
	*Container
	spec *specs.Spec // the container's
	// plan is what the child carries out; in start, the steps that remain of it.
	plan    *plan.Plan
	streams *streams
	child   *nsenter.Child // nil in start, and in restore
	// started and group are what the child was started with, and heard reports whether it
	// has sent a message: see restart.
	started nsenter.Options
	group   cgroups.Group
	heard   bool
	// pid and pidfd refer to the process once it is known: the child or, after a Fork
	// step, the process that continues in its place. pidfd is -1 until then.
	pid, pidfd int
	// announced reports whether the child has said that it is about to execute the program.
	announced bool
	// hostRoot reports that the process has the root directory of the runtime, and not the
	// container's.
	hostRoot bool
	// task is what the process is for, if it isn't to run a program: see explain.Setup.
	task string
	// reaped: the process has ended and been waited for, so that its pid may be another's.
	reaped bool
	// times is nil without a trace. gone is when the program was executed, and failed why the
	// child has failed.
	times  *nsenter.Times
	gone   int64
	failed error
}

// startChild starts a child that carries out the plan. The child is in the cgroup group
// from its first instruction on; group is nil if there is none. The descriptors in o stay
// open as long as the child may have to be started again, which is until its first message.
func (l *launch) startChild(o nsenter.Options, group cgroups.Group) (err error) {
	o.Stdio, o.Cgroup = l.streams.fds, -1
	if group != nil {
		if o.Cgroup, err = group.Dir(); err != nil {
			return explain.Cgroup("cgroup", err)
		}
	}
	if err := l.traceSteps(&o); err != nil {
		return err
	}
	l.started, l.group = o, group
	end := l.runtime.span("start the child")
	l.child, err = l.clone()
	end(err)
	return err
}

// clone starts the child of startChild.
func (l *launch) clone() (*nsenter.Child, error) {
	if l.group != nil {
		tasks, err := l.group.Tasks()
		if err != nil {
			return nil, explain.Cgroup("cgroup", err)
		}
		for i, fd := range tasks {
			l.started.Provided[cgroupFile(i)] = fd
			defer unix.Close(fd)
		}
	}
	child, err := nsenter.Start(l.plan, l.started)
	if err != nil {
		return nil, explain.Start(err)
	}
	l.runtime.debugf("child %d is started in its cgroup: %t", child.Pid, l.started.Cgroup >= 0)
	return child, nil
}

// diedInClone reports whether the conversation has ended because the kernel has killed the
// child while it was cloned into its cgroup. The kernel does that if the number of times
// that cgroup.kill was written isn't the same for that cgroup and for the caller's, in
// order to miss no process that is being forked into a cgroup.
func (l *launch) diedInClone() bool {
	if l.child == nil || l.heard || l.started.Cgroup < 0 {
		return false
	}
	s, err := procfs.ReadStat(l.child.Pid)
	return err == nil && s.IsFork
}

// restart starts the child once more after it has died in the clone. This time it moves
// itself into its cgroup, as its first step.
func (l *launch) restart() error {
	procs, err := l.group.Procs()
	if err != nil {
		return explain.Cgroup("cgroup", err)
	}
	defer unix.Close(procs)
	l.started.Cgroup, l.started.Provided[procsFile] = -1, procs
	specconv.EnterCgroup(l.plan, procsFile)
	child, err := l.clone()
	if err != nil {
		return err
	}
	l.child.Reap()
	*l.child = *child
	l.pid, l.pidfd = child.Pid, child.PidFD
	return nil
}

// cgroupFile returns the name of the ith cgroup file of v1 that a plan writes to.
func cgroupFile(i int) string { return "cgroup " + strconv.Itoa(i) }

// procsFile is the name of the file cgroup.procs in a plan.
const procsFile = "cgroup.procs"

// dialogue describes how the parent answers a child, and until when.
type dialogue struct {
	// status is the container's status, as the seccomp agent is told it.
	status specs.ContainerState
	// answer acts on a message after which the child waits. If it returns no error, the
	// child is told to continue. It may be nil if no such message is expected.
	answer func(nsenter.Message) error
	// untilCreated ends the dialogue with the message Created. Otherwise it ends when
	// the child closes the conversation, as it does when the program is executed.
	untilCreated bool
	// gone is called when the child has closed the conversation. It returns the error
	// of the dialogue; nil if that is its regular end.
	gone func() error
}

// converse answers the child until the end of d. It returns an error when ctx is done:
// the caller then kills the child.
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
			if l.failed = err; l.times != nil && !d.untilCreated {
				l.gone = trace.Now()
			}
			return err
		}
	}
}

// next handles one message. done reports the end of the dialogue.
func (l *launch) next(conversation *nsenter.Conversation, d dialogue) (done bool, err error) {
	m, err := conversation.Next()
	if errors.Is(err, nsenter.ErrGone) {
		if l.diedInClone() {
			return false, l.restart()
		}
		return true, d.gone()
	}
	if err != nil {
		return false, err
	}
	if l.child != nil && !l.heard {
		l.heard = true
		l.runtime.debugf("child %d carries out %d steps", l.child.Pid, len(l.plan.Steps))
		l.streams.closeInherited()
	}
	switch m.Kind {
	case nsenter.Output:
		l.logOutput(m.Output)
		return false, nil
	case nsenter.Executing:
		l.runtime.debugf("start %s: startContainer hooks have ended", l.dir.ID())
		l.announced = true
		return false, nil
	case nsenter.Listener: // sent by a helper process of the process, see passListener
		end := l.runtime.span(spanOf(m.Kind))
		err := l.passListener(d.status, m)
		end(err)
		if err != nil {
			return false, err
		}
		// EPIPE: the agent has answered the very system call in which the process waits
		// for us, and the process has continued.
		if err := conversation.Go(); !errors.Is(err, unix.EPIPE) {
			return false, err
		}
		return false, nil
	}
	defer m.Close()
	if l.child != nil {
		if err := l.identify(m.Pid); err != nil {
			return false, err
		}
	}
	switch {
	case m.Kind == nsenter.Failed:
		return false, l.explain(m.Failure)
	case m.Kind == nsenter.Tree && l.child != nil:
		end := l.runtime.span(spanOf(m.Kind))
		err := l.answerTree(m)
		end(err)
		return false, err
	case m.Kind == nsenter.Created || m.Kind == nsenter.Starting:
		return m.Kind == nsenter.Created && d.untilCreated, nil
	case d.answer == nil:
		return false, fmt.Errorf("unexpected message %d of the child", m.Kind)
	}
	end := l.runtime.span(spanOf(m.Kind))
	err = d.answer(m)
	end(err)
	if err != nil {
		return false, err
	}
	return false, conversation.Go()
}

// answerTree answers a child that asks for a mount tree.
func (l *launch) answerTree(m nsenter.Message) error {
	i, ok := explain.Find(l.plan, m.Step)
	if !ok {
		return errors.New("the child asks for a tree in a step that isn't in the plan")
	}
	step := &l.plan.Steps[i]
	failure, err := l.child.AnswerTree(l.plan, step.Op, m)
	if failure != nil {
		return l.explain(failure)
	}
	return fault.Wrap(step.Op.Kind().String(), fault.MountFailed, place.Wrap(step.Origin, err))
}

// identify records pid as the process: the child, the process that continues in its place
// after a Fork step, when the child has ended, or that of a restore. All are children of
// this process that haven't been reaped, so their pids can't have been reused.
func (l *launch) identify(pid int) (err error) {
	if pid == l.pid {
		return nil
	}
	if l.child != nil && pid == l.child.Pid {
		l.pid, l.pidfd = pid, l.child.PidFD
		return nil
	}
	if l.pidfd, err = pidfd.Open(pid); err != nil {
		return err
	}
	l.pid = pid
	if l.child == nil {
		return nil
	}
	unix.Close(l.child.PidFD)
	l.child.PidFD = -1
	_, _ = reap.Wait(l.child.Pid)
	return nil
}

// vanished returns the error for a process that has ended before it executed its program,
// without a message: it was killed, or its seccomp filter refused both. nil if it runs the
// program.
//
// In start, its parent may have reaped it by now. It has reached execve(2) then, unless an
// announcement of that is missing.
func (l *launch) vanished() error {
	s, err := procfs.ReadStat(l.pid)
	switch {
	case err != nil && (l.announced || !l.plan.Has(plan.KindAnnounce)):
		return nil
	case err == nil && (s.Name != nsenter.ChildName || !s.IsDead() && !s.IsExiting):
		return nil
	}
	return fault.Wrap("exec", fault.ProcessFailed, place.Errorf(place.At("/process/args/0"),
		"unable to start container process: it ended before the program was executed "+
			"(it was killed, or linux.seccomp refuses execve, and sendmsg to report that)"))
}

// explain returns the error for a step that has failed.
func (l *launch) explain(f *nsenter.Failure) error {
	return explain.Setup{Plan: l.plan, Rootfs: l.rootfs(), Linux: l.spec.Linux, Task: l.task}.Step(f)
}

// rootfs returns the directory that is the root of the process.
func (l *launch) rootfs() string {
	if l.hostRoot {
		return "/"
	}
	return l.state.Rootfs
}

// logOutput logs the output of a hook that ran in the container's namespaces.
func (l *launch) logOutput(o *nsenter.HookOutput) {
	if i, ok := explain.Find(l.plan, o.Step); ok {
		step := &l.plan.Steps[i]
		if h, ok := step.Op.(plan.Hook); ok {
			l.runtime.hooks().Log(step.Origin.String()+" "+h.Path, hook.Printable(o.Text))
		}
	}
}

// kill kills the process, or the child if the process isn't known yet.
func (l *launch) kill() {
	switch {
	case l.pidfd >= 0:
		pidfd.Kill(l.pidfd)
	case l.child != nil && l.child.PidFD >= 0:
		pidfd.Kill(l.child.PidFD)
	}
}

// abort kills the child and the process and reaps them. One that waits for a file system that
// the container serves ends when that answers, or with the container.
func (l *launch) abort() {
	if l.child != nil {
		defer l.child.Close()
	}
	if l.reaped || l.child == nil && l.pidfd < 0 {
		return
	}
	l.kill()
	if l.pid == 0 {
		l.pid = l.child.Pid
	}
	if l.child != nil && l.pid == l.child.Pid && l.plan.Has(plan.KindFork) {
		l.killForked()
	}
	fd := l.pidfd
	if fd < 0 {
		fd = l.child.PidFD
	}
	if fd >= 0 && !pidfd.Wait(fd, endTimeout) {
		return
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
		m.Close()
		if m.Pid != l.child.Pid && l.identify(m.Pid) == nil {
			l.kill()
			return
		}
	}
}

// close closes all descriptors of the launch except the container's. With keep it
// leaves open the pidfd of the process and its terminal.
func (l *launch) close(keep bool) {
	l.endSteps()
	l.streams.close(keep)
	if l.child != nil {
		l.child.Close()
		if l.pidfd < 0 {
			l.pidfd = l.child.PidFD
		}
	}
	if l.pidfd >= 0 && !keep {
		unix.Close(l.pidfd)
		l.pidfd = -1
	}
}

// process returns the process, which the caller owns, and closes all other descriptors
// of the launch.
func (l *launch) process() *Process {
	p := &Process{container: l.Container, pid: l.pid, pidfd: l.pidfd, terminal: l.streams.terminal}
	l.close(true)
	return p
}

// carryOut has a child carry out a plan that runs no program. The child isn't in the
// container's cgroup, where it could be frozen. task begins the text of errors.
func (c *Container) carryOut(ctx context.Context, spec *specs.Spec, p *plan.Plan, provided map[string]int, task string) error {
	l := &launch{Container: c, spec: spec, plan: p, pidfd: -1, task: task}
	defer l.close(false)
	defer l.abort()
	var err error
	if l.streams, err = (&Stdio{}).open(nil, nil); err != nil {
		return err
	}
	if err := l.startChild(nsenter.Options{Provided: provided}, nil); err != nil {
		return err
	}
	if err := l.identify(l.child.Pid); err != nil {
		return err
	}
	err = l.converse(ctx, &l.child.Conversation, dialogue{gone: l.ended})
	c.runtime.debugf("%s: %d steps, done: %t", c.ID(), len(p.Steps), err == nil)
	return err
}

// ended is called when a process that runs no program has closed the conversation.
func (l *launch) ended() error {
	status, err := reap.Wait(l.pid)
	l.reaped = true
	if err == nil && status != 0 {
		err = fmt.Errorf("%s: the process that does it has ended with %s", l.task, reap.Describe(status))
	}
	return err
}
