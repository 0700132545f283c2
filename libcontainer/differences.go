package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	pathrsproc "github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/internal/rawio"
	"github.com/runnel/runnel/libcontainer/cgrouppolicy"
	"github.com/runnel/runnel/libcontainer/inspect"
	"github.com/runnel/runnel/libcontainer/sdnotify"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Difference is one thing of a container that isn't as its config.json says.
type Difference = inspect.Difference

// Uncompared is something that can't be compared with config.json.
type Uncompared = inspect.Unknown

// findDifferences compares what was found with the config from which the container was
// created.
func (c *Container) findDifferences(i *Inspection, init *liveInit) error {
	spec, err := c.config()
	if err != nil {
		return err
	}
	facts, err := host.Probe(spec, c.state.Rootfs)
	if err != nil {
		return err
	}
	f := &inspect.Facts{
		Namespaces: i.Namespaces, Mounts: i.Mounts, MountsTruncated: i.MountsTruncated, Rlimits: i.Rlimits, Host: facts,
		NoNewPrivileges: procfs.SelfStatus("NoNewPrivs") == "1",
		Sysctls:         c.readSysctls(spec, init),
		Resolve:         c.resolveInRootfs,
		Exists:          pathExists,
	}
	f.SeccompFilters, _ = strconv.Atoi(procfs.SelfStatus("Seccomp_filters")) // 0 before Linux 5.9
	if !c.dir.IsCreated() && len(i.Processes) > 0 {
		f.Init = &i.Processes[0]
	}
	if c.state.Notify {
		f.RuntimeMounts = append(f.RuntimeMounts, sdnotify.Mount(c.dir).Destination)
	}
	found := inspect.Compare(spec, f)
	if err := c.compareCgroup(spec, facts, init, found); err != nil {
		return err
	}
	i.Differences, i.Uncompared = found.Differences, found.Unknowns
	return nil
}

// compareCgroup compares the limits, the device rules, and the cgroup that init is in.
func (c *Container) compareCgroup(spec *specs.Spec, h *host.Host, init *liveInit, found *inspect.Comparison) error {
	m := c.manager()
	if m == nil || spec.Linux == nil {
		return nil
	}
	defer m.Close()
	if r := spec.Linux.Resources; r != nil {
		wanted := *r
		if wanted.Memory != nil {
			memory := *wanted.Memory
			memory.CheckBeforeUpdate = nil // which is about an update, not about a limit
			wanted.Memory = &memory
		}
		list, err := m.Deviations(&wanted)
		if err != nil {
			found.AddUnknown(place.At("/linux/resources"), err.Error())
		}
		for _, change := range list {
			found.Add(change.Place, change.New, change.Actual)
		}
	}
	if h.EUID == 0 && !h.InUserNS {
		as, err := m.HasDevices(cgrouppolicy.DeviceRules(spec))
		switch {
		case err != nil:
			found.AddUnknown(place.At("/linux/resources/devices"), err.Error())
		case !as:
			found.Add(place.At("/linux/resources/devices"), "the rules of config.json", "others")
		}
	}
	memberships, err := init.task.Cgroups()
	if err != nil {
		return err
	}
	if outside := c.outsideCgroup(memberships); outside != "" {
		found.Add(place.At("/linux/cgroupsPath"), spec.Linux.CgroupsPath, outside)
	}
	return nil
}

// outsideCgroup returns the cgroup of a process that isn't the container's or below it; ""
// if there is none.
func (c *Container) outsideCgroup(memberships procfs.Memberships) string {
	for controller, dir := range c.state.Cgroup.Paths {
		key := controller
		if controller == cgroups.Unified {
			key = ""
		}
		actual, ok := memberships.Path(key)
		// The path may begin above the root of the mount, or be that of a cgroup that was
		// removed.
		own := strings.TrimPrefix(dir, c.state.Cgroup.Mounts[controller])
		if ok && !strings.Contains(actual+"/", own+"/") {
			return strings.TrimPrefix(controller+":"+actual, ":")
		}
	}
	return ""
}

// readSysctls reads the sysctls of the config in the namespaces of init: those that depend
// on one are those of the thread that opens them.
func (c *Container) readSysctls(spec *specs.Spec, init *liveInit) map[string]inspect.Sysctl {
	values := map[string]inspect.Sysctl{}
	var keys []string
	for key := range spec.Linux.Sysctl {
		keys = append(keys, key)
	}
	if spec.Hostname != "" {
		keys = append(keys, inspect.HostnameKey)
	}
	if spec.Domainname != "" {
		keys = append(keys, inspect.DomainnameKey)
	}
	if len(keys) == 0 {
		return values
	}
	hasUsers := words.HasNamespace(spec, specs.UserNamespace)
	err := onThread(func() error {
		if err := unix.Setns(init.pidfd, unix.CLONE_NEWNET|unix.CLONE_NEWIPC|unix.CLONE_NEWUTS); err != nil {
			return fmt.Errorf("join the namespaces: %w", err)
		}
		for _, key := range keys {
			values[key] = readSysctl(words.SysctlPath(key), hasUsers)
		}
		return nil
	})
	if err != nil {
		for _, key := range keys {
			values[key] = inspect.Sysctl{Problem: err.Error()}
		}
	}
	return values
}

// readSysctl reads a sysctl in the namespaces of the calling thread, of which the user
// namespace is the runtime's.
func readSysctl(name string, hasUsers bool) inspect.Sysctl {
	const ofGroups = "net/ipv4/ping_group_range"
	if hasUsers && (name == ofGroups || strings.HasPrefix(name, "user/")) {
		return inspect.Sysctl{Problem: "it can only be read in the user namespace of the container"}
	}
	text, err := readProcFile("/proc/sys/" + name)
	if err != nil {
		return inspect.Sysctl{Problem: err.Error()}
	}
	return inspect.Sysctl{Value: text}
}

// readProcFile reads a file that must be one of a procfs.
func readProcFile(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil || st.Type != unix.PROC_SUPER_MAGIC {
		return "", errors.New(path + " isn't a file of procfs")
	}
	content, err := rawio.ReadAll(fd)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return strings.TrimSpace(string(content)), nil
}

// resolveInRootfs resolves the symbolic links of a path in the rootfs as the host has it,
// where the container can have mounted nothing. What doesn't exist remains as it is.
func (c *Container) resolveInRootfs(target string) string {
	root, err := os.OpenFile(c.state.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return target
	}
	defer root.Close()
	for dir, rest := target, ""; dir != "/"; dir, rest = path.Dir(dir), path.Join(path.Base(dir), rest) {
		file, err := pathrs.OpenatInRoot(root, dir)
		if err != nil {
			continue
		}
		name, err := pathrsproc.ProcSelfFdReadlink(file)
		file.Close()
		if inside, ok := strings.CutPrefix(name, strings.TrimSuffix(c.state.Rootfs, "/")); ok && err == nil {
			return path.Join("/", inside, rest)
		}
		break
	}
	return target
}
