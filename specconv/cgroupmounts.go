package specconv

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/nsenter/plan"
)

// CgroupHierarchy is one hierarchy of a host with cgroup v1, or the only one of
// a host with cgroup v2.
type CgroupHierarchy struct {
	// Name is that of its directory in /sys/fs/cgroup, "cpu,cpuacct" or
	// "systemd"; "unified" is cgroup v2 beside v1, "" is a host of cgroup v2.
	Name string
	// Options select it in mount(2): "cpu" and "cpuacct", or "none" and
	// "name=systemd". None for cgroup v2.
	Options []string
	// Dir is the container's own directory in it, a host path.
	Dir string
}

const (
	hostCgroups = "/sys/fs/cgroup"
	defaultMode = "mode=755"
)

// cgroupMount plans a mount of type cgroup, which means the cgroups of the
// container in whatever form the host has them.
func (b *builder) cgroupMount(m mountPoint) {
	private := b.ns.has(unix.CLONE_NEWCGROUP)
	switch {
	case b.host.Cgroups != mode.V2:
		b.cgroupsV1(m, private)
	case private:
		op := plan.Mount{
			FSType: "cgroup2", Source: "cgroup", Target: m.target,
			Params: m.superblock, Attr: plan.Attr{Set: m.attr.Set | m.recursive.Set}, Fallback: hostCgroups,
		}
		for _, h := range b.in.Cgroups {
			if h.Name == "" && h.Dir != "" {
				op.Fallback = h.Dir
			}
		}
		if len(m.propagation) > 0 {
			op.Propagation = m.propagation[0]
		}
		b.add(m.origin(), op)
		b.morePropagation(m)
	default:
		// To mount it without a cgroup namespace of one's own would reset the
		// options of the host's, such as nsdelegate, cgroups(7).
		m.Source, m.recursiveBind = hostCgroups, true
		if b.inUserNS() {
			// It holds more than the container's (CVE-2023-25809).
			m.attr.Set |= unix.MOUNT_ATTR_RDONLY
			m.attr.Clear &^= unix.MOUNT_ATTR_RDONLY
			m.flagged = true
		}
		b.bind(m)
	}
}

// cgroupsV1 makes the directory of hierarchies that programs expect: a tmpfs
// with one mount for each, and links for controllers that share one.
func (b *builder) cgroupsV1(m mountPoint, private bool) {
	attr := plan.Attr{Set: m.attr.Set | m.recursive.Set}
	if attr.Set&unix.MOUNT_ATTR_RDONLY != 0 {
		b.readonlyLater(m.origin(), m.target)
	}
	base := plan.Mount{FSType: "tmpfs", Source: "tmpfs", Target: m.target, Params: []string{defaultMode}}
	base.Attr.Set = attr.Set &^ unix.MOUNT_ATTR_RDONLY
	if label := b.mountLabel("tmpfs"); label != "" {
		base.Params = append(base.Params, "context="+label)
	}
	b.add(m.origin(), base)
	for _, h := range b.in.Cgroups {
		if h.Name == "" {
			continue
		}
		target := m.target + "/" + h.Name
		switch {
		case private && len(h.Options) == 0:
			b.add(m.origin(), plan.Mount{FSType: "cgroup2", Source: "cgroup", Target: target, Attr: attr})
		case private:
			b.add(m.origin(), plan.Mount{FSType: "cgroup", Source: "cgroup", Target: target, Params: h.Options, Attr: attr})
		default:
			b.add(m.origin(), plan.Bind{Source: h.Dir, Target: target, Attr: attr, Replace: attr.Set != 0})
		}
	}
	for _, h := range b.in.Cgroups {
		if !strings.Contains(h.Name, ",") {
			continue
		}
		for _, controller := range h.Options {
			b.add(m.origin(), plan.Symlink{Target: h.Name, Path: m.target + "/" + controller})
		}
	}
	if len(m.propagation) > 0 {
		m.propagation = slices.Concat([]uint64{0}, m.propagation)
		b.morePropagation(m)
	}
}
