package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/netdev"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
)

// Create makes a container from a bundle, up to the point where its process
// waits for Start. After an error nothing of it is left, and the id is free.
func (r *Runtime) Create(o CreateOptions) error {
	streams := inherited(o.ConsoleSocket)
	defer streams.close()
	c, err := r.create(o, streams, true)
	if err != nil {
		return err
	}
	c.release()
	return nil
}

// creation is a container on its way to being created, and then the parent's
// side of it until release or run let go of it.
type creation struct {
	*Container
	options CreateOptions
	spec    *specs.Spec
	cgroup  cgroups.Manager // nil without one
	joined  bool            // it has been joined after the clone
	child   *nsenter.Child
	pidfd   int // of the container's init, once that is known
	plan    *plan.Plan
	states  hookStates
	devices *netdev.Moved // nil unless some have moved
}

// create reads downwards: what can be known before is checked before anything
// is made; from reserve on, undo takes back what was made.
//
// With forStart the container waits on its start socket, otherwise in the
// conversation.
func (r *Runtime) create(o CreateOptions, streams *streams, forStart bool) (*creation, error) {
	if err := claimInherited(o.PreserveFDs); err != nil {
		return nil, during("streams", CodeInvalidArgument, err)
	}
	b, err := r.openBundle(o.Bundle)
	if err != nil {
		return nil, err
	}
	if err := streams.check(b.spec.Process); err != nil {
		return nil, during("console", CodeInvalidArgument, err)
	}
	e, err := reserve(r.Root, o.ID)
	if err != nil {
		return nil, during("state", "", err)
	}
	c := &creation{Container: &Container{runtime: r, entry: e}, options: o, spec: b.spec, pidfd: -1}
	if err := c.build(b, streams, forStart); err != nil {
		c.undo()
		return nil, err
	}
	return c, nil
}

func (c *creation) build(b *bundle, streams *streams, forStart bool) error {
	if err := c.record(b); err != nil {
		return err
	}
	given := map[string]int{}
	if forStart {
		fd, err := nsenter.ListenStart(c.entry.dir, startName)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		given[fileStart] = fd
	}
	if err := streams.open(b.spec, given); err != nil {
		return during("console", CodeInvalidArgument, err)
	}
	// Without privileges there may be none after all, which changes the plan.
	if err := c.makeCgroup(); err != nil {
		return during("cgroup", CodeCgroupFailed, err)
	}
	if err := hostResctrl.prepare(c.state.IntelRdt, c.spec.Linux.IntelRdt); err != nil {
		return during("intel-rdt", CodeCgroupFailed, err)
	}
	if err := c.compile(b, streams, given); err != nil {
		return err
	}
	if err := c.startChild(streams, given); err != nil {
		return err
	}
	if err := c.converse(); err != nil {
		return err
	}
	if err := streams.created(); err != nil {
		return during("console", CodeProcessFailed, err)
	}
	return c.announce()
}

// record saves what a delete has to know before any of it exists: after a kill
// at any later point `delete --force` finds it here.
func (c *creation) record(b *bundle) error {
	s := &State{
		ID: c.options.ID, Created: time.Now().UTC(), Bundle: b.dir, Rootfs: b.rootfs,
		OwnerUID: os.Getuid(), Annotations: b.spec.Annotations, OCIVersion: b.spec.Version,
		HasProcess: b.spec.Process != nil, HasHooks: hasHooks(b.spec.Hooks),
		HostPidNS: !ownsPidNamespace(b.spec), Notify: wantsNotify(),
	}
	c.state = s
	location, err := c.runtime.locateCgroup(b.spec, c.options.ID)
	if err != nil {
		return during("cgroup", CodeCgroupFailed, err)
	}
	s.Cgroup = location
	if s.UnderRootfs, err = mountUnderRootfs(b.spec, b.rootfs); err != nil {
		return err
	}
	if s.IntelRdt, err = hostResctrl.reserve(b.spec.Linux.IntelRdt, c.options.ID); err != nil {
		return during("intel-rdt", CodeCgroupFailed, err)
	}
	if s.Notify {
		if err := c.entry.makeNotifyDir(); err != nil {
			return err
		}
	}
	if err := c.entry.writeFile(configName, b.content); err != nil {
		return err
	}
	return c.entry.save(s)
}

// makeCgroup makes the directories; limits are set while the child is at work.
func (c *creation) makeCgroup() error {
	c.cgroup = c.manager()
	if c.cgroup == nil {
		return nil
	}
	err := c.cgroup.Create(resources(c.spec))
	if err != nil && c.runtime.canDoWithoutCgroup(c.spec, err) {
		c.runtime.debug(fmt.Sprintf("no cgroup of its own: %v", err))
		c.cgroup, c.state.Cgroup = nil, nil
		return nil
	}
	if err != nil {
		// It has taken back what it made. What is there is somebody else's, and
		// must not be ended and removed together with this container.
		c.cgroup, c.state.Cgroup = nil, nil
		return c.runtime.explainCgroup(c.spec, err)
	}
	for _, field := range cgroups.Ignored(c.state.Cgroup.Mode, c.spec.Linux.Resources) {
		c.runtime.warn(field + " has no meaning on this host and is ignored")
	}
	location := c.cgroup.Location()
	c.state.Cgroup = &location
	if !c.joinsCgroup() {
		c.giveCgroup()
	}
	return nil
}

func (c *creation) startChild(streams *streams, given map[string]int) error {
	o := nsenter.Options{Stdio: streams.stdio, Provided: given, Cgroup: -1}
	// The rules of cgroup v1 are a list that is written line by line: half of it
	// would keep the child from making the device nodes.
	if c.cgroup != nil && !c.joinsCgroup() {
		if err := c.runtime.setDevices(c.cgroup, c.spec); err != nil {
			return during("cgroup", CodeCgroupFailed, err)
		}
	}
	var err error
	if c.child, err = startIn(c.plan, o, c.group()); err != nil {
		return err
	}
	streams.handedOver()
	if c.cgroup == nil || c.limitsLate() {
		return nil
	}
	return during("cgroup", CodeCgroupFailed, c.cgroup.Set(resources(c.spec)))
}

// setLateLimits sets what startChild couldn't.
func (c *creation) setLateLimits() error {
	if c.cgroup == nil || !c.limitsLate() {
		return nil
	}
	if err := c.cgroup.Set(resources(c.spec)); err != nil {
		return err
	}
	if c.joinsCgroup() {
		return c.runtime.setDevices(c.cgroup, c.spec)
	}
	return nil
}

// limitsLate tells whether the limits have to wait until all namespaces exist.
// One of few processes would stop the relay itself, were it set before; and
// systemd's cgroup exists only when the child has joined it.
func (c *creation) limitsLate() bool {
	return c.plan.Has(plan.KindFork) || c.joinsCgroup()
}

func (c *creation) joinsCgroup() bool {
	return c.state.Cgroup != nil && c.state.Cgroup.Driver == cgroups.Systemd
}

// joinCgroup moves the child into its cgroup, where that couldn't be done with
// the clone, at the first message that the child waits after. What the child
// forks later is in it, too.
func (c *creation) joinCgroup(pid int) error {
	if c.joined || !c.joinsCgroup() {
		return nil
	}
	err := c.runtime.explainCgroup(c.spec, c.cgroup.Join(pid))
	if errors.Is(err, cgroups.ErrNotMade) {
		// Whose it is, if it is there: not to be ended with this container.
		c.cgroup, c.state.Cgroup = nil, nil
	}
	c.joined = err == nil
	if c.joined {
		c.giveCgroup()
	}
	return during("cgroup", CodeCgroupFailed, err)
}

// group is the cgroup to start in; a nil interface without one.
func (c *creation) group() cgroups.Group {
	if c.cgroup == nil {
		return nil
	}
	return c.cgroup
}

// startIn starts a child that is in a cgroup from its first step on.
func startIn(p *plan.Plan, o nsenter.Options, g cgroups.Group) (*nsenter.Child, error) {
	if g == nil {
		return startChild(p, o)
	}
	var err error
	if o.Cgroup, err = g.Dir(); err != nil {
		return nil, during("cgroup", CodeCgroupFailed, err)
	}
	tasks, err := g.Tasks()
	if err != nil {
		return nil, during("cgroup", CodeCgroupFailed, err)
	}
	for i, fd := range tasks {
		o.Provided[cgroupFile(i)] = fd
		defer unix.Close(fd)
	}
	return startChild(p, o)
}

// converse answers the child until the container is created.
func (c *creation) converse() error {
	for {
		m, err := c.child.Next()
		if err != nil {
			return c.explainEnd(err)
		}
		switch m.Kind {
		case nsenter.Maps:
			if err = c.joinCgroup(m.Pid); err == nil {
				err = mapsFault(c.spec.Linux, c.runtime.writeMaps(c.spec, m.Pid))
			}
		case nsenter.Namespaces:
			err = c.enter(m.Pid)
		case nsenter.Output:
			c.logOutput(m.Output)
			continue
		case nsenter.Created:
			return nil
		case nsenter.Failed:
			return c.explain(m.Failure)
		default:
			err = fmt.Errorf("message %d of the child before it is created", m.Kind)
		}
		if err == nil {
			err = c.child.Go()
		}
		if err != nil {
			return err
		}
	}
}

// enter is what the parent does when all namespaces exist: the process is known
// for good, and so the state is saved before it goes on.
func (c *creation) enter(pid int) error {
	if err := c.identify(pid); err != nil {
		return err
	}
	if err := c.joinCgroup(pid); err != nil {
		return err
	}
	if err := c.entry.save(c.state); err != nil {
		return err
	}
	if err := c.setLateLimits(); err != nil {
		return during("cgroup", CodeCgroupFailed, err)
	}
	if err := hostResctrl.join(c.state.IntelRdt, pid); err != nil {
		return during("intel-rdt", CodeCgroupFailed, err)
	}
	var err error
	if c.devices, err = netdev.Move(pid, c.spec.Linux.NetDevices); err != nil {
		return during("network-device", CodeNetworkFailed, err)
	}
	if hooks := c.spec.Hooks; hooks != nil {
		state := c.state.ociState(specs.StateCreating)
		//nolint:staticcheck // prestart is deprecated, and required
		if err := c.runtime.runHooks("prestart", hooks.Prestart, state); err != nil {
			return err
		}
		if err := c.runtime.runHooks("createRuntime", hooks.CreateRuntime, state); err != nil {
			return err
		}
	}
	return c.states.fill(c.state)
}

// identify takes pid as the container's init. It is our child and not waited
// for, so that the pid can't be another's.
func (c *creation) identify(pid int) error {
	c.state.Pid = pid
	c.pidfd = c.child.PidFD
	if pid != c.child.Pid {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return fmt.Errorf("pidfd of pid %d: %w", pid, err)
		}
		c.pidfd = fd
	}
	stat, err := procfs.ReadStat(pid)
	if err != nil {
		return fmt.Errorf("start time of pid %d: %w", pid, err)
	}
	c.state.StartTime = stat.StartTime
	c.state.PidfdInode, err = pidfd.Inode(c.pidfd)
	return err
}

// announce tells others, last of all, that the container is there.
func (c *creation) announce() error {
	if c.options.PidfdSocket != "" {
		if err := sendPidfd(c.options.PidfdSocket, "standard", c.pidfd); err != nil {
			return during("pidfd-socket", CodeInvalidArgument, err)
		}
	}
	if c.options.PidFile != "" {
		return during("pid-file", CodeInvalidArgument, writePidFile(c.options.PidFile, c.state.Pid))
	}
	return nil
}

// release lets go of a created container.
func (c *creation) release() {
	c.closeFiles()
	c.entry.close()
}

func (c *creation) closeFiles() {
	c.states.close()
	c.devices.Close()
	if c.cgroup != nil {
		c.cgroup.Close()
	}
	if c.child == nil {
		return
	}
	c.child.Close()
	if c.pidfd >= 0 && c.pidfd != c.child.PidFD {
		unix.Close(c.pidfd)
	}
	if c.child.PidFD >= 0 {
		unix.Close(c.child.PidFD)
	}
	c.pidfd, c.child.PidFD = -1, -1
}

// undo takes everything back. It runs the poststop hooks if others have run:
// runtime.md, lifecycle, steps 3 to 7.
func (c *creation) undo() {
	if c.child != nil {
		c.child.Close()
		for _, fd := range []int{c.child.PidFD, c.pidfd} {
			if fd >= 0 {
				_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
				pidfd.Wait(fd, killTimeout)
			}
		}
		c.reap()
	}
	if err := c.devices.GiveBack(); err != nil {
		c.runtime.warn(err.Error())
	}
	if c.state == nil || c.state.Pid == 0 {
		c.abandon()
	} else if err := c.delete(); err != nil {
		c.runtime.warn(err.Error())
	}
	c.closeFiles()
	c.entry.close()
}

// abandon removes what exists before any hook has run.
func (c *creation) abandon() {
	if c.cgroup != nil {
		err := c.killAll(unix.SIGKILL)
		if err := errors.Join(err, c.cgroup.Destroy()); err != nil {
			c.runtime.warn(err.Error())
		}
	}
	if c.state != nil {
		if err := errors.Join(c.state.removeMounts(), hostResctrl.remove(c.state.IntelRdt)); err != nil {
			c.runtime.warn(err.Error())
		}
	}
	if err := c.entry.remove(); err != nil {
		c.runtime.warn(err.Error())
	}
}

// reap collects the child and, after a Fork step, its successor.
func (c *creation) reap() {
	_, _ = wait(c.child.Pid)
	if c.state.Pid != 0 && c.state.Pid != c.child.Pid {
		_, _ = wait(c.state.Pid)
	}
}

// wait collects one child of ours.
func wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR {
			return status, err
		}
	}
}

// explainEnd is the error for a child that ended without a word.
func (c *creation) explainEnd(cause error) error {
	if !errors.Is(cause, nsenter.ErrGone) {
		return cause
	}
	pid := c.child.Pid
	if c.state.Pid != 0 {
		pid = c.state.Pid
	}
	status, err := wait(pid)
	if err != nil {
		return cause
	}
	if status.Signaled() && status.Signal() == unix.SIGKILL && c.ranOutOfMemory() {
		return &Fault{
			Err: errors.New("linux.resources.memory.limit: unable to start container process: " +
				"it was killed while it was set up (out of memory: the limit is too low)"),
			Code: CodeOutOfMemory, Step: "cgroup", Field: "/linux/resources/memory/limit", Hint: "the limit is too low",
		}
	}
	return during("", CodeProcessFailed, fmt.Errorf(
		"unable to start container process: it ended while it was set up: %s", describeStatus(status)))
}

// ranOutOfMemory asks the cgroup whether it has killed the child.
func (c *creation) ranOutOfMemory() bool {
	if c.cgroup == nil {
		return false
	}
	kills, err := c.cgroup.OOMKills()
	return err == nil && kills > 0
}

func describeStatus(s unix.WaitStatus) string {
	if s.Signaled() {
		return fmt.Sprintf("signal %d (%s)", s.Signal(), s.Signal())
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}
