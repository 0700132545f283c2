package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/criu"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/nsenter"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// What a container has from the host isn't part of its checkpoint, and is given back to it
// at its restore, by a name: bind mounts, the host's devices, and namespaces that others
// have created. criu(8), "--external".

// A mount has the destination in config.json as its name. That is also its mount point,
// unless a symbolic link of the image is in it.

// externalMounts returns, for a running container, the options that name its mounts of the
// host. mounts are those in its mount namespace, host those in the runtime's.
func (c *Container) externalMounts(spec *specs.Spec, mounts, host []*mountinfo.Info) ([]string, error) {
	root, err := os.OpenFile("/proc/"+strconv.Itoa(c.state.Pid)+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	named := map[string]string{} // by mount point
	for _, m := range c.boundMounts(spec) {
		if point := mountPoint(root, m.Target, mounts); point != "" {
			named[point] = m.Target
			if m.RecursiveBind {
				nameBelow(named, point, m.Target, hostSource(c.state.Bundle, m.Source), mounts, host)
			}
		}
	}
	for _, m := range mounts {
		isDevice := m.FSType == "devtmpfs" && m.Root != "/"
		// In a cgroup namespace they are mounts of the container's own.
		isCgroup := strings.HasPrefix(m.FSType, "cgroup") && !words.CreatesNamespace(spec, specs.CgroupNamespace)
		if _, ok := named[m.Mountpoint]; !ok && (isDevice || isCgroup) {
			named[m.Mountpoint] = m.Mountpoint
		}
	}
	var options []string
	for point, name := range named {
		options = append(options, mountOption(point, name))
	}
	slices.Sort(options)
	return options, nil
}

// boundMounts returns the bind mounts of the config, and that which the runtime adds.
func (c *Container) boundMounts(spec *specs.Spec) []config.Mount {
	list := slices.DeleteFunc(config.Mounts(spec), func(m config.Mount) bool { return !m.Bind || m.Remount })
	if c.state.Notify {
		list = append(list, config.CompileMount(-1, sdnotify.Mount(c.dir)))
	}
	return list
}

// mountOption returns the option that gives a name to a mount point in a dump, and a source
// to a name in a restore.
func mountOption(point, name string) string { return "mnt[" + point + "]:" + name }

// hostSource returns the source of a bind mount as an absolute path.
func hostSource(bundle, source string) string {
	if filepath.IsAbs(source) {
		return filepath.Clean(source)
	}
	return filepath.Join(bundle, source)
}

// mountPoint returns the mount point at a path in a container; "" if nothing is mounted
// there any more.
func mountPoint(root *os.File, target string, mounts []*mountinfo.Info) string {
	file, err := pathrs.OpenatInRoot(root, target)
	if err != nil {
		return ""
	}
	defer file.Close()
	var st unix.Statx_t
	err = unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st)
	if err != nil || st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return ""
	}
	i := slices.IndexFunc(mounts, func(m *mountinfo.Info) bool { return uint64(m.ID) == st.Mnt_id })
	if i < 0 {
		return ""
	}
	return mounts[i].Mountpoint
}

// nameBelow names the mounts below the mount point of a recursive bind mount that are also
// below its source on the host.
func nameBelow(named map[string]string, point, target, source string, mounts, host []*mountinfo.Info) {
	for _, m := range mounts {
		rest, ok := strings.CutPrefix(m.Mountpoint, strings.TrimSuffix(point, "/")+"/")
		if !ok {
			continue
		}
		there := slices.ContainsFunc(host, func(h *mountinfo.Info) bool {
			return h.Mountpoint == filepath.Join(source, rest) && h.Major == m.Major && h.Minor == m.Minor && h.Root == m.Root
		})
		if there {
			named[m.Mountpoint] = filepath.Join(target, rest)
		}
	}
}

// externalSources returns the options with the sources of the mounts that a checkpoint of a
// container with this config may have named. Those that it doesn't name have no effect.
func (c *Container) externalSources(spec *specs.Spec, host []*mountinfo.Info) []string {
	sources := map[string]string{}
	for _, d := range words.DefaultDevices {
		sources[d.Path] = d.Path
	}
	for i := range spec.Linux.Devices {
		device := filepath.Clean(spec.Linux.Devices[i].Path)
		sources[device] = device
	}
	for _, p := range spec.Linux.MaskedPaths {
		sources[p] = "/dev/null"
	}
	for _, m := range config.Mounts(spec) {
		if m.IsCgroup() && c.state.Cgroup != nil {
			addHierarchies(sources, m.Target, c.state.Cgroup)
		}
	}
	for _, m := range c.boundMounts(spec) {
		source := hostSource(c.state.Bundle, m.Source)
		sources[m.Target] = source
		if !m.RecursiveBind {
			continue
		}
		for _, h := range host {
			if rest, ok := strings.CutPrefix(h.Mountpoint, strings.TrimSuffix(source, "/")+"/"); ok {
				sources[filepath.Join(m.Target, rest)] = h.Mountpoint
			}
		}
	}
	var options []string
	for name, source := range sources {
		options = append(options, mountOption(name, source))
	}
	slices.Sort(options)
	return options
}

// hostCgroups is where cgroup v2 is mounted.
const hostCgroups = "/sys/fs/cgroup"

// addHierarchies adds the sources of what a mount of type cgroup consists of without a cgroup
// namespace.
func addHierarchies(sources map[string]string, target string, location *cgroups.Location) {
	if location.Mode == cgroups.V2 {
		sources[target] = hostCgroups
		return
	}
	for _, h := range hierarchies(location) {
		sources[filepath.Join(target, h.Name)] = h.Dir
	}
}

type externalNamespace struct {
	kind       specs.LinuxNamespaceType
	file, name string // in /proc/PID/ns, and in the checkpoint
}

// externalNamespaces are the types of namespaces that can be external, with the name that
// runc gives them.
var externalNamespaces = [...]externalNamespace{
	{specs.NetworkNamespace, "net", "extRootNetNS"},
	{specs.PIDNamespace, "pid", "extRootPidNS"},
}

// namedNamespaces returns the options that name the namespaces of a running container that
// it has joined.
func (c *Container) namedNamespaces(spec *specs.Spec) ([]string, error) {
	var options []string
	for _, ns := range externalNamespaces {
		if path, ok := joinedPath(spec, ns.kind); !ok || path == "" {
			continue
		}
		var st unix.Stat_t
		file := fmt.Sprintf("/proc/%d/ns/%s", c.state.Pid, ns.file)
		if err := unix.Stat(file, &st); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		options = append(options, fmt.Sprintf("%s[%d]:%s", ns.file, st.Ino, ns.name))
	}
	return options, nil
}

// joinedPath returns the path of the namespace that a config joins; "" for one that it
// creates. ok is false if the container has that of the runtime.
func joinedPath(spec *specs.Spec, kind specs.LinuxNamespaceType) (path string, ok bool) {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == kind {
			return ns.Path, true
		}
	}
	return "", false
}

// joinNamespaces opens the namespaces that a restored container joins. The caller closes
// the descriptors.
func joinNamespaces(spec *specs.Spec, r *criu.Restore) (open []int, err error) {
	for i, ns := range spec.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		at := config.NamespacePlace(i, ns.Type).Key("path")
		t, _ := words.Namespace(ns.Type)
		fd, err := nsenter.OpenNamespace(&plan.File{Path: ns.Path, NSType: t.Flag})
		if err != nil {
			return open, place.Wrap(at, err)
		}
		open = append(open, fd)
		external := slices.IndexFunc(externalNamespaces[:], func(e externalNamespace) bool { return e.kind == ns.Type })
		switch {
		case external >= 0:
			r.Inherit = append(r.Inherit, criu.Inherited{Key: externalNamespaces[external].name, FD: fd})
		case ns.Type == specs.IPCNamespace || ns.Type == specs.UTSNamespace:
			r.Join = append(r.Join, criu.Joined{Type: string(ns.Type), FD: fd})
		default:
			return open, place.Wrap(at, errCannotJoin(ns.Type))
		}
	}
	return open, nil
}

// errCannotJoin returns the error for a namespace that criu can't let a process join.
func errCannotJoin(kind specs.LinuxNamespaceType) error {
	return fmt.Errorf("criu can't restore a container that joins a %s namespace", kind)
}

// checkCheckpointable returns an error for a config whose containers can't be
// checkpointed, or not restored.
func checkCheckpointable(spec *specs.Spec) error {
	if path, ok := joinedPath(spec, specs.MountNamespace); !ok || path != "" {
		return place.Errorf(place.At("/linux/namespaces"),
			"a container without a mount namespace of its own can't be checkpointed: its mounts are those of others")
	}
	if words.UsesLandlock(spec.Annotations) {
		return place.Errorf(place.At("/annotations"), "criu can't restore what Landlock restricts: the processes would be free of it")
	}
	for i, ns := range spec.Linux.Namespaces {
		switch ns.Type {
		case specs.UserNamespace, specs.TimeNamespace, specs.CgroupNamespace:
			if ns.Path != "" {
				return place.Wrap(config.NamespacePlace(i, ns.Type).Key("path"), errCannotJoin(ns.Type))
			}
		}
	}
	for _, m := range config.Mounts(spec) {
		if len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0 || m.IDMap || m.RecursiveIDMap {
			return place.Wrap(m.Place(), errors.New("criu can't restore an idmapped mount"))
		}
	}
	return nil
}

// makeMountPoints creates the mount points that are missing in a rootfs, as create does.
// Those in another mount are part of the checkpoint, or of the host's file system.
func makeMountPoints(b *bundle.Bundle) error {
	root, err := os.OpenFile(b.Rootfs, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	var covered []string
	for _, m := range config.Mounts(b.Spec) {
		if m.Remount {
			continue
		}
		isBelow := slices.ContainsFunc(covered, func(dir string) bool { return strings.HasPrefix(m.Target, dir+"/") })
		covered = append(covered, m.Target)
		if isBelow || m.Target == "/" {
			continue
		}
		isFile := false
		if m.Bind {
			var st unix.Stat_t
			source := hostSource(b.Dir, m.Source)
			if err := unix.Stat(source, &st); err != nil {
				return place.Errorf(m.Place(), "bind source %s: %w", source, err)
			}
			isFile = st.Mode&unix.S_IFMT != unix.S_IFDIR
		}
		if err := makeMountPoint(root, m.Target, isFile); err != nil {
			return place.Errorf(m.Place(), "mount point: %w", err)
		}
	}
	return nil
}

// makeMountPoint creates a directory, or an empty file, at a path in a rootfs unless
// something is there. No symbolic link leads out of the rootfs.
func makeMountPoint(root *os.File, target string, isFile bool) error {
	if there, err := pathrs.OpenatInRoot(root, target); err == nil {
		return there.Close()
	}
	dir := target
	if isFile {
		dir = filepath.Dir(target)
	}
	parent, err := pathrs.MkdirAllHandle(root, dir, 0o755)
	if err != nil || !isFile {
		if err == nil {
			parent.Close()
		}
		return err
	}
	defer parent.Close()
	fd, err := unix.Openat(int(parent.Fd()), filepath.Base(target), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	return unix.Close(fd)
}

// freezerOf returns the directory of a container's cgroup with a freezer; "" if there is
// none.
func (c *Container) freezerOf() string {
	if c.state.Cgroup == nil {
		return ""
	}
	return cmp.Or(c.state.Cgroup.Paths["freezer"], c.state.Cgroup.Paths[""])
}
