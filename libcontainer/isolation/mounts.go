package isolation

import (
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

// mounts is about what of the host's files is in the container.
func (e *examination) mounts() {
	before := len(e.findings)
	list := config.Mounts(e.spec)
	for i := range list {
		m := &list[i]
		switch {
		case m.Remount:
		case m.Bind:
			e.bind(m)
		default:
			e.fileSystem(m, remountedReadonly(list[i+1:], m.Target))
		}
	}
	if p := e.linux.RootfsPropagation; p == "shared" || p == "rshared" {
		e.add(Medium, "mounts", place.At("/linux/rootfsPropagation"), "what is mounted in the container appears on the host", "the root's propagation is %s", p)
	}
	if len(e.findings) == before {
		e.isolated("mounts", place.At("/mounts"), "no sockets or system directories of the host")
	}
}

// remountedReadonly reports whether a later entry makes the mount at target read-only.
func remountedReadonly(later []config.Mount, target string) bool {
	return slices.ContainsFunc(later, func(m config.Mount) bool { return m.Remount && m.Target == target && m.Readonly })
}

// bind is about a bind mount of something of the host.
func (e *examination) bind(m *config.Mount) {
	source := path.Clean(m.Source)
	at := m.Place().Key("source")
	if server := socketBelow(source); server != "" {
		e.add(e.forRoot(), "mounts", at, "who may write to it has "+server+"; read-only doesn't prevent that", "%s of the host, a socket or a directory with one", source)
		return
	}
	for _, d := range systemDirs {
		if source != d.path && (d.path == "/" || !strings.HasPrefix(source, d.path+"/")) {
			continue
		}
		switch {
		case !m.Readonly:
			e.add(e.forRoot(), "mounts", at, d.written, "%s of the host, writable", source)
		case d.read != "":
			e.add(min(e.forRoot(), Medium), "mounts", at, d.read, "%s of the host, read-only", source)
		}
		return
	}
	for _, p := range m.Propagation {
		if p&unix.MS_SHARED != 0 {
			e.add(Medium, "mounts", m.Place().Key("options"), "what is mounted below it in the container appears on the host", "%s of the host with shared propagation", source)
			return
		}
	}
}

// socketBelow returns what a server does for whoever reaches the socket that a source is, or
// contains; "" if none is known.
func socketBelow(source string) string {
	if rest, ok := strings.CutPrefix(source+"/", "/var/run/"); ok {
		source = path.Clean("/run/" + rest) // the usual link
	}
	for _, s := range [...]struct{ path, server string }{
		{"/run/docker.sock", "Docker start any container as root of the host"},
		{"/run/containerd/containerd.sock", "containerd start any container as root of the host"},
		{"/run/crio/crio.sock", "CRI-O start any container as root of the host"},
		{"/run/podman/podman.sock", "Podman start any container as root of the host"},
		{"/run/systemd/private", "systemd start any program as root of the host"},
		{"/run/dbus/system_bus_socket", "systemd start any program as root of the host"},
		{"/var/lib/kubelet/device-plugins/kubelet.sock", "kubelet use any device"},
	} {
		if source == s.path || strings.HasPrefix(s.path, source+"/") && strings.HasPrefix(source+"/", "/run/") {
			return s.server
		}
	}
	return ""
}

// systemDirs are directories of the host that control it. The first that contains a source
// counts. read is empty where reading is harmless.
var systemDirs = [...]struct{ path, written, read string }{
	{"/proc", "it changes settings of the kernel, and reaches all processes", "it sees all processes of the host, with their arguments"},
	{"/sys", "it changes settings of the kernel and of devices", ""},
	{"/dev", "it creates and removes devices of the host", "it sees the devices of the host"},
	{"/etc", "it changes users, passwords and services of the host", "it reads passwords and keys of the host"},
	{"/root", "it changes what root of the host executes at login", "it reads keys of the host's root"},
	{"/boot", "it changes the kernel that the host starts", ""},
	{"/bin", "it changes programs of the host", ""},
	{"/sbin", "it changes programs of the host", ""},
	{"/lib", "it changes libraries and modules of the host", ""},
	{"/lib64", "it changes libraries of the host", ""},
	{"/usr", "it changes programs of the host", ""},
	{"/var/lib/docker", "it changes images and containers", "it reads the files of all containers"},
	{"/var/lib/containers", "it changes images and containers", "it reads the files of all containers"},
	{"/var/lib/containerd", "it changes images and containers", "it reads the files of all containers"},
	{"/var/lib/kubelet", "it changes pods and their secrets", "it reads the secrets of all pods"},
	{"/var/spool/cron", "it has the host execute programs", ""},
	{"/", "it changes any file of the host", "it reads any file of the host"},
}

// fileSystem is about a mount of a file system of the kernel.
func (e *examination) fileSystem(m *config.Mount, remounted bool) {
	if m.Readonly || remounted || m.Type == "" {
		return
	}
	at := m.Place()
	switch m.Type {
	case "sysfs":
		if !e.isReadonly(m.Target) {
			e.add(e.forRoot(), "mounts", at.Key("options"), "it changes settings of the kernel and of devices, some of which execute programs on the host", "%s is a writable sysfs", m.Target)
		}
	case "cgroup", "cgroup2":
		level, consequence := Low, "it changes its own limits"
		if m.Type == "cgroup" && e.canBeRoot() && e.has(unix.CAP_SYS_ADMIN) {
			level, consequence = High, "with cgroup v1 it has the host execute a program, by release_agent"
		}
		e.add(level, "mounts", at.Key("options"), consequence, "%s are writable cgroups", m.Target)
	case "debugfs", "tracefs", "securityfs", "bpf", "configfs", "efivarfs":
		e.add(e.forRoot(), "mounts", at.Key("type"), "it observes or changes the kernel", "%s is a writable %s", m.Target, m.Type)
	}
}

// procfs is about the files of procfs that belong to the whole host.
func (e *examination) procfs() {
	i := slices.IndexFunc(e.spec.Mounts, func(m specs.Mount) bool { return m.Type == "proc" })
	if i < 0 || config.CompileMount(i, e.spec.Mounts[i]).Readonly {
		return
	}
	top := path.Clean("/" + e.spec.Mounts[i].Destination)
	at := place.At("/linux/readonlyPaths")
	before := len(e.findings)
	for _, f := range [...]struct{ name, consequence string }{
		{"sys", "it changes settings of the kernel, such as core_pattern, which executes a program on the host"},
		{"sysrq-trigger", "it restarts the host, or ends all of its processes"},
	} {
		if !e.isReadonly(top + "/" + f.name) {
			e.add(e.forRoot(), "mounts", at, f.consequence, "%s/%s is writable", top, f.name)
		}
	}
	for _, f := range [...]struct{ name, consequence string }{
		{"kcore", "it reads the memory of the kernel, with CAP_SYS_RAWIO"},
		{"keys", "it sees the keys of other users"},
	} {
		if !e.isMasked(top + "/" + f.name) {
			e.add(Low, "mounts", place.At("/linux/maskedPaths"), f.consequence, "%s/%s is visible", top, f.name)
		}
	}
	if len(e.findings) == before {
		e.isolated("mounts", at, "files of procfs that belong to the host are read-only or masked")
	}
}

// isReadonly reports whether a path in the container is read-only or masked.
func (e *examination) isReadonly(name string) bool {
	return covers(e.linux.ReadonlyPaths, name) || e.isMasked(name)
}

func (e *examination) isMasked(name string) bool { return covers(e.linux.MaskedPaths, name) }

// covers reports whether a path is in a list, or below one that is.
func covers(list []string, name string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		p = path.Clean(p)
		return name == p || strings.HasPrefix(name, p+"/")
	})
}
