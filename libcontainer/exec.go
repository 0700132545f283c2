package libcontainer

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
)

// Exec runs another process in a running container and, unless it is detached,
// waits for it and gives its exit status.
func (r *Runtime) Exec(o ExecOptions) (int, error) {
	if err := claimInherited(o.PreserveFDs); err != nil {
		return -1, err
	}
	c, err := r.Open(o.ID)
	if err != nil {
		return -1, err
	}
	defer c.Close()
	if err := c.acceptsExec(o.IgnorePaused); err != nil {
		return -1, err
	}
	x := &execution{Container: c, options: o}
	defer x.close()
	if err := x.prepare(); err != nil {
		return -1, err
	}
	if o.Detach {
		x.streams = inherited(o.ConsoleSocket)
		return 0, x.run()
	}
	x.streams = attached(o.ConsoleSocket)
	f := beginForeground()
	defer f.end()
	if err := x.run(); err != nil {
		return -1, err
	}
	return f.wait(x.pid, x.pidfd, x.streams.terminal)
}

func (c *Container) acceptsExec(ignorePaused bool) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch {
	case status == Stopped || status == Creating:
		return stateError("cannot exec in a stopped container")
	case status == Paused && !ignorePaused:
		return stateError("cannot exec in a paused container (use --ignore-paused to override)")
	}
	return nil
}

// execution is a process on its way into a container.
type execution struct {
	*Container
	options   ExecOptions
	spec      *specs.Spec // of the container
	process   *specs.Process
	streams   *streams
	plan      *plan.Plan
	container int // pidfd of the container's init
	child     *nsenter.Child
	pid       int // of the process, once it is known
	pidfd     int
	attaches  bool // systemd moves the process into the cgroup
}

func (x *execution) prepare() (err error) {
	x.container, x.pidfd = -1, -1
	if x.spec, err = x.config(); err != nil {
		return err
	}
	x.process = x.options.Process
	if x.process == nil {
		if x.process, err = x.options.Override.apply(x.spec.Process); err != nil {
			return err
		}
	}
	x.container, err = x.state.openProcess()
	return err
}

func (x *execution) run() error {
	terminal := x.process.Terminal
	if err := x.streams.check(x.process); err != nil {
		return during("console", CodeInvalidArgument, err)
	}
	given := map[string]int{fileProcess: x.container}
	if err := x.streams.openTerminal(terminal, given); err != nil {
		return during("console", CodeInvalidArgument, err)
	}
	if err := x.compile(); err != nil {
		return err
	}
	err := x.start(given)
	if err == nil {
		err = x.converse()
	}
	if err == nil {
		err = x.streams.created()
	}
	if err == nil {
		err = x.announce()
	}
	if err != nil {
		x.abort()
	}
	return err
}

func (x *execution) start(given map[string]int) error {
	group, err := x.cgroup()
	if err != nil {
		return during("cgroup", CodeCgroupFailed, err)
	}
	o := nsenter.Options{Stdio: x.streams.stdio, Provided: given, Cgroup: -1}
	if a := x.process.ExecCPUAffinity; a != nil {
		if o.Affinity, err = specconv.ParseList(a.Initial); err != nil {
			return fmt.Errorf("process.execCPUAffinity.initial: %w", err)
		}
	}
	if group != nil {
		defer group.Close()
	}
	x.child, err = startIn(x.plan, o, group)
	if group != nil && errors.Is(err, unix.EACCES) {
		err = x.startOutside(o, err)
	}
	if err != nil {
		return err
	}
	x.pid, x.pidfd = x.child.Pid, x.child.PidFD
	x.streams.handedOver()
	return nil
}

// converse answers the child until its program runs.
func (x *execution) converse() error {
	for {
		m, err := x.child.Next()
		if errors.Is(err, nsenter.ErrGone) {
			return x.hasBegun()
		}
		if err != nil {
			return err
		}
		if m.Kind == nsenter.Listener { // from a messenger of the process
			if err := x.passListener(m); err != nil {
				return err
			}
			continue
		}
		if err := x.identify(m.Pid); err != nil {
			return err
		}
		switch m.Kind {
		case nsenter.Namespaces:
			err = x.join()
		case nsenter.Created:
			continue
		case nsenter.Failed:
			return x.explain(m.Failure)
		default:
			err = fmt.Errorf("message %d of a child in exec", m.Kind)
		}
		if err == nil {
			err = x.child.Go()
		}
		if err != nil {
			return err
		}
	}
}

func (x *execution) passListener(m nsenter.Message) error {
	if err := x.handOverListener(specs.StateRunning, x.spec.Linux.Seccomp, x.pid, m); err != nil {
		return err
	}
	if err := x.child.Go(); !mayHaveGoneOn(err) {
		return err
	}
	return nil
}

// join is for what the process wasn't cloned into.
func (x *execution) join() error {
	if x.attaches {
		if err := cgroups.Attach(*x.state.Cgroup, x.pid); err != nil {
			return during("cgroup", CodeCgroupFailed, err)
		}
	}
	return during("intel-rdt", CodeCgroupFailed, hostResctrl.join(x.state.IntelRdt, x.pid))
}

// hasBegun: the conversation ends with the program's start, or with a child
// that was killed before it got that far.
func (x *execution) hasBegun() error {
	if x.pid != x.child.Pid || !x.plan.Has(plan.KindFork) {
		return nil
	}
	return errors.New("unable to start container process: it was killed while it entered the container")
}

// identify takes pid as the process, once it speaks for itself.
func (x *execution) identify(pid int) error {
	if pid == x.pid {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd of pid %d: %w", pid, err)
	}
	x.pid, x.pidfd = pid, fd
	// What forked has ended.
	_, _ = wait(x.child.Pid)
	return nil
}

// cgroup is where the process goes: a sub-cgroup that was asked for, or the
// container's; nil where that has none. A container that has split up its own
// cgroup v2 can't take processes at the top: then it is the one of its init.
func (x *execution) cgroup() (cgroups.Group, error) {
	m := x.manager()
	if m == nil {
		return nil, nil
	}
	if len(x.options.Cgroups) == 0 {
		if x.state.Cgroup.Mode == cgroups.V2 {
			return m.Beside(x.state.Pid)
		}
		return m, nil
	}
	paths, err := cgroups.ParseSub(x.options.Cgroups)
	if err != nil {
		return nil, err
	}
	return m.Sub(paths)
}

func (x *execution) announce() error {
	if x.options.PidfdSocket != "" {
		if err := sendPidfd(x.options.PidfdSocket, "setns", x.pidfd); err != nil {
			return during("pidfd-socket", CodeInvalidArgument, err)
		}
	}
	if x.options.PidFile != "" {
		return during("pid-file", CodeInvalidArgument, writePidFile(x.options.PidFile, x.pid))
	}
	return nil
}

func (x *execution) abort() {
	if x.child == nil {
		return
	}
	x.child.Close()
	for _, fd := range []int{x.child.PidFD, x.pidfd} {
		if fd >= 0 {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
	_, _ = wait(x.child.Pid)
	if x.pid != x.child.Pid {
		_, _ = wait(x.pid)
	}
}

func (x *execution) close() {
	if x.streams != nil {
		x.streams.close()
	}
	if x.child != nil {
		x.child.Close()
		if x.pidfd != x.child.PidFD && x.pidfd >= 0 {
			unix.Close(x.pidfd)
		}
		if x.child.PidFD >= 0 {
			unix.Close(x.child.PidFD)
		}
	}
	if x.container >= 0 {
		unix.Close(x.container)
	}
}

// apply gives the process to run: the config's, changed.
func (o *ProcessOverride) apply(base *specs.Process) (*specs.Process, error) {
	if base == nil {
		base = &specs.Process{Cwd: "/"}
	}
	p := *base
	p.Args = o.Args
	if len(p.Args) == 0 {
		return nil, errors.New("exec args cannot be empty")
	}
	p.Terminal = o.TTY
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	p.Env = append(append([]string{}, p.Env...), o.Env...)
	if o.User != nil {
		p.User.UID, p.User.GID = o.User.UID, o.User.GID
	}
	p.User.AdditionalGids = append(append([]uint32{}, p.User.AdditionalGids...), o.AdditionalGids...)
	if o.NoNewPrivileges != nil {
		p.NoNewPrivileges = *o.NoNewPrivileges
	}
	if o.SelinuxLabel != "" {
		p.SelinuxLabel = o.SelinuxLabel
	}
	if o.ApparmorProfile != "" {
		p.ApparmorProfile = o.ApparmorProfile
	}
	p.Capabilities = addCapabilities(p.Capabilities, o.Caps)
	return &p, nil
}

// addCapabilities adds to the bounding, effective and permitted sets, and to the
// ambient set where the capability is inheritable. Never to the inheritable set:
// a program with file capabilities would gain by it (CVE-2022-29162).
func addCapabilities(base *specs.LinuxCapabilities, caps []string) *specs.LinuxCapabilities {
	if len(caps) == 0 {
		return base
	}
	var c specs.LinuxCapabilities
	if base != nil {
		c = *base
	}
	c.Bounding = append(append([]string{}, c.Bounding...), caps...)
	c.Effective = append(append([]string{}, c.Effective...), caps...)
	c.Permitted = append(append([]string{}, c.Permitted...), caps...)
	ambient := append([]string{}, c.Ambient...)
	for _, add := range caps {
		for _, inheritable := range c.Inheritable {
			if add == inheritable {
				ambient = append(ambient, add)
			}
		}
	}
	c.Ambient = ambient
	return &c
}
