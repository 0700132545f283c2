package specconv

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// builder collects the steps of one plan.
type builder struct {
	in      Input
	spec    *specs.Spec
	process *specs.Process // nil for a container that can be created, but not started
	host    *host.Host
	ns      config.Namespaces
	seccomp *Seccomp
	plan    *plan.Plan
	// outside reports whether the process is prepared before it enters its pid namespace.
	outside bool
	// hasTools reports whether the process has programs of the host beside those of the
	// container.
	hasTools bool
	// cloned reports whether steps have cloned the trees of the bind mounts.
	cloned bool
	// env is the environment of the process. looksUpHome reports whether HOME isn't in
	// it, so that the child has to look it up.
	env         []string
	looksUpHome bool
	// readonly are the steps that make mounts read-only once everything in them has been
	// created.
	readonly []plan.Step
}

// add plans a step that something in the config asks for.
func (b *builder) add(origin place.Place, op plan.Op) { b.plan.Add(origin, op) }

// addOwn plans a step that the runtime itself needs.
func (b *builder) addOwn(op plan.Op) { b.plan.Add(place.Place{}, op) }

// provide adds a file that whoever starts the process provides.
func (b *builder) provide(name string) {
	for i := range b.plan.Files {
		if b.plan.Files[i].Name == name {
			return
		}
	}
	b.plan.Files = append(b.plan.Files, plan.File{Name: name, Source: plan.Provided})
}

// inUserNS reports whether the container's root lacks the host's privileges.
func (b *builder) inUserNS() bool {
	return b.host.InUserNS || b.ns.Has(unix.CLONE_NEWUSER)
}

// enterCgroup plans the first steps: resources are accounted from here on, and a cgroup
// namespace has the cgroup that it is created in as its root.
func (b *builder) enterCgroup(files []string) {
	for _, name := range files {
		b.provide(name)
		b.add(cgroupsPath(), plan.Cgroup{File: name})
	}
}

// EnterCgroup adds to a plan the first step of a process that isn't cloned into its cgroup
// of v2: it writes to a file that is provided, cgroup.procs of that cgroup.
func EnterCgroup(p *plan.Plan, file string) {
	p.Files = append(p.Files, plan.File{Name: file, Source: plan.Provided})
	p.Steps = slices.Insert(p.Steps, 0, plan.Step{Origin: cgroupsPath(), Op: plan.Cgroup{File: file}})
}

func cgroupsPath() place.Place { return place.At("/linux/cgroupsPath") }

func (b *builder) loopback() {
	if b.ns.Created&unix.CLONE_NEWNET != 0 {
		b.addOwn(plan.Loopback{})
	}
}

func (b *builder) hostnames() {
	if b.spec.Hostname != "" {
		b.add(place.At("/hostname"), plan.Hostname{Name: b.spec.Hostname})
	}
	if b.spec.Domainname != "" {
		b.add(place.At("/domainname"), plan.Domainname{Name: b.spec.Domainname})
	}
}

func (b *builder) waitStart() {
	var file string
	if b.in.StartSocket {
		file = StartFile
		b.provide(file)
	}
	b.addOwn(plan.WaitStart{File: file})
}

// admitUser makes the process accessible, while it waits for the start, for the ordinary
// user who creates the container: an exec that joins its namespaces requires that. Others
// who could then trace the process are those in its user and pid namespace. If both exist
// already, it must not be without the seccomp filter that the program gets.
func (b *builder) admitUser(filtered bool) {
	hasFilter := filtered || b.seccomp == nil
	isAlone := b.ns.Created&(unix.CLONE_NEWUSER|unix.CLONE_NEWPID) != 0
	if b.in.StartSocket && b.host.EUID != 0 && (hasFilter || isAlone) {
		b.addOwn(plan.SetDumpable{})
	}
}
