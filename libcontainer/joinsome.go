package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/procfs"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// An exec that joins only some namespaces of the container is planned as one into a
// container that has no others.

// ParseNamespaces parses a list of types of namespaces, separated by commas, for
// ExecOptions.Namespaces. Their names are those of config.json, or those in /proc/PID/ns.
func ParseNamespaces(list string) ([]specs.LinuxNamespaceType, error) {
	var types []specs.LinuxNamespaceType
	for _, name := range strings.Split(list, ",") {
		t, ok := words.NamespaceOf(name)
		if !ok {
			return nil, fmt.Errorf("unknown namespace %q (known are mnt, net, pid, ipc, uts, user, cgroup and time)", name)
		}
		types = append(types, t.Name)
	}
	return types, nil
}

// joinSome reduces the config to the namespaces of the options. Without the mount namespace
// it also replaces the process by one of the host. The error says why these namespaces may
// not be joined without others.
func (x *execution) joinSome() error {
	facts, err := host.Probe(x.spec, x.state.Rootfs)
	if err != nil {
		return err
	}
	own := config.NamespacesOf(x.spec, facts)
	var named uint64
	for _, name := range x.options.Namespaces {
		t, ok := words.Namespace(name)
		if !ok {
			return fmt.Errorf("unknown namespace %q", name)
		}
		named |= t.Flag
	}
	joins := joinedNamespaces{own: own.Created | own.Joined, named: named, euid: facts.EUID, seesHost: x.seesHost}
	if err := joins.check(); err != nil {
		return err
	}
	x.spec = onlyNamespaces(x.spec, x.options.Namespaces)
	if joins.usesContainerRoot() {
		return nil
	}
	if x.options.Process != nil {
		return errors.New("without the mount namespace the program is one of the host, and --process describes one of the container: give the program and its options instead")
	}
	x.hostRoot = true
	// The rules of Landlock are about the container's paths.
	x.spec.Linux.Seccomp, x.spec.Annotations = nil, words.WithoutLandlock(x.spec.Annotations)
	x.spec.Process = hostProcess(facts, joins.joins(unix.CLONE_NEWUSER))
	return nil
}

// onlyNamespaces returns a copy of a config without other namespaces than these.
func onlyNamespaces(spec *specs.Spec, names []specs.LinuxNamespaceType) *specs.Spec {
	reduced, linux := *spec, *spec.Linux
	linux.Namespaces = slices.DeleteFunc(slices.Clone(linux.Namespaces), func(ns specs.LinuxNamespace) bool {
		return !slices.Contains(names, ns.Type)
	})
	if !words.HasNamespace(&specs.Spec{Linux: &linux}, specs.UserNamespace) {
		linux.UIDMappings, linux.GIDMappings = nil, nil
	}
	reduced.Linux = &linux
	return &reduced
}

// hostProcess returns the process for a program of the host. The environment isn't that of
// the config, which the image has chosen: LD_PRELOAD=/proc/PID/root/x.so would execute the
// image's code with the privileges of the host. The capabilities aren't those of the config
// either: processes that have no fewer, and see this one in a procfs of the host, could
// reach the host's files through its /proc/PID/root, ptrace(2).
func hostProcess(facts *host.Host, inUserNS bool) *specs.Process {
	all := words.CapabilityNames[:]
	if !inUserNS {
		all = slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			bit, _ := words.Capability(name)
			return bit&facts.Permitted == 0
		})
	}
	p := &specs.Process{
		Cwd: "/", Env: os.Environ(),
		Capabilities: &specs.LinuxCapabilities{Bounding: all, Permitted: all, Effective: all},
	}
	if cwd, err := os.Getwd(); err == nil {
		p.Cwd = cwd
	}
	if !inUserNS {
		p.User.UID, p.User.GID = facts.EUID, facts.EGID
	}
	return p
}

// joinedNamespaces is a choice among the namespaces of a container: CLONE_NEW* flags of
// those that it doesn't share with the runtime, and of those that a process is to join.
type joinedNamespaces struct {
	own, named uint64
	euid       uint32
	// seesHost reports whether the container has a procfs of the host.
	seesHost func() (bool, error)
}

func (j joinedNamespaces) joins(flag uint64) bool { return j.own&j.named&flag != 0 }

// usesContainerRoot reports whether the root directory of the process is the container's,
// which is that of its mount namespace if it has one.
func (j joinedNamespaces) usesContainerRoot() bool { return j.named&unix.CLONE_NEWNS != 0 }

// check returns an error for a choice that the kernel doesn't permit, or that would give the
// container power over the host: by one of its programs, or by a process that it can trace.
func (j joinedNamespaces) check() error {
	if j.euid != 0 && j.own&^j.named&unix.CLONE_NEWUSER != 0 {
		return errors.New("an ordinary user can't join namespaces of the container without its user namespace: add user")
	}
	if j.usesContainerRoot() {
		// A program of the container in the host's network namespace finds the abstract
		// sockets of the host's services (CVE-2020-15257).
		const confining = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC
		if missing := confining & j.own &^ j.named; missing != 0 {
			return fmt.Errorf("with the mount namespace, a program of the container would run in the host's namespaces %s: "+
				"add them, or leave out mnt for a program of the host", flagNames(missing))
		}
		return nil
	}
	if j.joins(unix.CLONE_NEWPID) && (j.own&unix.CLONE_NEWUSER == 0 || j.joins(unix.CLONE_NEWUSER)) {
		return errors.New("with the pid namespace and not the mount namespace, processes of the container could trace " +
			"one that has the host's root directory, and open that as /proc/PID/root: leave out pid, or exec without --ns")
	}
	if !j.joins(unix.CLONE_NEWUSER) {
		return nil
	}
	sees, err := true, error(nil)
	if j.own&unix.CLONE_NEWPID != 0 {
		sees, err = j.seesHost()
	}
	if err != nil || !sees {
		return err
	}
	return errors.New("the container sees the processes of the host, and its root could trace one in its user namespace " +
		"that has the host's root directory, and open that as /proc/PID/root: leave out user, or exec without --ns")
}

// flagNames returns the names of types of namespaces, as --ns has them.
func flagNames(flags uint64) string {
	var names []string
	for _, t := range words.NamespaceTypes {
		if flags&t.Flag != 0 {
			names = append(names, t.File)
		}
	}
	return strings.Join(names, ",")
}

// seesHost reports whether the container has a procfs that isn't its own, or had one: it
// may keep a descriptor of what it has unmounted.
func (x *execution) seesHost() (bool, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc", &st); err != nil {
		return false, fmt.Errorf("/proc: %w", err)
	}
	mounts, err := procfs.MountsOf(x.state.Pid)
	if err != nil {
		return false, fmt.Errorf("mounts of the container: %w", err)
	}
	sees := slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool {
		return unix.Mkdev(uint32(m.Major), uint32(m.Minor)) == st.Dev
	})
	if sees {
		return true, nil
	}
	return x.wasGivenProcfs()
}

// wasGivenProcfs reports whether a bind mount of the config, or the root file system, is or
// has a procfs of the host, of which there may be several.
func (x *execution) wasGivenProcfs() (bool, error) {
	all, err := procfs.Mounts(mountinfo.FSTypeFilter("proc"))
	if err != nil {
		return false, fmt.Errorf("mounts of the host: %w", err)
	}
	isAbove := func(dir string) bool {
		return slices.ContainsFunc(all, func(m *mountinfo.Info) bool { return isWithin(m.Mountpoint, dir) })
	}
	if isAbove(x.state.Rootfs) {
		return true, nil
	}
	for i := range x.spec.Mounts {
		m := config.CompileMount(i, x.spec.Mounts[i])
		if !m.Bind {
			continue
		}
		source := m.Source
		if !filepath.IsAbs(source) {
			source = filepath.Join(x.state.Bundle, source)
		}
		if real, err := filepath.EvalSymlinks(source); err == nil {
			source = real
		}
		var st unix.Statfs_t
		if unix.Statfs(source, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC || m.RecursiveBind && isAbove(source) {
			return true, nil
		}
	}
	return false, nil
}

// isWithin reports whether a path is a directory or below it. Both are clean and absolute.
func isWithin(name, dir string) bool {
	return name == dir || dir == "/" || strings.HasPrefix(name, dir+"/")
}
