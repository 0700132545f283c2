package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// What is mounted in a live container isn't recorded: the container may have changed it, and
// the kernel knows.

// MountInfo is a mount that a container's init sees. The container may have chosen the texts.
type MountInfo struct {
	// ID identifies the mount on this host as long as it exists; Parent is that of the mount
	// on which it is.
	ID     int `json:"id"`
	Parent int `json:"parent"`
	// Destination is the mount point in the container.
	Destination string `json:"destination"`
	// Type is the type of the file system; Source is what that says about where it comes
	// from, and Root the directory or file of the file system that is mounted.
	Type   string `json:"type"`
	Source string `json:"source"`
	Root   string `json:"root"`
	// Options are those of the mount and of its file system.
	Options []string `json:"options"`
	// Propagation is "private", "shared", "slave", "shared,slave" or "unbindable".
	Propagation string `json:"propagation"`
}

// Mounts returns the mounts of a container that is created, running or paused, as its init
// sees them, in the order of the kernel. It is a fault.State for one in another status.
func (c *Container) Mounts() ([]MountInfo, error) {
	list, err := c.liveMounts("cannot list the mounts of a stopped container")
	if err != nil {
		return nil, err
	}
	infos := make([]MountInfo, len(list))
	for i, m := range list {
		infos[i] = MountInfo{
			ID: m.ID, Parent: m.Parent, Destination: m.Mountpoint, Type: m.FSType, Source: m.Source, Root: m.Root,
			Options: allOptions(m), Propagation: propagationOf(m.Optional),
		}
	}
	return infos, nil
}

// liveMounts returns the mounts of the container. stopped is the error for one without a
// process.
func (c *Container) liveMounts(stopped string) ([]*mountinfo.Info, error) {
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	if status == Stopped || status == Creating {
		return nil, fault.State(stopped)
	}
	list, err := procfs.MountsOf(c.state.Pid)
	if !c.isAlive() {
		return nil, fault.State(stopped) // the mounts could be those of another process
	}
	return list, err
}

// allOptions returns the options of a mount and those of its file system, each once.
func allOptions(m *mountinfo.Info) []string {
	var all []string
	for _, option := range strings.Split(m.Options+","+m.VFSOptions, ",") {
		isReadWrite := option == "rw" && slices.Contains(all, "ro")
		if option != "" && !isReadWrite && !slices.Contains(all, option) {
			all = append(all, option)
		}
	}
	return all
}

// propagationOf parses the optional fields of proc_pid_mountinfo(5).
func propagationOf(optional string) string {
	var words []string
	for _, field := range strings.Fields(optional) {
		switch tag, _, _ := strings.Cut(field, ":"); tag {
		case "shared", "unbindable":
			words = append(words, tag)
		case "master":
			words = append(words, "slave")
		}
	}
	if len(words) == 0 {
		return "private"
	}
	return strings.Join(words, ",")
}

// AddMounts mounts more in a container that is created, running or paused: bind mounts and
// tmpfs. They are as those of config.json, with the same rules; relative sources of bind mounts are relative to
// the bundle. If one fails, those before it stay. They end with the container.
//
// The error is a fault.State for a container in another status, and otherwise a *fault.Fault
// with the place in the list.
func (c *Container) AddMounts(ctx context.Context, mounts []specs.Mount) error {
	if _, err := c.liveMounts("cannot add mounts to a stopped container"); err != nil {
		return err
	}
	in, err := c.mountsInput()
	if err != nil {
		return err
	}
	problems := config.ValidateMounts(mounts, in.Spec, in.Host)
	if err := config.FirstError(problems); err != nil {
		return fault.Wrap("mounts", fault.InvalidArgument, err)
	}
	for _, p := range problems {
		c.runtime.warn(p.String())
	}
	return c.changeMounts(ctx, in, specconv.AddMounts(in, mounts), "unable to add mounts")
}

// RemoveMountOptions are the options of RemoveMount.
type RemoveMountOptions struct {
	// Force also removes what the container has had from its beginning, and what is mounted
	// in /proc, /sys or /dev.
	Force bool
	// Lazy removes what is in use, too, with the mounts below it, umount2(2) MNT_DETACH.
	Lazy bool
}

// RemoveMount unmounts the uppermost mount at a mount point of a container that is created,
// running or paused. The mount point is one that Mounts has returned.
func (c *Container) RemoveMount(ctx context.Context, destination string, o RemoveMountOptions) error {
	mounts, err := c.liveMounts("cannot remove mounts of a stopped container")
	if err != nil {
		return err
	}
	in, err := c.mountsInput()
	if err != nil {
		return err
	}
	destination = path.Clean("/" + destination)
	id := topMount(mounts, destination)
	switch {
	case id == 0:
		return fault.Wrap("mounts", fault.InvalidArgument, fmt.Errorf("%s: nothing is mounted there (\"runnel mounts list\" has the mount points)", destination))
	case destination == "/":
		return fault.Wrap("mounts", fault.InvalidArgument, errors.New("/: the root of the container can't be unmounted"))
	case !o.Force:
		if err := c.checkRemovable(in.Spec, mounts, destination); err != nil {
			return fault.Wrap("mounts", fault.InvalidArgument, err)
		}
	}
	p := specconv.RemoveMount(in, plan.Unmount{Path: destination, Mount: uint64(id), Lazy: o.Lazy})
	return c.changeMounts(ctx, in, p, "unable to remove the mount")
}

// topMount returns the id of the uppermost mount at a mount point; 0 if there is none.
func topMount(mounts []*mountinfo.Info, point string) int {
	covered := map[int]bool{} // a container can stack very many
	for _, m := range mounts {
		if m.Mountpoint == point && m.Parent != m.ID {
			covered[m.Parent] = true
		}
	}
	for _, m := range mounts {
		if m.Mountpoint == point && !covered[m.ID] {
			return m.ID
		}
	}
	return 0
}

// checkRemovable returns an error for a mount point that the container has had from its
// beginning. Those in /proc, /sys and /dev may be masks, and devices.
func (c *Container) checkRemovable(spec *specs.Spec, mounts []*mountinfo.Info, point string) error {
	const force = "; --force unmounts it all the same"
	for _, dir := range [...]string{"/proc", "/sys", "/dev"} {
		if point == dir || strings.HasPrefix(point, dir+"/") {
			return fmt.Errorf("%s: what is mounted in %s isolates the container"+force, point, dir)
		}
	}
	root, err := os.OpenFile("/proc/"+strconv.Itoa(c.state.Pid)+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("root of the container: %w", err)
	}
	defer root.Close()
	for _, m := range append(config.Mounts(spec), c.boundMounts(spec)...) {
		// A symbolic link of the image may be in the destination.
		if m.Target == point || mountPoint(root, m.Target, mounts) == point {
			at := m.Place()
			return fmt.Errorf("%s: it is %s in config.json"+force, point, at.String())
		}
		if m.RecursiveBind && strings.HasPrefix(point, m.Target+"/") {
			return fmt.Errorf("%s: it is below a recursive bind mount, of config.json"+force, point)
		}
	}
	if slices.Contains(slices.Concat(spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths), point) {
		return fmt.Errorf("%s: it protects the path, as config.json asks for"+force, point)
	}
	return nil
}

// mountsInput returns what a plan that changes mounts depends on. The error is that for a
// container whose mounts can't be changed.
func (c *Container) mountsInput() (in specconv.MountsInput, err error) {
	in.Bundle = c.state.Bundle
	if in.Spec, err = c.config(); err != nil {
		return in, err
	}
	if in.Host, err = host.Probe(in.Spec, c.state.Rootfs); err != nil {
		return in, err
	}
	if !config.NamespacesOf(in.Spec, in.Host).Has(unix.CLONE_NEWNS) {
		err = fault.Wrap("mounts", fault.ConfigInvalid, fmt.Errorf("%s has no mount namespace of its own: mount(8) and umount(8) "+
			"change its mounts on the host, below %s", c.ID(), c.state.Rootfs))
	}
	return in, err
}

// changeMounts has a child carry out the plan. The child isn't in the container's cgroup,
// where it could be frozen.
func (c *Container) changeMounts(ctx context.Context, in specconv.MountsInput, p *plan.Plan, task string) error {
	provided, err := c.openNamespaces(p)
	defer closeAll(provided)
	if err != nil {
		return err
	}
	return c.carryOut(ctx, in.Spec, p, provided, task)
}

func closeAll(fds map[string]int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// openNamespaces opens the namespaces of the container that a plan joins, by the names of
// the plan's files. The caller closes them.
func (c *Container) openNamespaces(p *plan.Plan) (map[string]int, error) {
	fds := map[string]int{}
	for _, s := range p.Steps {
		join, ok := s.Op.(plan.Join)
		if !ok {
			continue
		}
		i := slices.IndexFunc(words.NamespaceTypes[:], func(t words.NamespaceType) bool { return t.Flag == join.Type })
		fd, err := procfs.OpenNamespace(c.state.Pid, words.NamespaceTypes[i].File)
		if err != nil {
			return fds, fmt.Errorf("%s namespace of the container: %w", words.NamespaceTypes[i].Name, err)
		}
		fds[join.File] = fd
	}
	if len(fds) > 0 && !c.isAlive() {
		return fds, ErrNotRunning // they could be those of another process
	}
	return fds, nil
}
