package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/explain"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/resctrl"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/words"
)

// Exec runs a further process in a container that is created, running or, with
// IgnorePaused, paused. It returns when the program has been executed; in a paused
// container that is after Resume. The caller closes the result. After an error no
// process is left.
//
// The error is a fault.State for a container in another status, and matches that of
// ctx. It is a *fault.Fault if it can be attributed to a step or to a setting of the
// process.
func (c *Container) Exec(ctx context.Context, o ExecOptions) (*Process, error) {
	return c.exec(ctx, o, nil)
}

// exec is Exec, with tools of the host unless they are nil.
func (c *Container) exec(ctx context.Context, o ExecOptions, tools *specconv.Tools) (*Process, error) {
	if err := c.checkExec(o.IgnorePaused); err != nil {
		return nil, err
	}
	x := &execution{launch: launch{Container: c, pidfd: -1}, options: o, tools: tools, init: -1}
	defer x.closeInit()
	err := x.prepare()
	if err == nil {
		err = x.run(ctx)
	}
	if err != nil {
		x.abort()
		x.close(false)
		return nil, err
	}
	x.tellListeners("exec", x.pid)
	return x.process(), nil
}

// checkExec returns an error if the container's status doesn't permit an exec.
func (c *Container) checkExec(ignorePaused bool) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch {
	case status == Stopped || status == Creating:
		return fault.State("cannot exec in a stopped container")
	case status == Paused && !ignorePaused:
		return fault.State("cannot exec in a paused container (use --ignore-paused to override)")
	}
	return nil
}

// execution is the launch of a further process.
type execution struct {
	launch
	options ExecOptions
	wanted  *specs.Process // the process to run
	tools   *specconv.Tools
	init    int  // pidfd of the container's init
	attach  bool // systemd moves the process into the cgroup, see startOutside
}

// prepare reads the config and determines the process to run.
func (x *execution) prepare() (err error) {
	if x.spec, err = x.config(); err != nil {
		return err
	}
	if x.options.Namespaces != nil {
		if err := x.joinSome(); err != nil {
			return fault.Wrap("namespaces", fault.InvalidArgument, err)
		}
	}
	x.wanted = x.options.Process
	if x.wanted == nil {
		if x.wanted, err = x.options.Override.apply(x.spec.Process); err != nil {
			return err
		}
	}
	if x.tools != nil {
		if err := x.addTools(); err != nil {
			return err
		}
	}
	x.init, err = x.state.OpenProcess()
	return err
}

func (x *execution) closeInit() {
	if x.init >= 0 {
		unix.Close(x.init)
	}
}

func (x *execution) run(ctx context.Context) (err error) {
	if err := checkFiles(&x.options.Stdio, x.options.ExtraFiles, 0); err != nil {
		return err
	}
	if err := x.options.Stdio.check(x.wanted); err != nil {
		return err
	}
	provided := map[string]int{specconv.ProcessFile: x.init}
	if x.streams, err = x.options.Stdio.open(x.wanted, provided); err != nil {
		return err
	}
	if err := x.runtime.timed("plan", func() error { return x.compile(ctx) }); err != nil {
		return err
	}
	joined, err := x.openNamespaces(x.plan)
	defer closeAll(joined)
	if err != nil {
		return err
	}
	maps.Copy(provided, joined)
	if err := x.start(ctx, provided); err != nil {
		return err
	}
	d := dialogue{status: specs.StateRunning, answer: x.answer, gone: x.programRuns}
	if err := x.runtime.timed("the child enters the container", func() error { return x.converse(ctx, &x.child.Conversation, d) }); err != nil {
		return err
	}
	if err := x.streams.receive(); err != nil {
		return err
	}
	x.runtime.debugf("exec %s: the program runs, pid %d", x.dir.ID(), x.pid)
	return announce(x.options.PidfdSocket, "setns", x.options.PidFile, x.pid, x.pidfd)
}

// start starts the child in the cgroup.
func (x *execution) start(ctx context.Context, provided map[string]int) error {
	group, err := x.cgroup()
	if err != nil {
		return explain.Cgroup("cgroup", err)
	}
	if group != nil {
		defer group.Close()
	}
	o := nsenter.Options{Provided: provided, Inherited: descriptors(x.options.ExtraFiles)}
	if a := x.wanted.ExecCPUAffinity; a != nil {
		if o.Affinity, err = words.ParseList(a.Initial); err != nil {
			return place.Wrap(place.At("/process/execCPUAffinity/initial"), err)
		}
	}
	err = x.startChild(o, group)
	if group != nil && len(x.options.Cgroups) == 0 && (errors.Is(err, unix.EBUSY) || cgroups.IsGone(err)) {
		err = x.startBesideInit(o, err)
	}
	if group != nil && errors.Is(err, unix.EACCES) {
		err = x.startOutside(ctx, o, err)
	}
	if err != nil {
		return err
	}
	return x.identify(x.child.Pid)
}

// startBesideInit starts the child in the cgroup of the container's init, for a reason
// that the container's own can't be entered: the container has divided it, so that it
// can't have processes of its own (cgroup-v2.rst, "No Internal Process Constraint"), or it
// was removed after somebody had moved init to another one.
func (x *execution) startBesideInit(o nsenter.Options, reason error) error {
	group, err := x.manager().GroupOf(x.state.Pid)
	if err != nil {
		return fmt.Errorf("%w; %w", reason, err)
	}
	defer group.Close()
	return x.startChild(o, group)
}

// answer acts on the only message after which the child waits. The process exists, and
// isn't yet in those groups into which it couldn't be cloned.
func (x *execution) answer(m nsenter.Message) error {
	if m.Kind != nsenter.Namespaces {
		return fmt.Errorf("message %d of a child in exec", m.Kind)
	}
	if x.attach {
		if err := cgroups.Attach(*x.state.Cgroup, x.pid); err != nil {
			return explain.Cgroup("cgroup", err)
		}
	}
	return explain.Cgroup("intel-rdt", resctrl.Host.Join(x.state.IntelRdt, x.pid))
}

// programRuns is called when the conversation has ended. It returns an error if the child
// was killed before it reached its program.
func (x *execution) programRuns() error {
	if x.pid != x.child.Pid || !x.plan.Has(plan.KindFork) {
		return x.vanished()
	}
	return errors.New("unable to start container process: it was killed while it entered the container")
}

// cgroup returns the cgroup for the process: the sub-cgroup of the options, or the
// container's; nil if the container has none.
func (x *execution) cgroup() (cgroups.Group, error) {
	m := x.manager()
	if m == nil {
		return nil, nil
	}
	if len(x.options.Cgroups) == 0 {
		return m, nil
	}
	paths, err := cgroups.ParseSub(x.options.Cgroups)
	if err != nil {
		return nil, err
	}
	return m.Sub(paths)
}
