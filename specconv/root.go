package specconv

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/words"
)

// ownsMounts reports whether the container has a mount namespace of its own, created or
// joined. Without one its mounts are the host's, below the rootfs.
func (b *builder) ownsMounts() bool { return b.ns.Has(unix.CLONE_NEWNS) }

// root plans to make the mounts of the new namespace independent of the host's, as far as
// the config asks for it, and to make the rootfs a mount.
func (b *builder) root() {
	if !b.ownsMounts() {
		b.add(place.At("/root/path"), plan.Root{Path: b.in.Rootfs})
		// The root is a peer of the host's mount.
		for _, propagation := range b.isolated(nil) {
			b.add(place.At("/root/path"), plan.Attributes{Path: "/", Propagation: propagation})
		}
		return
	}
	flags := b.rootPropagation()
	b.add(place.At("/linux/rootfsPropagation"), plan.Propagation{Path: "/", Flags: flags})
	if flags&unix.MS_SHARED != 0 && b.host.RootMount != "" {
		// A shared mount below would show the container's mounts on the host,
		// and pivot_root(2) refuses it.
		b.add(place.At("/linux/rootfsPropagation"), plan.Propagation{Path: b.host.RootMount, Flags: unix.MS_PRIVATE})
	}
	b.add(place.At("/root/path"), plan.Root{Path: b.in.Rootfs, ByParent: b.parentOpens()})
}

// parentOpens reports whether the parent has to open what is on the host. The root of a
// user namespace may not enter the host's directories. An unprivileged parent has no more
// rights than its child.
func (b *builder) parentOpens() bool {
	return b.ns.Has(unix.CLONE_NEWUSER) && b.host.EUID == 0
}

// rootPropagation returns the propagation of all mounts of the namespace while the
// container's are created. Unbindable ones are private until then, since nothing could
// be bound from them.
func (b *builder) rootPropagation() uint64 {
	const slave = unix.MS_SLAVE | unix.MS_REC
	if b.spec.Linux == nil {
		return slave
	}
	flags, _ := words.Propagation(b.spec.Linux.RootfsPropagation)
	switch {
	case flags == 0:
		return slave
	case flags&unix.MS_UNBINDABLE != 0:
		return unix.MS_PRIVATE | unix.MS_REC
	}
	return flags | unix.MS_REC
}

// finalPropagation plans the propagation that can't be set before the pivot.
func (b *builder) finalPropagation() {
	if b.spec.Linux == nil {
		return
	}
	flags, _ := words.Propagation(b.spec.Linux.RootfsPropagation)
	if flags &= unix.MS_SHARED | unix.MS_UNBINDABLE; flags != 0 {
		b.add(place.At("/linux/rootfsPropagation"), plan.Propagation{Path: "/", Flags: flags})
	}
}

// workingDirectory plans to create the working directory, before anything becomes
// read-only.
func (b *builder) workingDirectory() {
	if b.process == nil {
		return
	}
	if cwd := filepath.Clean(b.process.Cwd); cwd != "/" {
		b.add(place.At("/process/cwd"), plan.Directory{Path: cwd, Mode: 0o755})
	}
}

func (b *builder) readonlyRoot() {
	if b.spec.Root.Readonly {
		b.add(place.At("/root/readonly"), plan.Attributes{Path: "/", Attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY}})
	}
}
