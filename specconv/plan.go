// Package specconv turns a config.json into the plan of a process: it decodes
// and checks the config and decides every step that follows from it. It acts on
// nothing; what depends on the host comes in as a Host, which Probe alone
// gathers (host.go).
//
// The parts of a config that aren't steps of a process are left to others:
// cgroups and resources, the compilation of seccomp filters, network devices,
// Intel RDT, and the hooks of the runtime's own namespaces.
package specconv

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// Input is what the plan of a container's init is made from. Spec is one in
// which Validate, with this Host, has found no error.
type Input struct {
	Spec *specs.Spec
	Host *Host
	// Bundle and Rootfs are absolute paths, Rootfs without symbolic links.
	Bundle, Rootfs string
	// NoPivot uses MS_MOVE instead of pivot_root(2), for a root on an initramfs.
	NoPivot      bool
	NoNewKeyring bool
	// PreserveFDs descriptors of the caller, after ListenFDs of a service
	// manager, are inherited; the latter are announced by sd_listen_fds(3).
	PreserveFDs, ListenFDs int
	// Env is added to the environment of the process.
	Env []string
	// Mounts come after those of the config.
	Mounts  []specs.Mount
	Seccomp *Seccomp
	// StartFile is the listening socket for `start`; "" waits for the parent.
	StartFile string
	// InCgroup: the process is in its cgroup from the clone on, or by writing to
	// CgroupFiles, names of the files "tasks" of cgroup v1.
	InCgroup    bool
	CgroupFiles []string
	// Cgroups are needed where the config mounts cgroups.
	Cgroups []CgroupHierarchy
}

// Seccomp is a compiled filter, with flags of seccomp(2). Notify: its listener
// is handed over.
type Seccomp struct {
	Filter []byte
	Flags  uint64
	Notify bool
}

// The files that whoever starts the child gives, besides the hooks' state.
const (
	startFile   = "start"
	consoleFile = "console"
	processFile = "process"
)

type builder struct {
	in      Input
	spec    *specs.Spec
	process *specs.Process // nil: a container without one can't be started
	host    *Host
	ns      namespaceSet
	seccomp *Seccomp
	plan    *plan.Plan
	// env is the process's environment. looksUpHome: HOME isn't in it.
	env         []string
	looksUpHome bool
	// late are the mounts that become read-only once nothing is made in them.
	late []plan.Step
}

func (b *builder) add(origin string, op plan.Op) { b.plan.Add(origin, op) }

// given names a file that the starter of the child provides.
func (b *builder) given(name string) {
	for i := range b.plan.Files {
		if b.plan.Files[i].Name == name {
			return
		}
	}
	b.plan.Files = append(b.plan.Files, plan.File{Name: name, Source: plan.Provided})
}

// inUserNS tells whether the container's root is without the host's privileges.
func (b *builder) inUserNS() bool {
	return b.host.InUserNS || b.ns.has(unix.CLONE_NEWUSER)
}

// Create plans the init of a container, runtime.md "Lifecycle" steps 2 to 8.
// The order is that in which later steps need what earlier ones made, or must no
// longer be able to reach it.
func Create(in Input) (*plan.Plan, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	b := &builder{
		in: in, spec: in.Spec, process: in.Spec.Process, host: in.Host,
		ns: namespacesOf(in.Spec, in.Host), seccomp: in.Seccomp,
		plan: &plan.Plan{PreserveFDs: in.PreserveFDs + in.ListenFDs, Steps: make([]plan.Step, 0, 96)},
	}
	b.setEnvironment(in.environment())

	b.enterCgroup(in.CgroupFiles)
	b.ownStreams()
	b.enterNamespaces()
	b.keyring(in.NoNewKeyring)
	b.add("", plan.Affinity{})
	b.names()
	b.root()
	b.mounts()
	b.devices()
	b.add("", plan.Checkpoint{Point: plan.CheckpointNamespaces})
	b.hooks("createContainer", stateCreating, false, nil)
	b.workingDirectory()
	b.sysctls()
	b.plan.Steps = append(b.plan.Steps, b.late...)
	b.console(plan.Console{Mount: true})
	b.protectedPaths()
	b.readonlyRoot()
	b.labels()
	b.add("root.path", plan.Pivot{Move: in.NoPivot && b.ownsMounts(), Chroot: !b.ownsMounts()})
	b.finalPropagation()
	b.umask()
	if b.process != nil {
		b.settle()
	}
	b.add("", plan.Created{})
	b.waitStart()
	if b.process != nil {
		b.filter()
		b.hooks("startContainer", stateCreated, true, b.env)
		b.execute()
	}
	return b.plan, nil
}

// check finds what a caller of the runtime can get wrong beside the config.
func (in *Input) check() error {
	switch {
	case !filepath.IsAbs(in.Rootfs):
		return fmt.Errorf("invalid rootfs: not an absolute path: %q", in.Rootfs)
	case in.Rootfs == "/":
		return errors.New("invalid rootfs: it is the host's root")
	case in.NoPivot && in.isShared():
		// Moving a mount to a shared "/" would move it on the host as well.
		return errors.New("linux.rootfsPropagation: shared is not supported with --no-pivot")
	}
	return nil
}

func (in *Input) isShared() bool {
	if in.Spec.Linux == nil {
		return false
	}
	flags, _ := propagationFlags(in.Spec.Linux.RootfsPropagation)
	return flags&unix.MS_SHARED != 0
}

// environment is what the runtime adds to that of the process.
func (in *Input) environment() []string {
	if in.ListenFDs == 0 {
		return in.Env
	}
	return append(in.Env[:len(in.Env):len(in.Env)], "LISTEN_FDS="+strconv.Itoa(in.ListenFDs), "LISTEN_PID=1")
}

// ownStreams gives the standard streams to the user of the process while that is
// possible: the root of a new user namespace can't give away files of the host.
func (b *builder) ownStreams() {
	if b.process == nil || b.process.Terminal || b.ns.created&unix.CLONE_NEWUSER == 0 || b.host.EUID != 0 {
		return
	}
	if uid, ok := hostID(b.spec.Linux.UIDMappings, b.process.User.UID); ok {
		b.add("process.user", plan.Stdio{UID: uid})
	}
}

// hostID is what an id of the container is outside of it.
func hostID(mappings []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + (id - m.ContainerID), true
		}
	}
	return 0, false
}

// enterCgroup comes first: what the process uses counts from here on, and a
// cgroup namespace is made in the cgroup that it is to show as its root.
func (b *builder) enterCgroup(files []string) {
	for _, name := range files {
		b.given(name)
		b.add("linux.cgroupsPath", plan.Cgroup{File: name})
	}
}

func (b *builder) names() {
	if b.ns.created&unix.CLONE_NEWNET != 0 {
		b.add("", plan.Loopback{})
	}
	if b.spec.Hostname != "" {
		b.add("hostname", plan.Hostname{Name: b.spec.Hostname})
	}
	if b.spec.Domainname != "" {
		b.add("domainname", plan.Domainname{Name: b.spec.Domainname})
	}
}

// ownsMounts tells whether the container has a mount namespace of its own, made
// or joined. Without one its mounts are the host's, below the rootfs.
func (b *builder) ownsMounts() bool { return b.ns.has(unix.CLONE_NEWNS) }

// root makes the mounts of the new namespace independent of the host's, as far
// as the config wants it, and the rootfs a mount.
func (b *builder) root() {
	if !b.ownsMounts() {
		b.add("root.path", plan.Root{Path: b.in.Rootfs})
		b.leavePeers()
		return
	}
	flags := b.rootPropagation()
	b.add("linux.rootfsPropagation", plan.Propagation{Path: "/", Flags: flags})
	if flags&unix.MS_SHARED != 0 && b.host.RootMount != "" {
		// A shared mount below would show the container's mounts on the host,
		// and pivot_root(2) refuses it.
		b.add("linux.rootfsPropagation", plan.Propagation{Path: b.host.RootMount, Flags: unix.MS_PRIVATE})
	}
	tree := b.rootTree()
	b.add("root.path", plan.Root{Path: b.in.Rootfs, File: tree})
	if tree != "" {
		b.leavePeers()
	}
}

// leavePeers comes before anything is mounted in the root, which is a peer of
// the host's mount.
func (b *builder) leavePeers() {
	for _, propagation := range b.treePropagation(nil) {
		b.add("root.path", plan.Attributes{Path: "/", Propagation: propagation})
	}
}

// rootTree has the parent open the rootfs where the root of a user namespace may
// not get to it; "" where the child can.
func (b *builder) rootTree() string {
	if !b.ns.has(unix.CLONE_NEWUSER) || b.host.EUID != 0 {
		return ""
	}
	const name = "rootfs"
	b.plan.Files = append(b.plan.Files, plan.File{
		Name: name, Source: plan.Tree, Path: b.in.Rootfs, Origin: "root.path", Recursive: true, NoFollow: true,
	})
	return name
}

// rootPropagation is that of the whole namespace while the mounts are made.
// Nothing could be bound from unbindable mounts; they are private until then.
func (b *builder) rootPropagation() uint64 {
	const slave = unix.MS_SLAVE | unix.MS_REC
	if b.spec.Linux == nil {
		return slave
	}
	flags, _ := propagationFlags(b.spec.Linux.RootfsPropagation)
	switch {
	case flags == 0:
		return slave
	case flags&unix.MS_UNBINDABLE != 0:
		return unix.MS_PRIVATE | unix.MS_REC
	}
	return flags | unix.MS_REC
}

// finalPropagation is for what can't be so before the pivot.
func (b *builder) finalPropagation() {
	if b.spec.Linux == nil {
		return
	}
	flags, _ := propagationFlags(b.spec.Linux.RootfsPropagation)
	if flags &= unix.MS_SHARED | unix.MS_UNBINDABLE; flags != 0 {
		b.add("linux.rootfsPropagation", plan.Propagation{Path: "/", Flags: flags})
	}
}

// workingDirectory comes before anything becomes read-only.
func (b *builder) workingDirectory() {
	if b.process == nil {
		return
	}
	if cwd := filepath.Clean(b.process.Cwd); cwd != "/" {
		b.add("process.cwd", plan.Directory{Path: cwd, Mode: 0o755})
	}
}

func (b *builder) readonlyRoot() {
	if b.spec.Root.Readonly {
		b.add("root.readonly", plan.Attributes{Path: "/", Attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY}})
	}
}

func (b *builder) waitStart() {
	if b.in.StartFile != "" {
		b.given(b.in.StartFile)
	}
	b.add("", plan.WaitStart{File: b.in.StartFile})
}
