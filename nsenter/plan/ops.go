package plan

//go:generate go run ../internal/wiregen

// This file is the table of ops: every struct type declared here is one, in the
// order of its Kind, and every field is part of the encoded plan. wiregen reads
// the file and writes ops_gen.go and nsenter/child/wire.h, so that a new op is
// an entry here, a step of the planner (package specconv) and a C function named
// after the op.
//
// Names are derived from the Go names: Mount.InheritMode is "inherit-mode" of
// "mount" in a printed plan, and MOUNT_INHERIT_MODE in C. The tag `op:"NAME,FORMAT"`
// changes the name, the format, or both. The type of a field decides how it
// is encoded:
//
//	string, []string     a string, a vector of strings
//	[]byte, []uint32     a block of bytes
//	integers             a number, printed as FORMAT: octal, hex, clone (CLONE_NEW*)
//	                     or propagation (MS_*); decimal without one
//	bool                 a bit of the op's flags
//	Attr                 two numbers, "set" and "clear", with NAME in front
//	string with ,file    the name of one of the plan's Files; at most one in an op

// Cgroup moves the process into a cgroup, of which File is the open "tasks" of v1
// or "cgroup.procs" of v2. A process that moves itself, by its thread, to a cgroup
// v1 doesn't wait for the lock that any other move requires: that is milliseconds on
// an idle host.
type Cgroup struct {
	File string `op:",file"`
}

// SetUndumpable makes the process non-dumpable, so that nobody in a namespace
// that it is about to enter can ptrace it or read its /proc/PID (CVE-2016-9962).
type SetUndumpable struct{}

// SetDumpable makes the process accessible for its user again.
type SetDumpable struct{}

// OOMScoreAdj writes /proc/self/oom_score_adj, proc(5).
type OOMScoreAdj struct{ Value int }

// Session starts a new session, setsid(2). Terminal makes the standard input its
// controlling terminal.
type Session struct{ Terminal bool }

// Keyring joins a new session keyring. It is anonymous: with a name, the process
// would join an existing keyring of that name that allows it to search, and share
// its keys. A kernel without keyrings or an exhausted quota is not an error.
type Keyring struct{}

// Affinity sets the CPUs on which the process may run, sched_setaffinity(2); an
// empty Mask means all.
type Affinity struct{ Mask []byte }

// Join enters the namespace File, setns(2).
type Join struct {
	File string `op:",file"`
	Type uint64 `op:",clone"`
}

// JoinProcess enters the namespaces Flags of the process behind the pidfd File.
// If the mount namespace doesn't belong to that process alone, Root is the
// directory that the process has as its root.
type JoinProcess struct {
	File  string `op:",file"`
	Root  string
	Flags uint64 `op:",clone"`
}

// Unshare creates new namespaces for the process itself, unshare(2).
type Unshare struct {
	Flags uint64 `op:",clone"`
}

// Checkpoint sends the message of this point and waits for the answer.
type Checkpoint struct{ Point int }

// BecomeRoot changes to uid and gid 0 of the user namespace. Without KeepGroups it
// drops the supplementary groups where that is allowed.
type BecomeRoot struct {
	KeepGroups bool `op:"keepgroups"`
}

// Fork continues in a new process with new namespaces Flags, a child of the same
// parent (CLONE_PARENT); the process that forked exits.
type Fork struct {
	Flags uint64 `op:",clone"`
}

// Loopback brings up the network interface lo.
type Loopback struct{}

// Hostname sets the host name of the UTS namespace.
type Hostname struct{ Name string }

// Domainname sets the NIS domain name of the UTS namespace.
type Domainname struct{ Name string }

// Proc opens the procfs through which later steps write. Private mounts a new,
// detached instance; otherwise the host's /proc is opened and verified.
type Proc struct{ Private bool }

// Propagation sets the propagation (MS_*) of the mount at the host path Path.
type Propagation struct {
	Path  string
	Flags uint64 `op:",propagation"`
}

// Root clones the mount tree at the host path Path and attaches the clone over
// it. All later targets are resolved inside of it. ByParent is as in Bind.
type Root struct {
	Path     string
	ByParent bool
}

// Mount creates a file system and mounts it at Target in the root. A missing
// Target is created as a directory. With File, a procfs is that of this pid
// namespace, which requires Linux 6.18.
type Mount struct {
	File   string `op:",file"`
	FSType string `op:"type"`
	Source string
	Target string
	// Params are the file system's parameters, "key" or "key=value".
	Params []string
	// Attr are per-mount attributes, Propagation MS_* (0: unchanged).
	Attr        Attr
	Propagation uint64 `op:",propagation"`
	// CopyUp copies the content of Target into the new file system first.
	CopyUp bool
	// InheritMode uses the mode of an existing Target (tmpfs).
	InheritMode bool
	// NoSymlink refuses a Target with a symbolic link as last component.
	NoSymlink bool
	// Keep leaves the mount open for a MakeReadonly.
	Keep bool
	// Fallback, if any, is the host path that is bound instead, read-only and
	// without the mounts below it, if the kernel denies the mount (EPERM, EBUSY).
	Fallback string
}

// CloneTree clones the mount tree at the host path Source and keeps it for a Bind, before the
// process enters a mount namespace in which Source is something else. The trees are taken in
// their order. Target is that of the
// Bind. ByParent and IDMap are as in Bind.
type CloneTree struct {
	Source    string
	Target    string
	ByParent  bool
	IDMap     string `op:"idmap"`
	Recursive bool
}

// Bind mounts Source, a host path, at Target in the root. A missing Target is
// created: a directory for a directory, a file for anything else.
//
// With ByParent the child asks its parent for the mount tree, who clones it in the
// child's mount namespace: the root of a user namespace may not have access to
// Source, nor create an idmapped mount.
type Bind struct {
	Source   string
	Target   string
	ByParent bool
	// IDMap is the name of one of the plan's IDMaps, for the parent.
	IDMap string `op:"idmap"`
	// Attr applies to the mount itself.
	Attr        Attr
	Propagation uint64 `op:",propagation"`
	// RecAttr applies to all mounts of the tree.
	RecAttr   Attr `op:"recursive-"`
	Recursive bool
	// Replace clears the attributes that aren't in Attr.Set, too, unless a user
	// namespace has locked them; Attr.Clear then holds those that config.json
	// clears explicitly, and a locked one among them is an error.
	Replace bool
	// NoSymlink refuses a Target with a symbolic link as last component.
	NoSymlink bool
	// ProcOnly refuses a source that isn't a procfs.
	ProcOnly bool
	// Cloned takes the tree of the first CloneTree whose tree isn't taken yet.
	Cloned bool
}

// Directory creates a directory and its parents in the root.
type Directory struct {
	Path string
	Mode uint32 `op:",octal"`
}

// Device creates a device node or FIFO in the root, or verifies an existing one.
// If the kernel denies mknod(2), Source of the host is bound, or Tree is attached, a mount
// of it that was cloned outside.
type Device struct {
	Path   string
	Source string
	Tree   string `op:",file"`
	// Mode is the type and the permissions, as st_mode has them.
	Mode         uint32 `op:",octal"`
	Major, Minor uint32
	UID, GID     uint32
	// Default marks one of the specification's default devices: an existing one
	// stays as it is.
	Default bool
	// BindSource binds Source, or attaches Tree, without trying mknod(2).
	BindSource bool `op:"bind"`
	// Remove removes the node, or the mount of it, instead. What isn't this device stays.
	Remove bool
}

// Symlink creates a symbolic link in the root. An existing file stays, unless
// Replace.
type Symlink struct {
	Target, Path string
	Replace      bool
}

// Attributes changes the mount at Path in the root.
type Attributes struct {
	Path        string
	Attr        Attr
	Propagation uint64 `op:",propagation"`
	Recursive   bool
}

// MakeReadonly makes the mount of an earlier step read-only, which is a Mount with Keep
// and has this index in the plan. Target is where it was mounted: by now a later mount
// may cover it.
type MakeReadonly struct {
	Step   uint32
	Target string
}

// Toolbox makes a root of its own for the process, which has what is in "/" at its place, and in
// the directory ToolsDir the tree of the first CloneTree that isn't taken yet. If that is a
// program, it has the name Program there, and Links are further names of it. The process
// must be alone in its mount namespace.
type Toolbox struct {
	Program string
	Links   []string
}

// ToolsDir is the directory of a Toolbox in the root of the process.
const ToolsDir = "/.tools"

// Unmount unmounts the mount at Path in the root, which has no symbolic links in it, if that is
// the one with the id Mount. With Lazy it may be in use, umount2(2), MNT_DETACH.
type Unmount struct {
	Path  string
	Mount uint64
	Lazy  bool
}

// Hook runs a program with the container's state on its standard input.
type Hook struct {
	Path string
	Args []string
	Env  []string
	// Timeout is in seconds; 0 means none.
	Timeout uint32
	// State is the File with the container's state.
	State string `op:",file"`
	// InRoot marks a startContainer hook, which runs after the pivot. The working directory
	// of others is the root.
	InRoot bool
	// Home sets the last of Env to the HOME of the process, if that was looked up.
	Home bool
}

// Mask hides Path: a file behind /dev/null, a directory behind an empty
// read-only tmpfs. A missing Path is not an error.
type Mask struct{ Path string }

// Readonly makes Path read-only. A missing Path is not an error.
type Readonly struct{ Path string }

// Sysctl writes Value to sys/Path of the procfs.
type Sysctl struct{ Path, Value string }

// Label writes Value to the verified Path below /proc/thread-self, such as
// "attr/apparmor/exec". Fallback is tried if Path doesn't exist.
type Label struct{ Path, Fallback, Value string }

// Pivot makes the root the root of the mount namespace and unmounts the old one.
// Move uses MS_MOVE and chroot(2) instead of pivot_root(2). Chroot is for a mount
// namespace that isn't the container's own: only the process changes its root.
type Pivot struct{ Move, Chroot bool }

// Console opens a terminal in the container's devpts, sends its master over the
// socket File and makes it the controlling terminal and standard streams.
type Console struct {
	File       string `op:",file"`
	Rows, Cols uint16
	// Mount binds the terminal on /dev/console.
	Mount bool
	// LineFeeds leaves line feeds in the output as they are, without carriage returns.
	LineFeeds bool
	// Foreign leaves it to a Session to make it the controlling terminal.
	Foreign bool
}

// Stdio re-opens standard streams that are the host's /dev/null in the root
// and changes the owner of the others to UID.
type Stdio struct{ UID uint32 }

// Umask sets the file mode creation mask.
type Umask struct {
	Mask uint32 `op:",octal"`
}

// Rlimit sets a resource limit, setrlimit(2).
type Rlimit struct {
	Name       string
	Resource   uint32
	Soft, Hard uint64
}

// Scheduler is sched_setattr(2); Attr is a struct sched_attr.
type Scheduler struct{ Attr []byte }

// IOPriority is ioprio_set(2) for the process.
type IOPriority struct {
	Value uint32 `op:",hex"`
}

// Personality is personality(2).
type Personality struct {
	Domain uint64 `op:",hex"`
}

// MemoryPolicy is set_mempolicy(2); Mode includes the mode flags.
type MemoryPolicy struct {
	Mask []byte
	Mode uint32 `op:",hex"`
}

// Home looks up the home directory of UID in the root's /etc/passwd and sets the
// environment variable HOME of Exec to it ("/" if there is none).
type Home struct{ UID uint32 }

// Chdir changes the working directory and verifies that it is inside of the
// root. With Early, a directory that can't be entered now is tried again by the
// next Chdir, with the identity of the process.
type Chdir struct {
	Path  string
	Early bool
}

// Identity changes to the ids of the process, keeping capabilities for the steps
// that follow. SetGroups is false where setgroups(2) is denied.
type Identity struct {
	Groups    []uint32
	UID, GID  uint32
	SetGroups bool `op:"setgroups"`
}

// NoNewPrivileges is PR_SET_NO_NEW_PRIVS, prctl(2).
type NoNewPrivileges struct{}

// Capabilities sets the five sets, capabilities(7). Keep are capabilities that
// stay permitted and effective until a second Capabilities drops them.
type Capabilities struct {
	Bounding, Effective, Permitted, Inheritable, Ambient, Keep uint64 `op:",hex"`
}

// Landlock begins a ruleset that refuses these rights, landlock_create_ruleset(2), unless a
// LandlockPath or LandlockPort grants them. It takes effect with LandlockRestrict.
type Landlock struct {
	Files, Ports, Scopes uint64 `op:",hex"`
}

// LandlockPath grants rights to the file at Path, or to everything in the directory at Path.
// An Optional one may be missing.
type LandlockPath struct {
	Path     string
	Access   uint64 `op:",hex"`
	Optional bool
}

// LandlockPort grants rights to a TCP port.
type LandlockPort struct {
	Port   uint32
	Access uint64 `op:",hex"`
}

// LandlockRestrict applies the ruleset to the process, landlock_restrict_self(2), which
// requires no_new_privs or CAP_SYS_ADMIN.
type LandlockRestrict struct{}

// ResolveExec looks for the program Name as execvp(3) does, in Path, without
// running it, so that a wrong name is an error of create.
type ResolveExec struct {
	Name string
	Path []string
}

// Created tells the parent that the container is created.
type Created struct{}

// WaitStart waits for `start`: on the listening socket File, or on the
// conversation with the parent if File is empty.
type WaitStart struct {
	File string `op:",file"`
}

// Seccomp loads the BPF Filter, seccomp(2). Notify sends its listener to the
// parent.
type Seccomp struct {
	Filter []byte
	Flags  uint64 `op:",hex"`
	Notify bool
}

// Announce tells the other side that the program is next. It is no error if the filter
// refuses that.
type Announce struct{}

// Exec is the last step: execve(2) of what ResolveExec found.
type Exec struct{ Args, Env []string }
