// Package specconv turns a config.json into the plan of a process: it decides every
// step that follows from the config and from the facts about the host. It is pure: it
// reads nothing but its input and acts on nothing.
//
// The parts of a config that aren't steps of a process belong to others: cgroups and
// resources, the compilation of seccomp filters, network devices, Intel RDT, and the
// hooks that run in the runtime's own namespaces.
package specconv

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Input is what the plan of a container's init depends on. Spec must be one in which
// config.Validate, on this Host, has found no error.
type Input struct {
	Spec *specs.Spec
	Host *host.Host
	// Bundle and Rootfs are absolute paths; Rootfs has no symbolic links in it.
	Bundle, Rootfs string
	// NoPivot uses MS_MOVE instead of pivot_root(2), for a root on an initramfs.
	NoPivot      bool
	NoNewKeyring bool
	// PreserveFDs and ListenFDs are how many descriptors the process inherits, from 3
	// on: first those of a service manager, which sd_listen_fds(3) finds, then those of
	// the caller.
	PreserveFDs, ListenFDs int
	// LineFeeds makes line feeds of a terminal's output arrive as they are.
	LineFeeds bool
	// Env is appended to the environment of the process.
	Env []string
	// HookEnv is the environment of createContainer hooks that have none.
	HookEnv []string
	// Mounts are mounted after those of the config.
	Mounts  []specs.Mount
	Seccomp *Seccomp
	// StartSocket makes the process wait on the socket StartFile before it executes
	// the program, instead of on the parent.
	StartSocket bool
	// InCgroup reports whether the process enters its cgroup without the parent: by
	// the clone itself, or by writing to CgroupFiles, the names of files that are the
	// "tasks" of cgroup v1.
	InCgroup    bool
	CgroupFiles []string
	// Cgroups are required where the config mounts cgroups.
	Cgroups []CgroupHierarchy
}

// Create plans the init of a container, runtime.md "Lifecycle" steps 2 to 8.
// The order of the steps matters: later ones need what earlier ones have created, or
// must no longer be able to reach it.
func Create(in Input) (*plan.Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	b := &builder{
		in: in, spec: in.Spec, process: in.Spec.Process, host: in.Host,
		ns: config.NamespacesOf(in.Spec, in.Host), seccomp: in.Seccomp,
		plan: &plan.Plan{PreserveFDs: in.PreserveFDs + in.ListenFDs, Steps: make([]plan.Step, 0, 96)},
	}
	b.setEnvironment(in.environment())
	b.outside = b.createsOutside()

	b.enterCgroup(in.CgroupFiles)
	b.chownStreams()
	b.enterNamespaces()
	b.keyring(in.NoNewKeyring)
	b.addOwn(plan.Affinity{})
	b.loopback()
	b.hostnames()
	b.root()
	b.mounts()
	b.devices()
	b.addOwn(plan.Checkpoint{Point: plan.CheckpointNamespaces})
	b.hooks("createContainer", CreatingStateFile, plan.Hook{Env: in.HookEnv})
	b.workingDirectory()
	b.sysctls()
	b.console(plan.Console{Mount: true, Foreign: b.outside}) // which creates /dev/console
	b.plan.Steps = append(b.plan.Steps, b.readonly...)
	b.protectedPaths()
	b.readonlyRoot()
	b.labels()
	b.add(place.At("/root/path"), plan.Pivot{Move: in.NoPivot && b.ownsMounts(), Chroot: !b.ownsMounts()})
	b.finalPropagation()
	b.umask()
	if b.outside {
		b.joinPIDNamespace()
	}
	if b.process != nil {
		b.finish()
		return b.plan, nil
	}
	// It waits for nothing but its end, and needs nothing.
	b.addOwn(plan.Capabilities{})
	if b.outside {
		b.enterPIDNamespace(false)
	}
	b.addOwn(plan.Created{})
	b.waitStart()
	return b.plan, nil
}

// finish plans the steps from the process' own settings to the program. Who can trace the
// process while it waits gains nothing that the program lacks, if the filter allows the
// system calls that are left.
func (b *builder) finish() {
	b.prepareProcess()
	calls := b.callsToWait()
	if b.outside {
		calls = append(calls, b.callsToEnter()...)
	}
	filtered := b.passesFilter(calls...)
	b.admitUser(filtered)
	if filtered {
		b.loadFilter()
		b.dropPrivilege()
	}
	if b.outside {
		b.enterPIDNamespace(b.process.Terminal)
		b.limitProcesses()
	}
	b.addOwn(plan.Created{})
	b.waitStart()
	if !filtered {
		b.loadFilter()
	}
	b.startHooks()
	b.execute()
}

// check returns an error for input that is wrong independently of the config.
func (in *Input) check() error {
	switch {
	case !filepath.IsAbs(in.Rootfs):
		return fmt.Errorf("invalid rootfs: not an absolute path: %q", in.Rootfs)
	case in.Rootfs == "/":
		return errors.New("invalid rootfs: it is the host's root")
	case in.NoPivot && in.isShared():
		// Moving a mount to a shared "/" would move it on the host as well.
		return place.Errorf(place.At("/linux/rootfsPropagation"), "shared is not supported with --no-pivot")
	}
	return nil
}

func (in *Input) isShared() bool {
	if in.Spec.Linux == nil {
		return false
	}
	flags, _ := words.Propagation(in.Spec.Linux.RootfsPropagation)
	return flags&unix.MS_SHARED != 0
}

// environment returns what the runtime adds to the environment of the process.
func (in *Input) environment() []string {
	if in.ListenFDs == 0 {
		return in.Env
	}
	return append(in.Env[:len(in.Env):len(in.Env)], "LISTEN_FDS="+strconv.Itoa(in.ListenFDs), "LISTEN_PID=1")
}
