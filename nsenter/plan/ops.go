package plan

// Kind numbers the ops. The order is that of enum op_kind in wire.h.
type Kind uint16

// The kinds of ops, in the order in which a typical plan uses them.
const (
	KindCgroup Kind = iota + 1
	KindSetUndumpable
	KindOOMScoreAdj
	KindSession
	KindKeyring
	KindAffinity
	KindJoin
	KindJoinProcess
	KindUnshare
	KindCheckpoint
	KindBecomeRoot
	KindFork
	KindLoopback
	KindHostname
	KindDomainname
	KindProc
	KindPropagation
	KindRoot
	KindMount
	KindBind
	KindDirectory
	KindDevice
	KindSymlink
	KindAttributes
	KindHook
	KindMask
	KindReadonly
	KindSysctl
	KindLabel
	KindPivot
	KindConsole
	KindStdio
	KindUmask
	KindRlimit
	KindScheduler
	KindIOPriority
	KindPersonality
	KindMemoryPolicy
	KindHome
	KindChdir
	KindIdentity
	KindNoNewPrivileges
	KindCapabilities
	KindResolveExec
	KindCreated
	KindWaitStart
	KindSeccomp
	KindExec
	kindEnd
)

var kindNames = [...]string{
	KindCgroup: "cgroup", KindSetUndumpable: "set-undumpable", KindOOMScoreAdj: "oom-score-adj", KindSession: "session",
	KindKeyring: "keyring", KindAffinity: "affinity", KindJoin: "join",
	KindJoinProcess: "join-process", KindUnshare: "unshare", KindCheckpoint: "checkpoint",
	KindBecomeRoot: "become-root", KindFork: "fork", KindLoopback: "loopback",
	KindHostname: "hostname", KindDomainname: "domainname", KindProc: "proc",
	KindPropagation: "propagation", KindRoot: "root", KindMount: "mount", KindBind: "bind",
	KindDirectory: "directory", KindDevice: "device", KindSymlink: "symlink",
	KindAttributes: "attributes", KindHook: "hook", KindMask: "mask",
	KindReadonly: "readonly", KindSysctl: "sysctl", KindLabel: "label", KindPivot: "pivot",
	KindConsole: "console", KindStdio: "stdio", KindUmask: "umask", KindRlimit: "rlimit",
	KindScheduler: "scheduler", KindIOPriority: "io-priority", KindPersonality: "personality",
	KindMemoryPolicy: "memory-policy", KindHome: "home", KindChdir: "chdir",
	KindIdentity: "identity", KindNoNewPrivileges: "no-new-privileges",
	KindCapabilities: "capabilities", KindResolveExec: "resolve-exec", KindCreated: "created",
	KindWaitStart: "wait-start", KindSeccomp: "seccomp", KindExec: "exec",
}

func (k Kind) String() string {
	if k == 0 || k >= kindEnd {
		return "?"
	}
	return kindNames[k]
}

// Cgroup moves the process into a cgroup v1, of which File is the open "tasks".
// A process that moves itself, by its thread, doesn't wait for the lock that
// everybody else who moves it has to take: that is milliseconds on an idle host.
type Cgroup struct{ File string }

// SetUndumpable makes the process non-dumpable, so that nobody in a namespace that it
// is about to enter can ptrace it or read its /proc/PID (CVE-2016-9962).
type SetUndumpable struct{}

// OOMScoreAdj writes /proc/self/oom_score_adj, proc(5).
type OOMScoreAdj struct{ Value int }

// Session starts a new session, setsid(2). Terminal makes the standard input its
// controlling terminal.
type Session struct{ Terminal bool }

// Keyring joins a new session keyring. It has no name: whoever has made one of
// that name before, and lets others search it, would have the process join that,
// and share its keys. A kernel without keyrings or an exhausted quota is
// tolerated.
type Keyring struct{}

// Affinity sets the CPUs on which the process may run; an empty Mask means all.
type Affinity struct{ Mask []byte }

// Join enters the namespace File, setns(2).
type Join struct {
	File string
	Type uint64
}

// JoinProcess enters the namespaces Flags of the process behind the pidfd File.
// Where its mount namespace isn't its own, Root is the directory that it has as
// its root.
type JoinProcess struct {
	File, Root string
	Flags      uint64
}

// Unshare makes new namespaces for the process itself, unshare(2).
type Unshare struct{ Flags uint64 }

// The points at which the child waits for its parent.
const (
	CheckpointMaps       = 1
	CheckpointNamespaces = 2
)

// Checkpoint sends the message of this point and waits for the answer.
type Checkpoint struct{ Point int }

// BecomeRoot takes uid and gid 0 of the user namespace and empties the
// supplementary groups where that is allowed.
type BecomeRoot struct{}

// Fork goes on in a new process with new namespaces Flags, a child of the same
// parent (CLONE_PARENT); the process that forked ends.
type Fork struct{ Flags uint64 }

// Loopback brings up lo.
type Loopback struct{}

// Hostname sets the host name of the UTS namespace.
type Hostname struct{ Name string }

// Domainname sets the NIS domain name of the UTS namespace.
type Domainname struct{ Name string }

// Proc opens the procfs through which later steps write. Private mounts a new,
// detached instance; otherwise the host's /proc is taken and verified.
type Proc struct{ Private bool }

// Propagation sets the propagation (MS_*) of the mount at the host path Path.
type Propagation struct {
	Path  string
	Flags uint64
}

// Root clones the mount tree at the host path Path and attaches the clone over
// it; with File, a Tree, that is attached over "/" instead, because the root of a
// user namespace may not get to Path. All later targets are resolved inside.
type Root struct{ Path, File string }

// Attr is a set of mount attributes to set and to clear (MOUNT_ATTR_*).
type Attr struct{ Set, Clear uint64 }

// Mount makes a file system and mounts it at Target in the root. A missing
// Target is made as a directory.
type Mount struct {
	FSType, Source, Target string
	// Params are the file system's parameters, "key" or "key=value".
	Params []string
	// Attr are per-mount attributes, Propagation MS_* (0: as it is).
	Attr        Attr
	Propagation uint64
	// CopyUp copies what is at Target into the new file system first.
	CopyUp bool
	// InheritMode takes the mode of an existing Target over (tmpfs).
	InheritMode bool
	// NoSymlink refuses a Target with a symbolic link as last component.
	NoSymlink bool
	// Fallback, if any, is the host path that is bound instead, read-only and
	// without the mounts below it, where the kernel denies the mount (EPERM, EBUSY).
	Fallback string
}

// Bind mounts Source, a host path, or File, a Tree, at Target in the root. A
// missing Target is made: a directory for a directory, else a file.
type Bind struct {
	Source, File, Target string
	Recursive            bool
	// Attr applies to the mount itself, RecAttr to all mounts of the tree.
	Attr, RecAttr Attr
	// Replace: attributes that aren't in Attr.Set are cleared, too, unless they
	// are locked by a user namespace; Attr.Clear then holds what was asked for
	// explicitly and must be clearable.
	Replace     bool
	Propagation uint64
	// NoSymlink refuses a Target with a symbolic link as last component.
	NoSymlink bool
	// ProcOnly refuses a source that isn't a procfs.
	ProcOnly bool
}

// Directory makes a directory and its parents in the root.
type Directory struct {
	Path string
	Mode uint32
}

// Device makes a device node or FIFO in the root, or verifies the one there.
// Where the kernel denies mknod(2), Source of the host is bound.
type Device struct {
	Path       string
	Mode       uint32 // type and permissions
	Major      uint32
	Minor      uint32
	UID, GID   uint32
	Source     string
	Default    bool // one of the spec's default devices: an existing one stays as it is
	BindSource bool // bind at once, without trying mknod
}

// Symlink makes a symbolic link in the root. An existing file stays, unless
// Replace.
type Symlink struct {
	Target, Path string
	Replace      bool
}

// Attributes changes the mount at Path in the root.
type Attributes struct {
	Path        string
	Attr        Attr
	Recursive   bool
	Propagation uint64
}

// Hook runs a program with the container's state on its standard input.
// Timeout is in seconds, 0 means none.
type Hook struct {
	Path    string
	Args    []string
	Env     []string
	Timeout uint32
	State   string // the File with the state
	InRoot  bool   // a startContainer hook: after the pivot
}

// Mask hides Path: a file behind /dev/null, a directory behind an empty
// read-only tmpfs. A missing Path is fine.
type Mask struct{ Path string }

// Readonly makes Path read-only. A missing Path is fine.
type Readonly struct{ Path string }

// Sysctl writes Value to sys/Path of the procfs.
type Sysctl struct{ Path, Value string }

// Label writes Value to the verified Path below /proc/thread-self, such as
// "attr/apparmor/exec". Fallback is tried where Path doesn't exist.
type Label struct{ Path, Fallback, Value string }

// Pivot makes the root the root of the mount namespace and lets go of the old
// one. Move uses MS_MOVE and chroot(2) instead of pivot_root(2). Chroot is for a
// mount namespace that isn't the container's own: only the process changes root.
type Pivot struct{ Move, Chroot bool }

// Console makes a terminal in the container's devpts, sends its master over
// the socket File and makes it the controlling terminal and standard streams.
type Console struct {
	File       string
	Rows, Cols uint16
	// Mount binds the terminal on /dev/console.
	Mount bool
	// Foreign leaves it to a Session to make it the controlling terminal.
	Foreign bool
}

// Stdio re-opens standard streams that are the host's /dev/null in the root
// and gives the others to UID.
type Stdio struct{ UID uint32 }

// Umask sets the file mode creation mask.
type Umask struct{ Mask uint32 }

// Rlimit sets a resource limit, setrlimit(2).
type Rlimit struct {
	Resource   uint32
	Soft, Hard uint64
	Name       string
}

// Scheduler is sched_setattr(2); Attr is a struct sched_attr.
type Scheduler struct{ Attr []byte }

// IOPriority is ioprio_set(2) for the process.
type IOPriority struct{ Value uint32 }

// Personality is personality(2).
type Personality struct{ Domain uint64 }

// MemoryPolicy is set_mempolicy(2); Mode has the mode flags in it.
type MemoryPolicy struct {
	Mode uint32
	Mask []byte
}

// Home looks up the home directory of UID in the root's /etc/passwd and puts it
// into the environment variable HOME of Exec ("/" where there is none).
type Home struct{ UID uint32 }

// Chdir changes the working directory and verifies that it is inside of the
// root. Early: a directory that can't be entered now is tried again by the
// next Chdir, with the identity of the process.
type Chdir struct {
	Path  string
	Early bool
}

// Identity takes the ids of the process, keeping capabilities for the steps
// that follow. SetGroups is false where setgroups(2) is denied.
type Identity struct {
	UID, GID  uint32
	Groups    []uint32
	SetGroups bool
}

// NoNewPrivileges is PR_SET_NO_NEW_PRIVS.
type NoNewPrivileges struct{}

// Capabilities sets the five sets, capabilities(7). Keep are capabilities that
// stay permitted and effective until a second Capabilities drops them.
type Capabilities struct {
	Bounding, Effective, Permitted, Inheritable, Ambient, Keep uint64
}

// ResolveExec looks for the program Name as execvp(3) does, in Path, without running
// it, so that a wrong name is an error of create.
type ResolveExec struct {
	Name string
	Path []string
}

// Created tells the parent that the container is created.
type Created struct{}

// WaitStart waits for `start`: on the listening socket File, or on the
// conversation with the parent if File is empty.
type WaitStart struct{ File string }

// Seccomp loads the BPF Filter, seccomp(2). Notify hands its listener over.
type Seccomp struct {
	Filter []byte
	Flags  uint64
	Notify bool
}

// Exec is the end: execve(2) of what ResolveExec found.
type Exec struct{ Args, Env []string }
