package libcontainer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/seccomp"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// compile makes the plan of the container's init.
func (c *creation) compile(b *bundle, streams *streams, given map[string]int) error {
	in, err := c.runtime.planInput(b, c.options, c.state.Cgroup)
	if err != nil {
		return err
	}
	_, in.StartSocket = given[specconv.StartFile]
	if c.state.Notify {
		in.Mounts = append(in.Mounts, notifyMount(c.entry.path()))
		in.Env = append(in.Env, notifyEnv)
	}
	if err := c.states.open(b.spec.Hooks, given); err != nil {
		return err
	}
	c.plan, err = specconv.Create(in)
	return during("plan", CodeConfigInvalid, err)
}

// planInput gathers what a plan is made from, the compiled filter included.
func (r *Runtime) planInput(b *bundle, o CreateOptions, location *cgroups.Location) (specconv.Input, error) {
	in := specconv.Input{
		Spec: b.spec, Host: b.host, Bundle: b.dir, Rootfs: b.rootfs,
		NoPivot: o.NoPivot, NoNewKeyring: o.NoNewKeyring,
		PreserveFDs: o.PreserveFDs, ListenFDs: listenFDs(),
	}
	if names := os.Getenv("LISTEN_FDNAMES"); names != "" && in.ListenFDs > 0 {
		in.Env = append(in.Env, "LISTEN_FDNAMES="+names)
	}
	if location != nil {
		// systemd makes the cgroup for a process that exists.
		if in.InCgroup = location.Driver == cgroups.Cgroupfs; in.InCgroup {
			in.CgroupFiles = cgroupFiles(location)
		}
		in.Cgroups = hierarchies(location)
	}
	var err error
	in.Seccomp, err = r.filter(b.spec.Linux.Seccomp)
	return in, err
}

// filter compiles a profile, or takes it from the cache; nil without one.
func (r *Runtime) filter(profile *specs.LinuxSeccomp) (*specconv.Seccomp, error) {
	if profile == nil {
		return nil, nil
	}
	f, warnings, err := seccomp.Compile(context.Background(), profile, filepath.Join(r.Root, cacheName))
	for _, w := range warnings {
		r.warn(w)
	}
	if err != nil {
		return nil, during("seccomp", CodeConfigInvalid, err)
	}
	return &specconv.Seccomp{Filter: f.BPF, Flags: f.Flags, Notify: f.Notify}, nil
}

// cgroupFiles name the files "tasks" that the child writes to: one for each
// hierarchy of cgroup v1.
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

func cgroupFile(i int) string { return "cgroup " + strconv.Itoa(i) }

// hierarchies are the cgroup's directories as a mount of type cgroup shows them.
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

// hierarchyName is the directory's first component below /sys/fs/cgroup.
func hierarchyName(dir string) string {
	name := strings.TrimPrefix(dir, "/sys/fs/cgroup/")
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name = name[:i]
	}
	return name
}

// Plan is the dry run: what create would have its child do.
func (r *Runtime) Plan(bundlePath string, noPivot bool) (*plan.Plan, error) {
	b, err := r.openBundle(bundlePath)
	if err != nil {
		return nil, err
	}
	const id = "ID"
	location, err := r.locateCgroup(b.spec, id)
	if err != nil {
		return nil, err
	}
	in, err := r.planInput(b, CreateOptions{ID: id, NoPivot: noPivot}, location)
	if err != nil {
		return nil, err
	}
	in.StartSocket = true
	return specconv.Create(in)
}

// replan makes the plan of a container that exists again, so that a failure
// after its start can be explained. Only its tail has to be the same.
func (c *Container) replan() (*plan.Plan, error) {
	spec, err := c.config()
	if err != nil {
		return nil, err
	}
	host, err := host.Probe(spec, c.state.Rootfs)
	if err != nil {
		return nil, err
	}
	in := specconv.Input{
		Spec: spec, Host: host, Bundle: c.state.Bundle, Rootfs: c.state.Rootfs,
		StartSocket: true,
	}
	if spec.Linux.Seccomp != nil {
		in.Seccomp = &specconv.Seccomp{}
	}
	return specconv.Create(in)
}

// compile makes the plan of an exec.
func (x *execution) compile() error {
	spec := *x.spec
	spec.Process = x.process
	host, err := host.Probe(&spec, x.state.Rootfs)
	if err != nil {
		return err
	}
	if err := x.runtime.report(config.ValidateProcess(x.process, x.spec, host)); err != nil {
		return err
	}
	in := specconv.ExecInput{
		Spec: x.spec, Process: x.process, Host: host,
		PreserveFDs: x.options.PreserveFDs, InCgroup: x.state.IntelRdt == nil && !x.attaches,
		Rootfs: x.state.Rootfs,
	}
	if x.state.Cgroup != nil {
		in.CgroupFiles = cgroupFiles(x.state.Cgroup)
	}
	if in.Seccomp, err = x.runtime.filter(x.spec.Linux.Seccomp); err != nil {
		return err
	}
	if in.Seccomp != nil {
		in.Allows = (&seccomp.Filter{BPF: in.Seccomp.Filter}).Allows
	}
	x.plan, err = specconv.Exec(in)
	return during("plan", CodeConfigInvalid, err)
}

// report gives the errors among problems as one. Without any it logs the warnings,
// which only then are about something that exists.
func (r *Runtime) report(problems []config.Problem) error {
	if err := config.FirstError(problems); err != nil {
		return during("config", CodeConfigInvalid, err)
	}
	for _, p := range problems {
		r.warn(p.String())
	}
	return nil
}
