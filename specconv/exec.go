package specconv

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// ExecInput is what the plan of a further process in a running container depends on.
// Spec is the container's; Process must be one in which config.ValidateProcess has found
// no error.
type ExecInput struct {
	Spec         *specs.Spec
	Process      *specs.Process
	Host         *host.Host
	NoNewKeyring bool
	PreserveFDs  int
	// LineFeeds is as in Input.
	LineFeeds bool
	Env       []string
	Seccomp   *Seccomp
	// InCgroup and CgroupFiles are as in Input.
	InCgroup    bool
	CgroupFiles []string
	// Tools are those that the process has besides the container's programs; nil is none.
	Tools *Tools
	// Rootfs is where the mounts of a container without a mount namespace are; "" for a
	// process that keeps the root of the runtime.
	Rootfs string
}

// Exec plans a process that joins a container. Its namespaces are those of the
// container's init, which ProcessFile refers to.
func Exec(in ExecInput) (*plan.Plan, error) {
	if in.Process == nil {
		return nil, errors.New("process property must not be empty")
	}
	b := &builder{
		spec: in.Spec, process: in.Process, host: in.Host, in: Input{Rootfs: in.Rootfs, LineFeeds: in.LineFeeds},
		ns: config.NamespacesOf(in.Spec, in.Host), seccomp: in.Seccomp,
		plan: &plan.Plan{PreserveFDs: in.PreserveFDs, Steps: make([]plan.Step, 0, 40)},
	}
	b.setEnvironment(in.Env)
	b.hasTools = in.Tools != nil

	b.outside = b.preparesOutside()
	filtered := b.outside && b.passesFilter(b.callsToEnter()...)
	if b.needsPrivilege() && !filtered {
		b.outside = false
	}

	b.enterCgroup(in.CgroupFiles)
	b.oomScore()
	b.raiseHardLimits()
	if in.Tools == nil {
		b.joinContainer(b.ns.Created | b.ns.Joined)
	} else {
		b.joinWithTools(in.Tools)
	}
	if !b.outside {
		b.enterPIDNamespace(false)
	}
	b.keyring(in.NoNewKeyring)
	b.labels()
	if in.Tools != nil {
		b.toolbox(in.Tools)
	}
	if !in.InCgroup {
		b.addOwn(plan.Checkpoint{Point: plan.CheckpointNamespaces})
	}
	b.affinity()
	b.console(plan.Console{Foreign: b.outside})
	b.umask()
	b.prepareProcess()
	if filtered {
		b.loadFilter()
		b.dropPrivilege()
	}
	if b.outside {
		b.enterPIDNamespace(b.process.Terminal)
		b.limitProcesses()
	}
	b.addOwn(plan.Created{})
	if !filtered {
		b.loadFilter()
	}
	b.execute()
	return b.plan, nil
}

// joinContainer plans to join the namespaces flags: all that the container doesn't share with
// the runtime, whether it has created or joined them.
func (b *builder) joinContainer(flags uint64) {
	// Before the processes of the container can see this one (CVE-2016-9962).
	b.addOwn(plan.SetUndumpable{})
	if b.process.ApparmorProfile != "" || b.process.SelinuxLabel != "" {
		// The container's own /proc can't be trusted (CVE-2019-16884).
		b.addOwn(plan.Proc{})
	}
	b.provide(ProcessFile)
	join := plan.JoinProcess{File: ProcessFile, Flags: flags}
	if !b.ownsMounts() {
		join.Root = b.in.Rootfs
	}
	b.add(place.At("/linux/namespaces"), join)
	if flags&unix.CLONE_NEWUSER != 0 && isRootMapped(b.spec.Linux) {
		b.addOwn(plan.BecomeRoot{KeepGroups: b.keepsGroups()})
	}
}

// affinity resets the CPU affinity that was inherited from the caller, unless the config
// sets one. The initial affinity is set before the clone; without a final one it stays,
// as far as the cgroup allows it.
func (b *builder) affinity() {
	var a specs.CPUAffinity
	if b.process.ExecCPUAffinity != nil {
		a = *b.process.ExecCPUAffinity
	}
	final, _ := words.ParseList(a.Final)
	initial, _ := words.ParseList(a.Initial)
	switch {
	case len(final) > 0:
		b.add(place.At("/process/execCPUAffinity/final"), plan.Affinity{Mask: final})
	case len(initial) == 0:
		b.addOwn(plan.Affinity{})
	}
}
