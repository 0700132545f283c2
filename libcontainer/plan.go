package libcontainer

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/libcontainer/state"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// Plan returns the plan that Create would have its child carry out with the options Bundle,
// Config and NoPivot, and creates nothing. Errors are those of Create.
func (r *Runtime) Plan(o CreateOptions) (*plan.Plan, error) {
	b, err := bundle.Open(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	for _, p := range b.Warnings {
		r.warn(p.Sentence())
	}
	const id = "ID"
	location, err := r.cgroups().Locate(b.Spec, id)
	if err != nil {
		return nil, err
	}
	in, err := r.planInput(context.Background(), b, CreateOptions{ID: id, NoPivot: o.NoPivot}, location)
	if err != nil {
		return nil, err
	}
	in.StartSocket = true
	p, err := specconv.Create(in)
	if err == nil {
		r.debugf("plan: bundle %s, rootfs %s, %d steps", b.Dir, b.Rootfs, len(p.Steps))
	}
	return p, err
}

// compile computes the plan for the container's init.
func (c *creation) compile(ctx context.Context, provided map[string]int) error {
	in, err := c.runtime.planInput(ctx, c.bundle, c.options, c.state.Cgroup)
	if err != nil {
		return err
	}
	_, in.StartSocket = provided[specconv.StartFile]
	if c.state.Notify {
		in.Mounts = append(in.Mounts, sdnotify.Mount(c.dir))
		in.Env = append(in.Env, sdnotify.Env)
	}
	if err := c.states.Open(c.spec.Hooks, provided); err != nil {
		return err
	}
	if c.plan, err = specconv.Create(in); err != nil {
		return fault.Wrap("plan", fault.ConfigInvalid, err)
	}
	c.runtime.debugf("create %s: plan of %d steps, seccomp filter: %t", c.options.ID, len(c.plan.Steps), in.Seccomp != nil)
	c.state.Late = keepLate(c.plan)
	return nil
}

// planInput returns the input of specconv.Create, including the compiled seccomp
// filter.
func (r *Runtime) planInput(ctx context.Context, b *bundle.Bundle, o CreateOptions, location *cgroups.Location) (specconv.Input, error) {
	in := specconv.Input{
		Spec: b.Spec, Host: b.Host, Bundle: b.Dir, Rootfs: b.Rootfs,
		NoPivot: o.NoPivot, NoNewKeyring: o.NoNewKeyring,
		PreserveFDs: len(o.ExtraFiles) - o.ListenFDs, ListenFDs: o.ListenFDs,
		LineFeeds: o.Stdio.keepsTerminal(),
	}
	if o.ListenNames != "" && o.ListenFDs > 0 {
		in.Env = append(in.Env, "LISTEN_FDNAMES="+o.ListenNames)
	}
	if hooks := b.Spec.Hooks; hooks != nil && len(hooks.CreateContainer) > 0 {
		in.HookEnv = os.Environ()
	}
	if location != nil {
		// With systemd the child isn't cloned into its cgroup, see joinsCgroup.
		if in.InCgroup = location.Driver == cgroups.Cgroupfs; in.InCgroup {
			in.CgroupFiles = cgroupFiles(location)
		}
		in.Cgroups = hierarchies(location)
	}
	shared, err := r.sharedHierarchies(b, location)
	if err != nil {
		return in, err
	}
	in.Cgroups = append(in.Cgroups, shared...)
	in.Seccomp, err = r.filter(ctx, b.Spec.Linux.Seccomp)
	return in, err
}

// compile computes the plan of an exec.
func (x *execution) compile(ctx context.Context) error {
	spec := *x.spec
	spec.Process = x.wanted
	facts, err := host.Probe(&spec, x.state.Rootfs)
	if err != nil {
		return err
	}
	problems := config.ValidateProcess(x.wanted, x.spec, facts)
	if err := config.FirstError(problems); err != nil {
		return fault.Wrap("config", fault.ConfigInvalid, err)
	}
	for _, p := range problems {
		x.runtime.warn(p.String())
	}
	in := specconv.ExecInput{
		Spec: x.spec, Process: x.wanted, Host: facts,
		PreserveFDs: len(x.options.ExtraFiles), InCgroup: x.state.IntelRdt == nil && !x.attach,
		LineFeeds: x.options.Stdio.keepsTerminal(),
	}
	in.Tools = x.tools
	if !x.hostRoot {
		in.Rootfs = x.state.Rootfs
	}
	if x.state.Cgroup != nil {
		in.CgroupFiles = cgroupFiles(x.state.Cgroup)
	}
	if in.Seccomp, err = x.runtime.filter(ctx, x.spec.Linux.Seccomp); err != nil {
		return err
	}
	if x.plan, err = specconv.Exec(in); err != nil {
		return fault.Wrap("plan", fault.ConfigInvalid, err)
	}
	x.runtime.debugf("exec %s: %q as %d:%d, plan of %d steps, seccomp filter: %t", x.dir.ID(), x.wanted.Args,
		x.wanted.User.UID, x.wanted.User.GID, len(x.plan.Steps), in.Seccomp != nil)
	return nil
}

// filter returns the compiled filter of a profile, from the cache if it is there; nil
// if profile is nil.
func (r *Runtime) filter(ctx context.Context, profile *specs.LinuxSeccomp) (*specconv.Seccomp, error) {
	if profile == nil {
		return nil, nil
	}
	end := r.span("compile the seccomp profile")
	f, warnings, err := seccomp.Compile(ctx, profile, filepath.Join(r.Root, state.CacheName))
	end(err)
	for _, w := range warnings {
		r.warn(w.Error())
	}
	if err == nil {
		err = f.CheckProgram()
	}
	if err != nil {
		return nil, fault.Wrap("seccomp", fault.ConfigInvalid, err)
	}
	return &specconv.Seccomp{Filter: f.BPF, Flags: f.Flags, Notify: f.Notify, Allows: f.Allows}, nil
}

// keepLate returns what the state stores of the steps that follow start. The process
// that calls start needs it to explain their failures.
func keepLate(p *plan.Plan) []state.Step {
	first := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Op.Kind() == plan.KindWaitStart })
	late := make([]state.Step, 0, 2)
	for _, s := range p.Steps[first+1:] {
		kept := state.Step{Kind: s.Op.Kind().String(), Pointer: s.Origin.Pointer}
		switch op := s.Op.(type) {
		case plan.Hook:
			kept.Path, kept.Timeout = op.Path, uint64(op.Timeout)
		case plan.Exec:
			kept.Path = op.Args[0]
		}
		late = append(late, kept)
	}
	return late
}

// lateSteps returns the steps that keepLate has stored, as far as an explanation needs
// them.
func lateSteps(kept []state.Step) []plan.Step {
	steps := make([]plan.Step, len(kept))
	for i, s := range kept {
		steps[i].Origin = place.At(s.Pointer)
		switch s.Kind {
		case plan.KindHook.String():
			steps[i].Op = plan.Hook{Path: s.Path, Timeout: uint32(s.Timeout)}
		case plan.KindExec.String():
			steps[i].Op = plan.Exec{Args: []string{s.Path}}
		case plan.KindAnnounce.String():
			steps[i].Op = plan.Announce{}
		default:
			steps[i].Op = plan.Seccomp{}
		}
	}
	return steps
}

// cgroupFiles returns the names of the "tasks" files that the child writes to: one for
// each hierarchy of cgroup v1.
func cgroupFiles(location *cgroups.Location) []string {
	if location.Mode == cgroups.V2 {
		return nil
	}
	dirs := map[string]bool{}
	for controller, dir := range location.Paths {
		if controller != cgroups.Unified {
			dirs[dir] = true
		}
	}
	names := make([]string, 0, len(dirs))
	for i := range len(dirs) {
		names = append(names, cgroupFile(i))
	}
	return names
}

// hierarchies returns the cgroup's directories in the form in which the planner needs
// them for a mount of type cgroup.
func hierarchies(location *cgroups.Location) []specconv.CgroupHierarchy {
	if location.Mode == cgroups.V2 {
		return []specconv.CgroupHierarchy{{Dir: location.Paths[""]}}
	}
	byDir := map[string]*specconv.CgroupHierarchy{}
	var dirs []string
	for controller, dir := range location.Paths {
		h := byDir[dir]
		if h == nil {
			h = &specconv.CgroupHierarchy{Dir: dir, Name: hierarchyName(dir)}
			byDir[dir] = h
			dirs = append(dirs, dir)
		}
		switch {
		case strings.HasPrefix(controller, "name="):
			h.Options = append(h.Options, "none", controller)
		case controller != cgroups.Unified:
			h.Options = append(h.Options, controller)
		}
	}
	slices.Sort(dirs)
	list := make([]specconv.CgroupHierarchy, len(dirs))
	for i, dir := range dirs {
		list[i] = *byDir[dir]
		slices.Sort(list[i].Options)
	}
	return list
}

// sharedHierarchies returns the hierarchies of cgroup v1 in which an ordinary user's
// container has no cgroup of its own, for a mount of type cgroup. Its processes are in the
// caller's cgroups there.
func (r *Runtime) sharedHierarchies(b *bundle.Bundle, location *cgroups.Location) ([]specconv.CgroupHierarchy, error) {
	isMounted := slices.ContainsFunc(b.Spec.Mounts, func(m specs.Mount) bool { return m.Type == "cgroup" || m.Type == "cgroup2" })
	if !r.Rootless || !isMounted || b.Host.Cgroups == cgroups.V2 {
		return nil, nil
	}
	own, err := cgroups.Own()
	if err != nil {
		return nil, err
	}
	delete(own.Paths, cgroups.Unified)
	if location != nil {
		maps.DeleteFunc(own.Paths, func(key, _ string) bool { return location.Paths[key] != "" })
	}
	list := hierarchies(&own)
	for i := range list {
		list[i].Shared = true
	}
	return list, nil
}

// hierarchyName returns the first component of dir below /sys/fs/cgroup.
func hierarchyName(dir string) string {
	name := strings.TrimPrefix(dir, "/sys/fs/cgroup/")
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name = name[:i]
	}
	return name
}
