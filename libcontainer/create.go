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

// Create creates a container from a bundle, up to the point where its process waits
// for Start. After an error nothing of it is left, and the id is free. The caller
// closes the result. ErrExist, ErrInvalidID, and *fault.Fault.
func (r *Runtime) Create(ctx context.Context, o CreateOptions) (*Process, error) {
	c, err := r.create(ctx, o, true)
	if err != nil {
		return nil, err
	}
	return c.process(), nil
}

// creation is the launch of a container's init.
type creation struct {
	launch
	options CreateOptions
	bundle  *bundle.Bundle
	cgroup  cgroups.Manager // nil without one
	joined  bool            // it was joined after the clone
	states  hook.States
	devices *netdev.Moved // nil unless some have moved
}

// create reads downwards: what can be known before is checked before anything is
// created; from Reserve on, undo takes back what was.
//
// With forStart the container waits on its start socket, otherwise in the
// conversation.
func (r *Runtime) create(ctx context.Context, o CreateOptions, forStart bool) (*creation, error) {
	b, err := bundle.Open(o.Bundle)
	if err != nil {
		return nil, err
	}
	for _, p := range b.Warnings {
		r.warn(p.String())
	}
	if err := checkFiles(&o.Stdio, o.ExtraFiles, o.ListenFDs); err != nil {
		return nil, err
	}
	if err := o.Stdio.check(b.Spec.Process); err != nil {
		return nil, err
	}
	dir, err := state.Reserve(r.Root, o.ID)
	if err != nil {
		return nil, fault.Wrap("state", "", err)
	}
	c := &creation{options: o, bundle: b}
	c.launch = launch{Container: &Container{runtime: r, dir: dir}, spec: b.Spec, pidfd: -1}
	if err := c.build(ctx, forStart); err != nil {
		c.undo()
		return nil, err
	}
	return c, nil
}

func (c *creation) build(ctx context.Context, forStart bool) (err error) {
	if err := c.record(); err != nil {
		return err
	}
	given := map[string]int{}
	if forStart {
		fd, err := nsenter.ListenStart(c.dir.FD(), state.StartName)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		given[specconv.StartFile] = fd
	}
	if c.streams, err = c.options.Stdio.open(c.spec.Process, given); err != nil {
		return err
	}
	// Without privileges there may be none after all, which changes the plan.
	if err := c.createCgroup(); err != nil {
		return explain.Cgroup("cgroup", err)
	}
	if err := resctrl.Host.Prepare(c.state.IntelRdt, c.spec.Linux.IntelRdt); err != nil {
		return explain.Cgroup("intel-rdt", err)
	}
	if err := c.compile(ctx, given); err != nil {
		return err
	}
	if err := c.start(given); err != nil {
		return err
	}
	answer := func(m nsenter.Message) error { return c.answer(ctx, m) }
	d := dialogue{status: specs.StateCreating, answer: answer, untilCreated: true, gone: c.gone}
	if err := c.converse(ctx, &c.child.Conversation, d); err != nil {
		return err
	}
	if err := c.streams.receive(); err != nil {
		return err
	}
	return announce(c.options.PidfdSocket, "standard", c.options.PidFile, c.pid, c.pidfd)
}

// record saves what a delete has to know before any of it exists: after a kill at any
// later point `delete --force` finds it here.
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
	if err := c.dir.WriteFile(state.ConfigName, b.Content); err != nil {
		return err
	}
	return c.dir.Save(s)
}

// createCgroup creates the directories; limits are set while the child is at work.
func (c *creation) createCgroup() error {
	c.cgroup = c.manager()
	if c.cgroup == nil {
		return nil
	}
	err := c.cgroup.Create(bundle.Resources(c.spec))
	if err != nil {
		// It has removed what it had created. What is there is somebody else's, and
		// must not be killed and removed together with this container.
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
	if !c.joinsCgroup() {
		c.giveCgroup()
	}
	return nil
}

// giveCgroup gives the cgroup to the container's user. The container works without.
func (c *creation) giveCgroup() {
	uid, ok := cgrouppolicy.Owner(c.spec)
	if !ok || uid == c.state.OwnerUID {
		return
	}
	if err := c.cgroup.Chown(uid); err != nil {
		c.runtime.warn(err.Error())
	}
}

func (c *creation) start(given map[string]int) error {
	// The rules of cgroup v1 are a list that is written line by line: half of it
	// would keep the child from creating the device nodes.
	if c.cgroup != nil && !c.joinsCgroup() {
		if err := c.runtime.cgroups().SetDevices(c.cgroup, c.spec); err != nil {
			return explain.Cgroup("cgroup", err)
		}
	}
	o := nsenter.Options{Provided: given, Inherited: descriptors(c.options.ExtraFiles)}
	if err := c.startChild(o, c.group()); err != nil {
		return err
	}
	if c.cgroup == nil || c.limitsLate() {
		return nil
	}
	return explain.Cgroup("cgroup", c.cgroup.Set(bundle.Resources(c.spec)))
}

// setLateLimits sets what start couldn't.
func (c *creation) setLateLimits() error {
	if c.cgroup == nil || !c.limitsLate() {
		return nil
	}
	if err := c.cgroup.Set(bundle.Resources(c.spec)); err != nil {
		return err
	}
	if c.joinsCgroup() {
		return c.runtime.cgroups().SetDevices(c.cgroup, c.spec)
	}
	return nil
}

// limitsLate reports whether the limits have to wait until all namespaces exist. One
// on the number of processes would stop the relay itself, were it set before; and
// systemd's cgroup exists only when the child has joined it.
func (c *creation) limitsLate() bool {
	return c.plan.Has(plan.KindFork) || c.joinsCgroup()
}

func (c *creation) joinsCgroup() bool {
	return c.state.Cgroup != nil && c.state.Cgroup.Driver == cgroups.Systemd
}

// joinCgroup moves the child into its cgroup, where that couldn't be done with the
// clone, at the first message that the child waits after. What the child forks later is
// in it, too.
func (c *creation) joinCgroup(pid int) error {
	if c.joined || !c.joinsCgroup() {
		return nil
	}
	err := c.runtime.cgroups().Explain(c.spec, c.cgroup.Join(pid))
	if errors.Is(err, cgroups.ErrNotCreated) {
		// If it is there it is somebody else's: it must not end with this container.
		c.cgroup, c.state.Cgroup = nil, nil
	}
	c.joined = err == nil
	if c.joined {
		c.giveCgroup()
	}
	return explain.Cgroup("cgroup", err)
}

// group returns the cgroup to start in; a nil interface without one.
func (c *creation) group() cgroups.Group {
	if c.cgroup == nil {
		return nil
	}
	return c.cgroup
}

func (c *creation) answer(ctx context.Context, m nsenter.Message) error {
	switch m.Kind {
	case nsenter.Maps:
		if err := c.joinCgroup(m.Pid); err != nil {
			return err
		}
		return explain.Maps(c.spec.Linux, c.writeMaps(m.Pid))
	case nsenter.Namespaces:
		return c.enter(ctx, m.Pid)
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
	}
	if len(c.spec.Linux.TimeOffsets) > 0 {
		return idmap.WriteTimeOffsets(pid, c.spec.Linux.TimeOffsets)
	}
	return nil
}

// enter is what the parent does when all namespaces exist: the process is known for
// good, and so the state is saved before it goes on.
func (c *creation) enter(ctx context.Context, pid int) (err error) {
	if err := c.identify(pid); err != nil {
		return err
	}
	if err := c.joinCgroup(pid); err != nil {
		return err
	}
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	if err := c.setLateLimits(); err != nil {
		return explain.Cgroup("cgroup", err)
	}
	if err := resctrl.Host.Join(c.state.IntelRdt, pid); err != nil {
		return explain.Cgroup("intel-rdt", err)
	}
	if c.devices, err = netdev.Move(pid, c.spec.Linux.NetDevices); err != nil {
		return fault.Wrap("network-device", fault.NetworkFailed, err)
	}
	creating := ociState(c.state, specs.StateCreating)
	if hooks := c.spec.Hooks; hooks != nil {
		//nolint:staticcheck // prestart is deprecated, and required
		if err := c.runtime.hooks().RunAll(ctx, "prestart", hooks.Prestart, creating); err != nil {
			return err
		}
		if err := c.runtime.hooks().RunAll(ctx, "createRuntime", hooks.CreateRuntime, creating); err != nil {
			return err
		}
	}
	return c.states.Fill(creating)
}

// identify notes pid as the container's init, in the state too.
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

// announce tells others, last of all, that the process is there. The word is what
// goes with the pidfd.
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

// process hands the container over to the caller.
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

// undo takes everything back. It runs the poststop hooks if others have run:
// runtime.md, lifecycle, steps 3 to 7.
func (c *creation) undo() {
	c.abort()
	if err := c.devices.GiveBack(); err != nil {
		c.runtime.warn(err.Error())
	}
	if c.state == nil || c.state.Pid == 0 {
		c.abandon()
	} else if err := c.delete(); err != nil {
		c.runtime.warn(err.Error())
	}
	c.closeFiles()
	c.close(false)
	c.dir.Close()
}

// abandon removes what exists before any hook has run.
func (c *creation) abandon() {
	var failed []error
	if c.cgroup != nil {
		failed = append(failed, c.killAll(unix.SIGKILL), c.cgroup.Destroy())
	}
	if c.state != nil {
		failed = append(failed, removeMounts(c.state), resctrl.Host.Remove(c.state.IntelRdt))
	}
	failed = append(failed, c.dir.Remove())
	if err := errors.Join(failed...); err != nil {
		c.runtime.warn(err.Error())
	}
}

// gone returns the error for a child that ended without a word.
func (c *creation) gone() error {
	if c.pid == 0 {
		c.pid = c.child.Pid
	}
	status, err := reap.Wait(c.pid)
	if err != nil {
		return nsenter.ErrGone
	}
	c.reaped = true
	if status.Signaled() && status.Signal() == unix.SIGKILL && c.ranOutOfMemory() {
		limit := place.At("/linux/resources/memory/limit")
		return &fault.Fault{
			Err: place.Errorf(limit, "unable to start container process: "+
				"it was killed while it was set up (out of memory: the limit is too low)"),
			Code: fault.OutOfMemory, Step: "cgroup", Field: limit.Pointer, Hint: "the limit is too low",
		}
	}
	return fault.Wrap("", fault.ProcessFailed, fmt.Errorf(
		"unable to start container process: it ended while it was set up: %s", reap.Describe(status)))
}

// ranOutOfMemory reports whether the kernel has killed the child for its cgroup's
// limit.
func (c *creation) ranOutOfMemory() bool {
	if c.cgroup == nil {
		return false
	}
	kills, err := c.cgroup.OOMKills()
	return err == nil && kills > 0
}
