package specconv

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// ExecInput is what the plan of a further process in a running container is made
// from. Spec is the container's, Process one in which ValidateProcess has found
// no error.
type ExecInput struct {
	Spec         *specs.Spec
	Process      *specs.Process
	Host         *Host
	ContainerID  string
	NoNewKeyring bool
	PreserveFDs  int
	Env          []string
	Seccomp      *Seccomp
	// InCgroup and CgroupFiles are as in Input.
	InCgroup    bool
	CgroupFiles []string
	// Rootfs is where the container's mounts are, if they are the host's.
	Rootfs string
}

// Exec plans a process that joins a container. Its namespaces are those of the
// container's init, which the file "process", a pidfd, refers to.
func Exec(in ExecInput) (*plan.Plan, error) {
	if in.Process == nil {
		return nil, errors.New("process property must not be empty")
	}
	b := &builder{
		spec: in.Spec, process: in.Process, host: in.Host, in: Input{Rootfs: in.Rootfs},
		ns: namespacesOf(in.Spec, in.Host), seccomp: in.Seccomp,
		plan: &plan.Plan{PreserveFDs: in.PreserveFDs, Steps: make([]plan.Step, 0, 40)},
	}
	b.setEnvironment(in.Env)

	b.enterCgroup(in.CgroupFiles)
	b.oomScore()
	b.raiseHardLimits()
	b.joinContainer()
	b.keyring(in.ContainerID, in.NoNewKeyring)
	b.labels()
	if !in.InCgroup {
		b.add("", plan.Checkpoint{Point: plan.CheckpointNamespaces})
	}
	b.affinity()
	b.console(false)
	b.umask()
	b.becomeProcess()
	b.add("", plan.Created{})
	b.filter()
	b.execute()
	return b.plan, nil
}

// joinContainer enters all namespaces that the container doesn't share with the
// runtime. What of it are created and what joined ones makes no difference now.
func (b *builder) joinContainer() {
	flags := b.ns.created | b.ns.joined
	// Before the processes of the container can see this one (CVE-2016-9962).
	b.add("", plan.Conceal{})
	if b.process.ApparmorProfile != "" || b.process.SelinuxLabel != "" {
		// The container's own /proc can't be trusted (CVE-2019-16884).
		b.add("", plan.Proc{})
	}
	b.given(processFile)
	join := plan.JoinProcess{File: processFile, Flags: flags}
	if !b.ownsMounts() {
		join.Root = b.in.Rootfs
	}
	b.add("linux.namespaces", join)
	if flags&unix.CLONE_NEWUSER != 0 && isRootMapped(b.spec.Linux) {
		b.add("", plan.BecomeRoot{})
	}
	if flags&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0 {
		b.add("", plan.Fork{})
	}
	b.add("", plan.Session{})
}

// affinity resets what was inherited from the caller, unless the config says
// what is to be inherited: the initial affinity is set before the clone, and
// stays, as far as the cgroup lets it, without a final one.
func (b *builder) affinity() {
	var a specs.CPUAffinity
	if b.process.ExecCPUAffinity != nil {
		a = *b.process.ExecCPUAffinity
	}
	final, _ := ParseList(a.Final)
	initial, _ := ParseList(a.Initial)
	switch {
	case len(final) > 0:
		b.add("process.execCPUAffinity.final", plan.Affinity{Mask: final})
	case len(initial) == 0:
		b.add("", plan.Affinity{})
	}
}
