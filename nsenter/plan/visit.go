package plan

// visitor walks the fields of an op: the encoder lays them out, the printer
// shows them. One walk for both, so that they can't differ. Slots are those of
// struct op in wire.h: str and vec share the four s slots, num the n slots;
// the length of data is in the n slot of the same number.
type visitor interface {
	str(slot int, name, s string)
	vec(slot int, name string, l []string)
	data(slot int, name string, b []byte)
	num(slot int, name string, n uint64, b base)
	flag(bit uint, name string, on bool)
	file(name string)
}

// base says how a number is shown.
type base uint8

const (
	dec base = iota
	signed
	octal
	hex
	cloneBits
	mountBits
	attrBits
	capBits
)

// Kind implements Op for every op below.

func (Cgroup) Kind() Kind          { return KindCgroup }
func (SetUndumpable) Kind() Kind   { return KindSetUndumpable }
func (OOMScoreAdj) Kind() Kind     { return KindOOMScoreAdj }
func (Session) Kind() Kind         { return KindSession }
func (Keyring) Kind() Kind         { return KindKeyring }
func (Affinity) Kind() Kind        { return KindAffinity }
func (Join) Kind() Kind            { return KindJoin }
func (JoinProcess) Kind() Kind     { return KindJoinProcess }
func (Unshare) Kind() Kind         { return KindUnshare }
func (Checkpoint) Kind() Kind      { return KindCheckpoint }
func (BecomeRoot) Kind() Kind      { return KindBecomeRoot }
func (Fork) Kind() Kind            { return KindFork }
func (Loopback) Kind() Kind        { return KindLoopback }
func (Hostname) Kind() Kind        { return KindHostname }
func (Domainname) Kind() Kind      { return KindDomainname }
func (Proc) Kind() Kind            { return KindProc }
func (Propagation) Kind() Kind     { return KindPropagation }
func (Root) Kind() Kind            { return KindRoot }
func (Mount) Kind() Kind           { return KindMount }
func (Bind) Kind() Kind            { return KindBind }
func (Directory) Kind() Kind       { return KindDirectory }
func (Device) Kind() Kind          { return KindDevice }
func (Symlink) Kind() Kind         { return KindSymlink }
func (Attributes) Kind() Kind      { return KindAttributes }
func (Hook) Kind() Kind            { return KindHook }
func (Mask) Kind() Kind            { return KindMask }
func (Readonly) Kind() Kind        { return KindReadonly }
func (Sysctl) Kind() Kind          { return KindSysctl }
func (Label) Kind() Kind           { return KindLabel }
func (Pivot) Kind() Kind           { return KindPivot }
func (Console) Kind() Kind         { return KindConsole }
func (Stdio) Kind() Kind           { return KindStdio }
func (Umask) Kind() Kind           { return KindUmask }
func (Rlimit) Kind() Kind          { return KindRlimit }
func (Scheduler) Kind() Kind       { return KindScheduler }
func (IOPriority) Kind() Kind      { return KindIOPriority }
func (Personality) Kind() Kind     { return KindPersonality }
func (MemoryPolicy) Kind() Kind    { return KindMemoryPolicy }
func (Home) Kind() Kind            { return KindHome }
func (Chdir) Kind() Kind           { return KindChdir }
func (Identity) Kind() Kind        { return KindIdentity }
func (NoNewPrivileges) Kind() Kind { return KindNoNewPrivileges }
func (Capabilities) Kind() Kind    { return KindCapabilities }
func (ResolveExec) Kind() Kind     { return KindResolveExec }
func (Created) Kind() Kind         { return KindCreated }
func (WaitStart) Kind() Kind       { return KindWaitStart }
func (Seccomp) Kind() Kind         { return KindSeccomp }
func (Exec) Kind() Kind            { return KindExec }

func (SetUndumpable) visit(visitor)   {}
func (o Session) visit(v visitor)     { v.flag(0, "terminal", o.Terminal) }
func (BecomeRoot) visit(visitor)      {}
func (Loopback) visit(visitor)        {}
func (NoNewPrivileges) visit(visitor) {}
func (Created) visit(visitor)         {}
func (o OOMScoreAdj) visit(v visitor) { v.num(0, "value", uint64(int64(o.Value)), signed) }
func (Keyring) visit(visitor)         {}
func (o Affinity) visit(v visitor)    { v.data(0, "mask", o.Mask) }
func (o Unshare) visit(v visitor)     { v.num(0, "flags", o.Flags, cloneBits) }
func (o Fork) visit(v visitor)        { v.num(0, "flags", o.Flags, cloneBits) }
func (o Checkpoint) visit(v visitor)  { v.num(0, "point", uint64(o.Point), dec) }
func (o Hostname) visit(v visitor)    { v.str(0, "name", o.Name) }
func (o Domainname) visit(v visitor)  { v.str(0, "name", o.Name) }
func (o Proc) visit(v visitor)        { v.flag(0, "private", o.Private) }
func (o Mask) visit(v visitor)        { v.str(0, "path", o.Path) }
func (o Readonly) visit(v visitor)    { v.str(0, "path", o.Path) }
func (o Stdio) visit(v visitor)       { v.num(0, "uid", uint64(o.UID), dec) }
func (o Umask) visit(v visitor)       { v.num(0, "mask", uint64(o.Mask), octal) }
func (o Scheduler) visit(v visitor)   { v.data(0, "attr", o.Attr) }
func (o IOPriority) visit(v visitor)  { v.num(0, "value", uint64(o.Value), hex) }
func (o Personality) visit(v visitor) { v.num(0, "domain", o.Domain, hex) }
func (o Home) visit(v visitor)        { v.num(0, "uid", uint64(o.UID), dec) }
func (o Cgroup) visit(v visitor)      { v.file(o.File) }
func (o WaitStart) visit(v visitor)   { v.file(o.File) }

func (o Pivot) visit(v visitor) {
	v.flag(0, "move", o.Move)
	v.flag(1, "chroot", o.Chroot)
}

func (o Root) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.file(o.File)
}

func (o Join) visit(v visitor) {
	v.file(o.File)
	v.num(0, "type", o.Type, cloneBits)
}

func (o JoinProcess) visit(v visitor) {
	v.file(o.File)
	v.str(0, "root", o.Root)
	v.num(0, "flags", o.Flags, cloneBits)
}

func (o Propagation) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.num(0, "flags", o.Flags, mountBits)
}

func (o Mount) visit(v visitor) {
	v.str(0, "type", o.FSType)
	v.str(1, "source", o.Source)
	v.str(2, "target", o.Target)
	v.vec(3, "params", o.Params)
	v.num(0, "set", o.Attr.Set, attrBits)
	v.num(1, "clear", o.Attr.Clear, attrBits)
	v.num(2, "propagation", o.Propagation, mountBits)
	v.flag(0, "copy-up", o.CopyUp)
	v.flag(1, "inherit-mode", o.InheritMode)
	v.flag(2, "no-symlink", o.NoSymlink)
	v.str(4, "fallback", o.Fallback)
}

func (o Bind) visit(v visitor) {
	v.file(o.File)
	v.str(1, "source", o.Source)
	v.str(2, "target", o.Target)
	v.num(0, "set", o.Attr.Set, attrBits)
	v.num(1, "clear", o.Attr.Clear, attrBits)
	v.num(2, "propagation", o.Propagation, mountBits)
	v.num(3, "recursive-set", o.RecAttr.Set, attrBits)
	v.num(4, "recursive-clear", o.RecAttr.Clear, attrBits)
	v.flag(0, "recursive", o.Recursive)
	v.flag(1, "replace", o.Replace)
	v.flag(2, "no-symlink", o.NoSymlink)
	v.flag(3, "proc-only", o.ProcOnly)
}

func (o Directory) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.num(0, "mode", uint64(o.Mode), octal)
}

func (o Device) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.str(1, "source", o.Source)
	v.num(0, "mode", uint64(o.Mode), octal)
	v.num(1, "major", uint64(o.Major), dec)
	v.num(2, "minor", uint64(o.Minor), dec)
	v.num(3, "uid", uint64(o.UID), dec)
	v.num(4, "gid", uint64(o.GID), dec)
	v.flag(0, "default", o.Default)
	v.flag(1, "bind", o.BindSource)
}

func (o Symlink) visit(v visitor) {
	v.str(0, "target", o.Target)
	v.str(1, "path", o.Path)
	v.flag(0, "replace", o.Replace)
}

func (o Attributes) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.num(0, "set", o.Attr.Set, attrBits)
	v.num(1, "clear", o.Attr.Clear, attrBits)
	v.num(2, "propagation", o.Propagation, mountBits)
	v.flag(0, "recursive", o.Recursive)
}

func (o Hook) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.vec(1, "args", o.Args)
	v.vec(2, "env", o.Env)
	v.num(0, "timeout", uint64(o.Timeout), dec)
	v.file(o.State)
	v.flag(0, "in-root", o.InRoot)
}

func (o Sysctl) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.str(1, "value", o.Value)
}

func (o Label) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.str(1, "fallback", o.Fallback)
	v.str(2, "value", o.Value)
}

func (o Console) visit(v visitor) {
	v.file(o.File)
	v.num(0, "rows", uint64(o.Rows), dec)
	v.num(1, "cols", uint64(o.Cols), dec)
	v.flag(0, "mount", o.Mount)
	v.flag(1, "foreign", o.Foreign)
}

func (o Rlimit) visit(v visitor) {
	v.str(0, "name", o.Name)
	v.num(0, "resource", uint64(o.Resource), dec)
	v.num(1, "soft", o.Soft, dec)
	v.num(2, "hard", o.Hard, dec)
}

func (o MemoryPolicy) visit(v visitor) {
	v.data(0, "mask", o.Mask)
	v.num(1, "mode", uint64(o.Mode), hex)
}

func (o Chdir) visit(v visitor) {
	v.str(0, "path", o.Path)
	v.flag(0, "early", o.Early)
}

func (o Identity) visit(v visitor) {
	v.data(2, "groups", encodeGroups(o.Groups))
	v.num(0, "uid", uint64(o.UID), dec)
	v.num(1, "gid", uint64(o.GID), dec)
	v.flag(0, "setgroups", o.SetGroups)
}

func (o Capabilities) visit(v visitor) {
	v.num(0, "bounding", o.Bounding, capBits)
	v.num(1, "effective", o.Effective, capBits)
	v.num(2, "permitted", o.Permitted, capBits)
	v.num(3, "inheritable", o.Inheritable, capBits)
	v.num(4, "ambient", o.Ambient, capBits)
	v.num(5, "keep", o.Keep, capBits)
}

func (o ResolveExec) visit(v visitor) {
	v.str(0, "name", o.Name)
	v.vec(1, "path", o.Path)
}

func (o Seccomp) visit(v visitor) {
	v.data(0, "filter", o.Filter)
	v.num(1, "flags", o.Flags, hex)
	v.flag(0, "notify", o.Notify)
}

func (o Exec) visit(v visitor) {
	v.vec(0, "args", o.Args)
	v.vec(1, "env", o.Env)
}
