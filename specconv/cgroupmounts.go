package specconv

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
)

// CgroupHierarchy is one hierarchy of a host with cgroup v1, or the only one of
// a host with cgroup v2.
type CgroupHierarchy struct {
	// Name is the name of its directory in /sys/fs/cgroup, such as "cpu,cpuacct" or
	// "systemd"; "unified" is cgroup v2 beside v1, "" is cgroup v2 alone.
	Name string
	// Options select it in mount(2): "cpu" and "cpuacct", or "none" and
	// "name=systemd". cgroup v2 has none.
	Options []string
	// Dir is the path of the container's own directory in it on the host.
	Dir string
	// Shared reports that Dir isn't the container's own, so that it must be read-only.
	Shared bool
}

const (
	hostCgroups = "/sys/fs/cgroup"
	defaultMode = "mode=755"
)

// cgroupMount plans a mount of type cgroup or cgroup2: it shows the cgroups of the
// container in the form that the host has.
func (b *builder) cgroupMount(m config.Mount) {
	private := b.ns.Has(unix.CLONE_NEWCGROUP)
	switch {
	case b.host.Cgroups != mode.V2:
		b.cgroupsV1(m, private)
	case private:
		op := plan.Mount{
			FSType: "cgroup2", Source: "cgroup", Target: m.Target,
			Params: slices.Concat(m.Superblock, m.Data), Attr: plan.Attr{Set: m.Attr.Set | m.Recursive.Set}, Fallback: hostCgroups,
		}
		for _, h := range b.in.Cgroups {
			if h.Name == "" && h.Dir != "" {
				op.Fallback = h.Dir
			}
		}
		if len(m.Propagation) > 0 {
			op.Propagation = m.Propagation[0]
		}
		b.add(m.Place(), op)
		b.morePropagation(m)
	default:
		// Mounting it without a cgroup namespace would reset the options of the
		// host's mount, such as nsdelegate, cgroups(7).
		m.Source, m.RecursiveBind = hostCgroups, true
		if b.inUserNS() {
			// It has more than the container's cgroup in it (CVE-2023-25809).
			m.Attr.Set |= unix.MOUNT_ATTR_RDONLY
			m.Attr.Clear &^= unix.MOUNT_ATTR_RDONLY
			m.Flagged = true
		}
		b.bind(m)
	}
}

// cgroupsV1 plans the directory of hierarchies that programs expect: a tmpfs with one
// mount for each hierarchy of cgroup v1, and links for controllers that share one. Of a
// hybrid host cgroup v2 isn't shown: programs would take it for one that has controllers.
func (b *builder) cgroupsV1(m config.Mount, private bool) {
	attr := plan.Attr{Set: m.Attr.Set | m.Recursive.Set}
	own := plan.Attr{Set: attr.Set | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	base := plan.Mount{FSType: "tmpfs", Source: "tmpfs", Target: m.Target, Params: []string{defaultMode}, Attr: own}
	if label := b.mountLabel("tmpfs"); label != "" {
		base.Params = append(base.Params, "context="+label)
	}
	b.addReadonlyLater(m.Place(), base)
	for _, h := range b.in.Cgroups {
		if len(h.Options) == 0 {
			continue
		}
		target, attr, own := m.Target+"/"+h.Name, attr, own
		if h.Shared {
			attr.Set |= unix.MOUNT_ATTR_RDONLY
			own.Set |= unix.MOUNT_ATTR_RDONLY
		}
		if private {
			b.add(m.Place(), plan.Mount{FSType: "cgroup", Source: "cgroup", Target: target, Params: h.Options, Attr: own})
		} else {
			b.add(m.Place(), plan.Bind{Source: h.Dir, Target: target, Attr: attr, Replace: attr.Set != 0})
		}
	}
	for _, h := range b.in.Cgroups {
		if !strings.Contains(h.Name, ",") {
			continue
		}
		for _, controller := range h.Options {
			b.add(m.Place(), plan.Symlink{Target: h.Name, Path: m.Target + "/" + controller})
		}
	}
	if len(m.Propagation) > 0 {
		m.Propagation = slices.Concat([]uint64{0}, m.Propagation)
		b.morePropagation(m)
	}
}
