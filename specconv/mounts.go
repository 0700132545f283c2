package specconv

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/nsenter/plan"
)

// mountPoint is an entry of mounts with its options compiled.
type mountPoint struct {
	specs.Mount
	index  int
	target string // absolute and clean, in the root
	options
}

// compileMount compiles an entry; an index below 0 is that of a mount of the
// runtime's own.
func compileMount(index int, m specs.Mount) mountPoint {
	p := mountPoint{Mount: m, index: index, options: compileOptions(m.Options)}
	// A relative destination is deprecated, but legal: it starts at the root.
	p.target = path.Clean("/" + m.Destination)
	// Without such an option a type "bind" would name a file system, which
	// doesn't exist.
	switch m.Type {
	case "bind":
		p.bind = true
	case "rbind":
		p.bind, p.recursiveBind = true, true
	}
	// Maps without an option come from clients older than the option.
	p.idmap = p.idmap || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
	return p
}

func mountOrigin(index int, destination string) string {
	if index < 0 {
		return ""
	}
	return "mounts[" + strconv.Itoa(index) + "] " + destination
}

func (m *mountPoint) origin() string { return mountOrigin(m.index, m.Destination) }

func (m *mountPoint) isCgroup() bool {
	return !m.bind && (m.Type == "cgroup" || m.Type == "cgroup2")
}

// isMountReadonly tells whether "ro" is a matter of the mount alone. All mounts
// of most of these types show one superblock, and it must not become read-only
// for the others; a tmpfs becomes read-only only once it is filled.
func isMountReadonly(fsType string) bool {
	switch fsType {
	case "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "tmpfs", "bpf", "debugfs", "tracefs", "securityfs", "configfs", "efivarfs":
		return true
	}
	return false
}

func mountsCgroups(spec *specs.Spec) bool {
	for i := range spec.Mounts {
		if t := spec.Mounts[i].Type; t == "cgroup" || t == "cgroup2" {
			return true
		}
	}
	return false
}

// mounts plans the entries of mounts in their order, and then the runtime's own.
func (b *builder) mounts() {
	for i := range b.spec.Mounts {
		b.mount(compileMount(i, b.spec.Mounts[i]))
	}
	for i := range b.in.Mounts {
		b.mount(compileMount(-1-i, b.in.Mounts[i]))
	}
}

func (b *builder) mount(m mountPoint) {
	switch {
	case m.remount:
		b.remount(m)
	case m.bind:
		b.bind(m)
	case m.isCgroup():
		b.cgroupMount(m)
	default:
		b.fileSystem(m)
	}
}

// remount changes the attributes of the mount that an earlier entry, or the
// image's rootfs, has left at the target.
func (b *builder) remount(m mountPoint) {
	op := plan.Attributes{Path: m.target, Attr: m.attr}
	if len(m.propagation) > 0 {
		op.Propagation = m.propagation[0]
	}
	b.add(m.origin(), op)
	if m.recursive != (plan.Attr{}) {
		b.add(m.origin(), plan.Attributes{Path: m.target, Attr: m.recursive, Recursive: true})
	}
	b.morePropagation(m)
}

func (b *builder) morePropagation(m mountPoint) {
	for i := 1; i < len(m.propagation); i++ {
		b.add(m.origin(), plan.Attributes{Path: m.target, Propagation: m.propagation[i]})
	}
}

func (b *builder) fileSystem(m mountPoint) {
	op := plan.Mount{
		FSType: m.Type, Source: m.Source, Target: m.target,
		Attr:      plan.Attr{Set: m.attr.Set | m.recursive.Set},
		NoSymlink: m.Type == "proc" || m.Type == "sysfs",
		CopyUp:    m.copyUp,
	}
	op.Params = append(op.Params, m.superblock...)
	if m.readonly && !isMountReadonly(m.Type) {
		op.Params = append(op.Params, "ro")
	}
	op.Params = append(op.Params, m.data...)
	if label := b.mountLabel(m.Type); label != "" {
		op.Params = append(op.Params, "context="+label)
	}
	if m.Type == "tmpfs" {
		op.InheritMode = !hasKey(m.data, "mode")
	}
	if len(m.propagation) > 0 {
		op.Propagation = m.propagation[0]
	}
	// What comes later may need a mount point or a device node in it.
	if m.Type == "tmpfs" || m.target == "/dev" {
		if op.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0 {
			op.Attr.Set &^= unix.MOUNT_ATTR_RDONLY
			b.readonlyLater(m.origin(), m.target)
		}
	}
	b.add(m.origin(), op)
	b.morePropagation(m)
}

func (b *builder) readonlyLater(origin, target string) {
	b.late = append(b.late, plan.Step{Origin: origin, Op: plan.Attributes{
		Path: target, Attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY},
	}})
}

// mountLabel is the SELinux context of a file system that takes one when it is
// mounted. The pseudo file systems have labels of their own.
func (b *builder) mountLabel(fsType string) string {
	switch fsType {
	case "proc", "sysfs", "mqueue", "cgroup", "cgroup2":
		return ""
	}
	if b.spec.Linux == nil {
		return ""
	}
	return b.spec.Linux.MountLabel
}

func hasKey(params []string, key string) bool {
	for _, p := range params {
		if k, _, _ := strings.Cut(p, "="); k == key {
			return true
		}
	}
	return false
}

func (b *builder) bind(m mountPoint) {
	op := plan.Bind{
		Source: m.Source, Target: m.target,
		Recursive: m.recursiveBind,
		Attr:      m.attr, RecAttr: m.recursive,
		Replace:   m.flagged,
		NoSymlink: m.target == "/proc",
		ProcOnly:  m.target == "/proc",
	}
	if !filepath.IsAbs(op.Source) {
		op.Source = filepath.Join(b.in.Bundle, op.Source)
	}
	if tree := b.tree(m, op.Source); tree != "" {
		op.Source, op.File = "", tree
	}
	if op.File != "" || !b.ownsMounts() {
		m.propagation = b.treePropagation(m.propagation)
	}
	if len(m.propagation) > 0 {
		op.Propagation = m.propagation[0]
	}
	b.add(m.origin(), op)
	b.morePropagation(m)
}

// tree has the parent open the source of a bind mount where the child can't:
// the root of a user namespace may not enter the host's directories, nor make
// an idmapped mount. It gives the name of the file, "" where the child can. An
// unprivileged parent has no more rights than its child.
func (b *builder) tree(m mountPoint, source string) string {
	if !m.idmap && (!b.ns.has(unix.CLONE_NEWUSER) || b.host.EUID != 0) {
		return ""
	}
	file := plan.File{
		Name: "tree " + strconv.Itoa(m.index), Source: plan.Tree, Path: source,
		Origin: m.origin(), Recursive: m.recursiveBind,
	}
	if m.idmap {
		uids, gids := m.UIDMappings, m.GIDMappings
		if len(uids) == 0 && len(gids) == 0 {
			uids, gids = b.spec.Linux.UIDMappings, b.spec.Linux.GIDMappings
		}
		file.IDMap = &plan.IDMap{UIDs: ranges(uids), GIDs: ranges(gids), Recursive: m.recursiveIDMap}
	}
	b.plan.Files = append(b.plan.Files, file)
	return file.Name
}

func ranges(list []specs.LinuxIDMapping) []plan.IDRange {
	out := make([]plan.IDRange, len(list))
	for i, m := range list {
		out[i] = plan.IDRange{Container: m.ContainerID, Host: m.HostID, Size: m.Size}
	}
	return out
}

// treePropagation gives a tree that was opened in the host's mount namespace the
// propagation that one opened in the container's would have had; otherwise the
// container's mounts below it would appear on the host.
func (b *builder) treePropagation(wanted []uint64) []uint64 {
	base := b.rootPropagation()
	if b.ns.has(unix.CLONE_NEWUSER) && base&unix.MS_SHARED != 0 {
		// A mount namespace of a new user namespace has slaves only.
		base = unix.MS_SLAVE | unix.MS_REC
	}
	if base&unix.MS_SHARED != 0 || len(wanted) > 0 && wanted[0]&unix.MS_SHARED == 0 && wanted[0]&unix.MS_REC != 0 {
		return wanted
	}
	return append([]uint64{base}, wanted...)
}
