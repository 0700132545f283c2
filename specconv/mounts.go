package specconv

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// isMountReadonly reports whether "ro" applies to the mount alone and not to its file
// system. All mounts of most of these types share one superblock, which must not become
// read-only for the others; a tmpfs becomes read-only only after it has been filled.
func isMountReadonly(fsType string) bool {
	switch fsType {
	case "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "tmpfs", "bpf", "debugfs", "tracefs", "securityfs", "configfs", "efivarfs":
		return true
	}
	return false
}

// mounts plans the entries of mounts in their order, and then the runtime's own.
func (b *builder) mounts() {
	for i := range b.spec.Mounts {
		b.mount(config.CompileMount(i, b.spec.Mounts[i]))
	}
	for i := range b.in.Mounts {
		b.mount(config.CompileMount(-1-i, b.in.Mounts[i]))
	}
}

func (b *builder) mount(m config.Mount) {
	switch {
	case m.Remount:
		b.remount(m)
	case m.Bind:
		b.bind(m)
	case m.IsCgroup():
		b.cgroupMount(m)
	default:
		b.fileSystem(m)
	}
}

// remount plans to change the attributes of the mount that an earlier entry has mounted
// at the target, or of the rootfs.
func (b *builder) remount(m config.Mount) {
	op := plan.Attributes{Path: m.Target, Attr: plan.Attr(m.Attr)}
	if len(m.Propagation) > 0 {
		op.Propagation = m.Propagation[0]
	}
	b.add(m.Place(), op)
	if m.Recursive != (words.Attr{}) {
		b.add(m.Place(), plan.Attributes{Path: m.Target, Attr: plan.Attr(m.Recursive), Recursive: true})
	}
	b.morePropagation(m)
}

func (b *builder) morePropagation(m config.Mount) {
	for i := 1; i < len(m.Propagation); i++ {
		b.add(m.Place(), plan.Attributes{Path: m.Target, Propagation: m.Propagation[i]})
	}
}

func (b *builder) fileSystem(m config.Mount) {
	op := plan.Mount{
		FSType: m.Type, Source: m.Source, Target: m.Target,
		Attr:      plan.Attr{Set: m.Attr.Set | m.Recursive.Set},
		NoSymlink: m.Type == "proc" || m.Type == "sysfs",
		CopyUp:    m.CopyUp,
	}
	op.Params = append(op.Params, m.Superblock...)
	if m.Readonly && !isMountReadonly(m.Type) {
		op.Params = append(op.Params, "ro")
	}
	op.Params = append(op.Params, m.Data...)
	if label := b.mountLabel(m.Type); label != "" {
		op.Params = append(op.Params, "context="+label)
	}
	if m.Type == "proc" && b.outside {
		op.File = namespaceFileName(specs.PIDNamespace)
	}
	if m.Type == "tmpfs" {
		op.InheritMode = !hasKey(m.Data, "mode")
	}
	if len(m.Propagation) > 0 {
		op.Propagation = m.Propagation[0]
	}
	// Later steps may create a mount point or a device node in it.
	if m.Type == "tmpfs" || m.Target == "/dev" {
		b.addReadonlyLater(m.Place(), op)
	} else {
		b.add(m.Place(), op)
	}
	b.morePropagation(m)
}

// addReadonlyLater plans a mount. If it is read-only, it becomes so only after everything
// has been created in it.
func (b *builder) addReadonlyLater(origin place.Place, op plan.Mount) {
	if op.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0 {
		op.Attr.Set &^= unix.MOUNT_ATTR_RDONLY
		op.Keep = true
		b.readonly = append(b.readonly, plan.Step{Origin: origin, Op: plan.MakeReadonly{
			Step: uint32(len(b.plan.Steps)), Target: op.Target,
		}})
	}
	b.add(origin, op)
}

// mountLabel returns the SELinux context to mount a file system with. The pseudo file
// systems have labels of their own.
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

func (b *builder) bind(m config.Mount) {
	b.add(m.Place(), b.bindOp(m))
	b.morePropagation(m)
}

func (b *builder) bindOp(m config.Mount) plan.Bind {
	op := plan.Bind{
		Source: m.Source, Target: m.Target,
		Recursive: m.RecursiveBind,
		Attr:      plan.Attr(m.Attr), RecAttr: plan.Attr(m.Recursive),
		Replace:   m.Flagged,
		NoSymlink: m.Target == "/proc",
		ProcOnly:  m.Target == "/proc",
	}
	if !filepath.IsAbs(op.Source) {
		op.Source = filepath.Join(b.in.Bundle, op.Source)
	}
	op.Cloned, op.ByParent = b.cloned, !b.cloned && (m.IDMap || b.parentOpens())
	if m.IDMap && !b.cloned {
		op.IDMap = b.idmap(m)
	}
	if !b.ownsMounts() {
		m.Propagation = b.isolated(m.Propagation)
	}
	if len(m.Propagation) > 0 {
		op.Propagation = m.Propagation[0]
	}
	return op
}

// asksParent reports whether the child asks its parent for a mount tree.
func (b *builder) asksParent() bool {
	return b.parentOpens() || slices.ContainsFunc(config.Mounts(b.spec), func(m config.Mount) bool { return m.IDMap })
}

// idmap adds the mapping of an idmapped mount to the plan, and returns its name. Without
// mappings of its own, the mount has those of the container's user namespace.
func (b *builder) idmap(m config.Mount) string {
	name := strconv.Itoa(m.Index)
	b.plan.IDMaps = append(b.plan.IDMaps, plan.IDMap{
		Name: name, UIDs: ranges(m.UIDMappings), GIDs: ranges(m.GIDMappings), Recursive: m.RecursiveIDMap,
	})
	return name
}

func ranges(list []specs.LinuxIDMapping) []plan.IDRange {
	out := make([]plan.IDRange, len(list))
	for i, m := range list {
		out[i] = plan.IDRange{Container: m.ContainerID, Host: m.HostID, Size: m.Size}
	}
	return out
}

// isolated returns the changes of propagation after which a mount in the host's mount
// namespace is as if it were in one of the container. Without them the container's mounts
// below it would appear on the host.
func (b *builder) isolated(wanted []uint64) []uint64 {
	base := b.rootPropagation()
	if base&unix.MS_SHARED != 0 || len(wanted) > 0 && wanted[0]&unix.MS_SHARED == 0 && wanted[0]&unix.MS_REC != 0 {
		return wanted
	}
	return append([]uint64{base}, wanted...)
}
