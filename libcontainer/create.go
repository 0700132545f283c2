package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/pidfd"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/reap"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/hook"
	"github.com/runnel/runnel/libcontainer/idmap"
	"github.com/runnel/runnel/libcontainer/netdev"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/words"
)

// Create creates a container from a bundle. It returns the container's init, which
// waits for Container.Start before it executes the program. The caller closes the
// result. After an error nothing of the container is left, and the id is free. The
// error matches ErrExist, ErrInvalidID, or that of ctx. It is a *fault.Fault if it can
// be attributed to a step or to a setting of config.json.
func (r *Runtime) Create(ctx context.Context, o CreateOptions) (*Process, error) {
	c, err := r.create(ctx, o, true)
	if err != nil {
		return nil, err
	}
	c.dir.Unlock()
	c.tellListeners("create", c.pid)
	return c.process(), nil
}

// creation is the launch of a container's init.
type creation struct {
	launch
	options CreateOptions
	bundle  *bundle.Bundle
	cgroup  cgroups.Manager // nil if the container has none
	joined  bool            // the child was moved into the cgroup after it was cloned
	states  hook.States
	devices *netdev.Moved // nil if no network device was moved
}

// create creates the container. With forStart it waits at its start socket for another
// process; otherwise it waits for the next message of this conversation.
func (r *Runtime) create(ctx context.Context, o CreateOptions, forStart bool) (*creation, error) {
	c, err := r.reserve(o)
	if err != nil {
		return nil, err
	}
	if err := c.build(ctx, forStart); err != nil {
		return nil, c.undo(err)
	}
	return c, nil
}

// reserve checks what can be checked in advance, and then creates the state directory. From
// here on, undo removes what was created. The state directory is locked; the caller unlocks
// it when the container is complete.
func (r *Runtime) reserve(o CreateOptions) (*creation, error) {
	end := r.span("read and check the bundle")
	b, err := bundle.Open(o.Bundle, o.Config)
	end(err)
	if err != nil {
		return nil, err
	}
	r.debugf("create %s: bundle %s, rootfs %s, config.json of %d bytes", o.ID, b.Dir, b.Rootfs, len(b.Content))
	for _, p := range b.Warnings {
		r.warn(p.Sentence())
	}
	if err := checkFiles(&o.Stdio, o.ExtraFiles, o.ListenFDs); err != nil {
		return nil, err
	}
	if o.supervisor != nil {
		if err := o.supervisor.adapt(b, r.Root, o.ID); err != nil {
			return nil, fault.Wrap("seccomp", fault.ConfigInvalid, err)
		}
	}
	if err := o.Stdio.check(b.Spec.Process); err != nil {
		return nil, err
	}
	dir, err := state.Reserve(r.Root, o.ID, b.Content)
	if err != nil {
		return nil, fault.Wrap("state", "", err)
	}
	r.debugf("create %s: state %s is reserved", o.ID, dir.Path())
	c := &creation{options: o, bundle: b}
	c.launch = launch{Container: &Container{runtime: r, dir: dir}, spec: b.Spec, pidfd: -1}
	return c, nil
}

func (c *creation) build(ctx context.Context, forStart bool) (err error) {
	if err := c.runtime.timed("save the state", c.record); err != nil {
		return err
	}
	if s := c.options.supervisor; s != nil {
		if err := s.listen(c.dir); err != nil {
			return err
		}
	}
	provided := map[string]int{}
	if forStart {
		fd, err := nsenter.ListenStart(c.dir.FD(), state.StartName)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		provided[specconv.StartFile] = fd
	}
	if err := c.openStreams(provided); err != nil {
		return err
	}
	// This comes before the plan, which depends on whether the container has a cgroup: an
	// unprivileged user may not be able to create one.
	if err := c.runtime.timed("create the cgroup", c.createGroups); err != nil {
		return err
	}
	if err := c.runtime.timed("plan", func() error { return c.compile(ctx, provided) }); err != nil {
		return err
	}
	if err := c.runtime.timed("start", func() error { return c.start(provided) }); err != nil {
		return err
	}
	answer := func(m nsenter.Message) error { return c.answer(ctx, m) }
	d := dialogue{status: specs.StateCreating, answer: answer, untilCreated: true, gone: c.childEnded}
	if err := c.runtime.timed("the child creates the container", func() error { return c.converse(ctx, &c.child.Conversation, d) }); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	if err := c.streams.receive(); err != nil {
		return err
	}
	c.runtime.debugf("create %s: created, pid %d", c.options.ID, c.pid)
	return announce(c.options.PidfdSocket, "standard", c.options.PidFile, c.pid, c.pidfd)
}

// record saves what a delete has to know before any of it is created, so that `delete
// --force` finds it if this process is killed at any later point.
func (c *creation) record() error {
	b := c.bundle
	s := &state.State{
		ID: c.options.ID, Created: time.Now().UTC(), Bundle: b.Dir, Rootfs: b.Rootfs,
		OwnerUID: os.Getuid(), Annotations: b.Spec.Annotations, OCIVersion: b.Spec.Version,
		HasProcess: b.Spec.Process != nil, HasHooks: bundle.HasHooks(b.Spec.Hooks),
		HostPidNS: !words.CreatesNamespace(b.Spec, specs.PIDNamespace), Notify: c.options.NotifySocket != "",
	}
	c.state = s
	location, err := c.runtime.cgroups().Locate(b.Spec, c.options.ID)
	if err != nil {
		return explain.Cgroup("cgroup", err)
	}
	s.Cgroup = location
	if at, ok := c.runtime.cgroups().Unenforced(b.Spec); ok {
		c.runtime.warn(at.String() + " " + cgrouppolicy.WithoutRules)
	}
	if s.UnderRootfs, err = mountUnderRootfs(b.Spec, b.Rootfs); err != nil {
		return err
	}
	if s.IntelRdt, err = resctrl.Host.Reserve(b.Spec.Linux.IntelRdt, c.options.ID); err != nil {
		return explain.Cgroup("intel-rdt", err)
	}
	if s.Notify {
		if err := sdnotify.MakeDir(c.dir); err != nil {
			return err
		}
	}
	return c.dir.Save(s)
}

// openStreams opens the streams of the container's process, and records how a checkpoint
// refers to them.
func (c *creation) openStreams(provided map[string]int) (err error) {
	c.streams, err = c.options.Stdio.open(c.spec.Process, provided)
	if err == nil {
		c.state.Streams = c.streams.keys()
	}
	return err
}

// createGroups creates the cgroup, and the resctrl group.
func (c *creation) createGroups() error {
	if err := c.createCgroup(); err != nil {
		return explain.Cgroup("cgroup", err)
	}
	return explain.Cgroup("intel-rdt", resctrl.Host.Prepare(c.state.IntelRdt, c.spec.Linux.IntelRdt))
}

// createCgroup creates the cgroup's directories. The limits are set later, while the
// child runs.
func (c *creation) createCgroup() error {
	c.cgroup = c.manager()
	if c.cgroup == nil {
		c.runtime.debugf("create %s: no cgroup", c.options.ID)
		return nil
	}
	err := c.cgroup.Create(bundle.Resources(c.spec))
	if err != nil {
		// Create has removed what it had created. Processes and directories that are
		// there belong to others, and must not be killed and removed together with
		// this container.
		c.cgroup, c.state.Cgroup = nil, nil
		if c.runtime.cgroups().Dispensable(c.spec, err) {
			c.runtime.debug(fmt.Sprintf("no cgroup of its own: %v", err))
			return nil
		}
		return c.runtime.cgroups().Explain(c.spec, err)
	}
	for _, field := range cgroups.Ignored(c.state.Cgroup.Mode, c.spec.Linux.Resources) {
		c.runtime.warn(field.String() + " has no meaning on this host and is ignored")
	}
	location := c.cgroup.Location()
	c.state.Cgroup = &location
	c.runtime.debugf("create %s: cgroup (%s) %v", c.options.ID, location.Driver, location.Paths)
	if len(location.Existing) > 0 {
		// A delete after this process was killed must not remove them.
		if err := c.dir.Save(c.state); err != nil {
			return err
		}
	}
	if !c.joinsCgroup() {
		c.chownCgroup()
	}
	return nil
}

// chownCgroup makes the container's user the owner of the cgroup. An error is only
// logged, as the container works without.
func (c *creation) chownCgroup() {
	uid, ok := cgrouppolicy.Owner(c.spec)
	if !ok || uid == c.state.OwnerUID {
		return
	}
	if err := c.cgroup.Chown(uid); err != nil {
		c.runtime.warn(err.Error())
	}
}

// start starts the child, and sets the cgroup's limits while it runs.
func (c *creation) start(provided map[string]int) error {
	// The device rules of cgroup v1 are a list that is written line by line. They are
	// complete before the child starts, because half of the list would keep it from
	// creating device nodes.
	if c.cgroup != nil && !c.joinsCgroup() {
		if err := c.setDevices(); err != nil {
			return explain.Cgroup("cgroup", err)
		}
	}
	o := nsenter.Options{Provided: provided, Inherited: descriptors(c.options.ExtraFiles), Mark: c.state.Mark()}
	if err := c.startChild(o, c.group()); err != nil {
		return err
	}
	if c.cgroup == nil || c.defersLimits() {
		return nil
	}
	return explain.Cgroup("cgroup", c.setLimits())
}

// setLimits sets the limits of the config. A memory limit that the kernel refuses as
// busy, as cgroup v1 does, is below what the child uses already.
func (c *creation) setLimits() error {
	end := c.runtime.span("set limits")
	err := c.cgroup.Set(bundle.Resources(c.spec))
	end(err)
	if errors.Is(err, unix.EBUSY) && place.Of(err) == memoryLimit {
		return errLimitTooLow()
	}
	if err == nil {
		c.runtime.debugf("create %s: limits are set in %v", c.options.ID, c.state.Cgroup.Paths)
	}
	return err
}

// memoryLimit is the place of the limit that can be too low for the child.
var memoryLimit = place.Place{Pointer: "/linux/resources/memory/limit"}

// errLimitTooLow returns the error for a memory limit in which the child can't run.
func errLimitTooLow() error {
	return &fault.Fault{
		Err: place.Errorf(memoryLimit, "unable to start container process: "+
			"it was out of memory, and the kernel killed it (the limit is too low)"),
		Code: fault.OutOfMemory, Step: "cgroup", Field: memoryLimit.Pointer, Hint: "the limit is too low",
	}
}

// setDeferredLimits sets the limits that start has left out.
func (c *creation) setDeferredLimits() error {
	if c.cgroup == nil || !c.defersLimits() {
		return nil
	}
	if err := c.setLimits(); err != nil {
		return err
	}
	if c.joinsCgroup() {
		return c.setDevices()
	}
	return nil
}

// setDevices sets the device rules of the config.
func (c *creation) setDevices() error {
	end := c.runtime.span("set device rules")
	err := c.runtime.cgroups().SetDevices(c.cgroup, c.spec)
	end(err)
	if err == nil {
		c.runtime.debugf("create %s: device rules are set", c.options.ID)
	}
	return err
}

// defersLimits reports whether the limits have to wait until all namespaces exist, and
// the last fork has been made. This is so for a plan with a Fork step, because a limit on
// the number of processes would make that fork fail, and with systemd, whose cgroup exists
// only once the child has joined it.
func (c *creation) defersLimits() bool {
	return c.plan.Has(plan.KindFork) || c.joinsCgroup()
}

// joinsCgroup reports whether the child joins its cgroup after it has been cloned, as
// with systemd, which creates a cgroup only for a process that exists.
func (c *creation) joinsCgroup() bool {
	return c.state.Cgroup != nil && c.state.Cgroup.Driver == cgroups.Systemd
}

// joinCgroup moves the child into its cgroup if the clone couldn't do that. It is
// called for the first message after which the child waits; what the child forks later
// is in the cgroup, too.
func (c *creation) joinCgroup(pid int) error {
	if c.joined || !c.joinsCgroup() {
		return nil
	}
	err := c.runtime.cgroups().Explain(c.spec, c.cgroup.Join(pid))
	if errors.Is(err, cgroups.ErrNotCreated) {
		// If the cgroup exists it belongs to others, and must not be removed together
		// with this container.
		c.cgroup, c.state.Cgroup = nil, nil
	}
	c.joined = err == nil
	if c.joined {
		c.chownCgroup()
	}
	return explain.Cgroup("cgroup", err)
}

// group returns the cgroup to start the child in; a nil interface if there is none.
func (c *creation) group() cgroups.Group {
	if c.cgroup == nil {
		return nil
	}
	return c.cgroup
}

// answer acts on a message after which the child waits.
func (c *creation) answer(ctx context.Context, m nsenter.Message) error {
	switch m.Kind {
	case nsenter.Maps:
		if err := c.joinCgroup(m.Pid); err != nil {
			return err
		}
		return explain.Maps(c.spec.Linux, c.writeMaps(m.Pid))
	case nsenter.Namespaces:
		return c.setUp(ctx, m.Pid)
	}
	return fmt.Errorf("message %d of the child before it is created", m.Kind)
}

// writeMaps writes the id maps and the time offsets of the namespaces that pid has
// just created.
func (c *creation) writeMaps(pid int) error {
	if words.CreatesNamespace(c.spec, specs.UserNamespace) {
		if err := idmap.Write(pid, c.spec.Linux); err != nil {
			return err
		}
		c.runtime.debugf("create %s: id maps of pid %d are written: uids %v, gids %v", c.options.ID, pid,
			c.spec.Linux.UIDMappings, c.spec.Linux.GIDMappings)
	}
	if len(c.spec.Linux.TimeOffsets) > 0 {
		return idmap.WriteTimeOffsets(pid, c.spec.Linux.TimeOffsets)
	}
	return nil
}

// setUp does the parent's part when all namespaces exist. From here on pid doesn't
// change, unless entersLast, so the state is saved before the child continues.
func (c *creation) setUp(ctx context.Context, pid int) (err error) {
	c.runtime.debugf("create %s: namespaces and mounts exist, pid %d, namespaces %v", c.options.ID, pid, c.spec.Linux.Namespaces)
	if err := c.identify(pid); err != nil {
		return err
	}
	if err := c.joinCgroup(pid); err != nil {
		return err
	}
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	if !c.entersLast() {
		if err := c.setDeferredLimits(); err != nil {
			return explain.Cgroup("cgroup", err)
		}
	}
	if err := resctrl.Host.Join(c.state.IntelRdt, pid); err != nil {
		return explain.Cgroup("intel-rdt", err)
	}
	if c.devices, err = netdev.Move(pid, c.spec.Linux.NetDevices); err != nil {
		return fault.Wrap("network-device", fault.NetworkFailed, err)
	}
	creating := ociState(c.state, specs.StateCreating)
	if err := c.runFirstHooks(ctx, creating); err != nil {
		return err
	}
	return c.states.Fill(creating)
}

// runFirstHooks runs the hooks of the runtime's namespaces that follow the creation of the
// container's: prestart and createRuntime.
func (c *creation) runFirstHooks(ctx context.Context, creating specs.State) error {
	hooks := c.spec.Hooks
	if hooks == nil {
		return nil
	}
	runner := c.runtime.hooks()
	runner.Dir = c.state.Bundle
	//nolint:staticcheck // prestart is deprecated, and required
	if err := runner.RunAll(ctx, "prestart", hooks.Prestart, creating); err != nil {
		return err
	}
	return runner.RunAll(ctx, "createRuntime", hooks.CreateRuntime, creating)
}

// entersLast reports whether the child forks once more after setUp, into a pid namespace
// that it shares with others.
func (c *creation) entersLast() bool {
	for i := len(c.plan.Steps) - 1; i >= 0; i-- {
		switch c.plan.Steps[i].Op.Kind() {
		case plan.KindFork:
			return true
		case plan.KindCheckpoint:
			return false
		}
	}
	return false
}

// settle does what setUp couldn't do before the last fork.
func (c *creation) settle() error {
	if !c.entersLast() {
		return nil
	}
	if err := c.identify(c.pid); err != nil {
		return err
	}
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	return explain.Cgroup("cgroup", c.setDeferredLimits())
}

// identify records pid as the container's init, in the launch and in the state.
func (c *creation) identify(pid int) error {
	c.state.Pid = pid
	if err := c.launch.identify(pid); err != nil {
		return err
	}
	stat, err := procfs.ReadStat(pid)
	if err != nil {
		return fmt.Errorf("start time of pid %d: %w", pid, err)
	}
	c.state.StartTime = stat.StartTime
	c.state.PidfdInode, err = pidfd.Inode(c.pidfd)
	return err
}

// announce informs others that the process exists, as the last step of a launch. The
// word is sent together with the pidfd.
func announce(pidfdSocket, word, pidFile string, pid, fd int) error {
	if pidfdSocket != "" {
		if err := sendPidfd(pidfdSocket, word, fd); err != nil {
			return fault.Wrap("pidfd-socket", fault.InvalidArgument, err)
		}
	}
	if pidFile != "" {
		return fault.Wrap("pid-file", fault.InvalidArgument, writePidFile(pidFile, pid))
	}
	return nil
}

// process returns the container's init as a Process, which the caller owns, and closes
// what else the creation has open.
func (c *creation) process() *Process {
	c.closeFiles()
	p := c.launch.process()
	p.ownsContainer = true
	return p
}

func (c *creation) closeFiles() {
	c.states.Close()
	c.devices.Close()
	if c.cgroup != nil {
		c.cgroup.Close()
	}
}

// undo removes everything that was created. It runs the poststop hooks if other hooks
// may have run: runtime.md, lifecycle, steps 3 to 7. It returns the error of the create,
// which has failed with err.
func (c *creation) undo(err error) error {
	c.runtime.debugf("create %s: failed, what was created is removed", c.options.ID)
	c.abort()
	if err := c.devices.MoveBack(); err != nil {
		c.runtime.warn(err.Error())
	}
	switch {
	case c.dir.IsRemoved():
		// A delete has done the rest, but for what was created after it. Another
		// container may have the id and the cgroup by now.
		err = fault.ErrDeleted
		c.removeParts()
	case c.state == nil || c.state.Pid == 0:
		c.abandon()
	default:
		c.warnAbout(c.delete())
	}
	c.closeFiles()
	c.close(false)
	c.dir.Close()
	return err
}

// abandon removes what exists before any hook has run.
func (c *creation) abandon() {
	if c.cgroup != nil {
		c.warnAbout(c.killAll(unix.SIGKILL))
	}
	c.removeParts()
	c.warnAbout(c.dir.Remove())
}

// removeParts removes the container except for its processes and its state directory.
func (c *creation) removeParts() {
	if c.cgroup != nil {
		c.warnAbout(c.cgroup.Destroy())
	}
	if c.state != nil {
		c.warnAbout(removeMounts(c.state))
		c.warnAbout(resctrl.Host.Remove(c.state.IntelRdt))
	}
}

// warnAbout logs an error, if it is one.
func (c *creation) warnAbout(err error) {
	if err != nil {
		c.runtime.warn(err.Error())
	}
}

// childEnded returns the error for a child that has ended without reporting a failure.
func (c *creation) childEnded() error {
	if c.pid == 0 {
		c.pid = c.child.Pid
	}
	status, err := reap.Wait(c.pid)
	if err != nil {
		return nsenter.ErrGone
	}
	c.reaped = true
	if status.Signaled() && status.Signal() == unix.SIGKILL && c.ranOutOfMemory() {
		return errLimitTooLow()
	}
	return fault.Wrap("", fault.ProcessFailed, fmt.Errorf(
		"unable to start container process: it ended while it was set up: %s", reap.Describe(status)))
}

// ranOutOfMemory reports whether the kernel has killed a process because of the memory
// limit of the container's cgroup.
func (c *creation) ranOutOfMemory() bool {
	if c.cgroup == nil {
		return false
	}
	kills, err := c.cgroup.OOMKills()
	return err == nil && kills > 0
}
