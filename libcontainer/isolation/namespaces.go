package isolation

import (
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

// hasOwn reports whether the container has a namespace other than the host's.
func (e *examination) hasOwn(name specs.LinuxNamespaceType) bool {
	_, n := e.namespace(name)
	return n != nil && !isHosts(n.Path)
}

// namespace returns the entry for a type of namespace; nil if there is none.
func (e *examination) namespace(name specs.LinuxNamespaceType) (int, *specs.LinuxNamespace) {
	for i := range e.linux.Namespaces {
		if n := &e.linux.Namespaces[i]; n.Type == name {
			return i, n
		}
	}
	return -1, nil
}

// isHosts reports whether the path of a namespace is that of the host's first process.
func isHosts(p string) bool { return strings.HasPrefix(path.Clean(p), "/proc/1/ns/") }

// namespaces is about all types but the user namespace.
func (e *examination) namespaces() {
	for _, t := range e.sharing() {
		i, n := e.namespace(t.name)
		at := place.At("/linux/namespaces")
		if n != nil {
			at = config.NamespacePlace(i, t.name)
		}
		switch {
		case n == nil:
			e.add(t.level, string(t.name), at, t.consequence, "shares the host's %s namespace", t.name)
		case isHosts(n.Path):
			e.add(t.level, string(t.name), at.Key("path"), t.consequence, "shares the host's %s namespace, %s", t.name, n.Path)
		case n.Path != "":
			e.add(Low, string(t.name), at.Key("path"), "what it shares with others there depends on whose it is", "joins the %s namespace %s", t.name, n.Path)
		default:
			e.isolated(string(t.name), at, "its own %s namespace", t.name)
		}
	}
}

// sharing is what follows from the lack of a type of namespace.
type sharing struct {
	name        specs.LinuxNamespaceType
	level       Level
	consequence string
}

func (e *examination) sharing() []sharing {
	network := sharing{specs.NetworkNamespace, Medium, "it reaches services that listen only on the host itself, and abstract sockets, and listens at the host's addresses"}
	pid := sharing{specs.PIDNamespace, Medium, "it sees all processes of the host, with their arguments, and can kill those of its user"}
	if e.canBeRoot() && e.has(unix.CAP_SYS_PTRACE) {
		pid.level = High
	}
	return []sharing{
		pid, network,
		{specs.IPCNamespace, Medium, "it reads and writes System V shared memory and message queues of the host's processes"},
		{specs.UTSNamespace, Low, "it sees the host's name, and with CAP_SYS_ADMIN changes it"},
		{specs.MountNamespace, e.forRoot(), "only chroot separates it from the host's files: root leaves that"},
		{specs.CgroupNamespace, Low, "it sees the paths of the host's cgroups"},
	}
}
